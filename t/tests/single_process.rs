//! nginx without a master (`master_process off`): the process that serves requests reads the configuration
//! again itself, while requests of the one before still wait.
//!
//! nginx is at its limits there: it goes on serving the old configuration, with no connections except those
//! that are closed after the reload.

use std::time::Duration;

use nginx_tests::account::expect_signed;
use nginx_tests::http::{Connection, Request};
use nginx_tests::{Builder, Nginx, RawOrigin};

const CREDENTIALS: &str = "[default]\naws_access_key_id = AKIDEXAMPLE\n\
    aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n";

/// A part of the log line of the first fetch.
const FETCHED: &str = "credentials \"keys\"";

const ALIVE: &str = "location = /alive { return 204; }";

/// nginx, the object store, and connections that it can use after it has read its configuration.
struct Stand {
    nginx: Nginx,
    origin: RawOrigin,
    spare: Vec<Connection>,
}

impl Stand {
    fn new(edit: impl FnOnce(Builder) -> Builder) -> Self {
        let origin = RawOrigin::with_body("hello");
        let builder = Nginx::builder()
            .master_off()
            .var("origin", origin.address())
            // A single process forgets all other variables, on which credentials may depend.
            .main("env HOME; env PATH; env AWS_CA_BUNDLE; env LANG; env LC_ALL;")
            .allow_log("worker_connections are not enough")
            .server(ALIVE);
        let nginx = edit(builder).start();
        let spare = (0..8).map(|_| alive(&nginx)).collect();
        Self {
            nginx,
            origin,
            spare,
        }
    }

    /// A request that waits for credentials. There are none before the file is written.
    fn waiting(&self) -> Connection {
        let mut client = Connection::open(self.nginx.port());
        let request = Request::get("/bucket/key").to_bytes();
        client.write(&request).expect("nginx reads");
        // nginx takes requests in their order: the first one waits when the response to this one is
        // sent.
        alive(&self.nginx);
        client
    }

    fn reload(&mut self, edit: impl FnOnce(Builder) -> Builder) {
        self.nginx.edit(edit);
        self.nginx.reload_single_process();
        self.spare.clear();
    }

    fn write_credentials(&self) {
        self.nginx.write("credentials", CREDENTIALS);
    }
}

/// A connection that nginx has taken, and keeps.
fn alive(nginx: &Nginx) -> Connection {
    let mut client = Connection::open(nginx.port());
    let response = client.send(&Request::get("/alive"));
    assert_eq!(response.status, 204);
    client
}

fn with_provider(zone: &'static str) -> impl Fn(Builder) -> Builder {
    move |builder| {
        builder
            .http(&format!(
                "aws_auth_zone credentials:{zone};
                 aws_credentials_provider keys file path={{dir}}/credentials;"
            ))
            .server(&format!(
                "aws_region us-east-1; aws_credentials keys; aws_credentials_timeout 2s;
                 location / {{ aws_sign on; proxy_pass http://{{origin}}; }}
                 {ALIVE}"
            ))
    }
}

/// What the new configuration fetches is for the request of the old one, too.
#[test]
fn a_zone_is_resized_while_a_request_waits() {
    let mut stand = Stand::new(with_provider("256k"));
    let mut client = stand.waiting();
    stand.reload(with_provider("512k"));
    stand.write_credentials();

    let response = client.read(false).expect("a response");
    assert_eq!((response.status, &*response.text()), (200, "hello"));
    expect_signed(&stand.origin.only_request());
}

#[test]
fn the_configuration_loses_its_http_block_and_gets_it_back() {
    let mut stand = Stand::new(with_provider("256k"));
    let mut client = stand.waiting();
    let with_http = std::cell::Cell::new(None);
    stand.reload(|builder| {
        with_http.set(Some(builder.clone()));
        builder.conf("{preamble} events {}")
    });
    assert_eq!(client.read(false).expect("a response").status, 503);

    stand.write_credentials();
    stand.reload(|_| with_http.take().expect("it was there"));
    stand.nginx.wait_for_log(FETCHED, Duration::from_secs(10));
}

#[test]
fn the_module_is_taken_away_while_a_request_waits() {
    let mut stand = Stand::new(with_provider("256k"));
    let mut client = stand.waiting();
    stand.reload(|builder| builder.without_module().http("").server(ALIVE));
    assert_eq!(client.read(false).expect("a response").status, 503);
    alive(&stand.nginx);
}

/// Requests still go by the old configuration, so that the log tells.
#[test]
fn a_provider_is_added() {
    let mut stand = Stand::new(|builder| builder);
    stand.write_credentials();
    stand.reload(with_provider("256k"));
    stand.nginx.wait_for_log(FETCHED, Duration::from_secs(10));
}
