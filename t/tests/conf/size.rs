//! What large configurations cost in memory.

use std::fmt::Write;

use nginx_tests::account::{SECRET_KEY_DIRECTIVES, expect_signed, signing_upstream};
use nginx_tests::http::Request;
use nginx_tests::procfs::memory;
use nginx_tests::{Nginx, RawOrigin, alone};

const KIB: usize = 1024;

/// What the master of an nginx with this configuration has in memory, and that nginx.
fn started(http: &str, server: &str, origin: &RawOrigin) -> (usize, Nginx) {
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .http(http)
        .server(server)
        .start();
    (memory(nginx.master(), "VmRSS"), nginx)
}

/// Any of a thousand locations can send to any of a thousand upstreams that sign.
#[test]
fn upstreams_and_locations_that_name_them_by_a_variable_cost_what_each_of_them_costs() {
    let _alone = alone();
    const COUNT: usize = 1000;
    let origin = RawOrigin::with_body("hello");
    let server: String = (0..COUNT).fold(String::new(), |mut text, nth| {
        // Half of them have a directive of their own, and so share no plan.
        let own = ["", "aws_payload signed;"][nth % 2];
        let _ = writeln!(
            text,
            "location /{nth}/ {{ {own} proxy_pass http://$http_upstream; }}"
        );
        text
    });
    let unsigned = (0..COUNT).map(|nth| format!("upstream store{nth} {{ server {{origin}}; }}\n"));
    let signed = (0..COUNT).map(|nth| signing_upstream(&format!("store{nth}"), ""));
    let [unsigned, signed]: [String; 2] = [unsigned.collect(), signed.collect()];

    let (without, _) = started(&unsigned, &server, &origin);
    let (with, nginx) = started(&signed, &server, &origin);
    let more = with.saturating_sub(without);
    assert!(more < 20 * KIB * KIB, "{} KiB more", more / KIB);

    for (location, upstream) in [(0, 0), (0, 1), (1, 0), (1, 1), (998, 999), (999, 999)] {
        let request =
            Request::get(format!("/{location}/key")).header("Upstream", format!("STORE{upstream}"));
        for _ in 0..2 {
            request.clone().send(nginx.port()).expect_status(200);
            expect_signed(&origin.requests().pop().expect("a request"));
        }
    }
    let elsewhere = Request::get("/0/key").header("Upstream", origin.address().to_string());
    elsewhere.send(nginx.port()).expect_status(200);
    let request = origin.requests().pop().expect("a request");
    assert_eq!(request.header("Authorization"), None);
}

#[test]
fn a_signed_location_costs_less_than_four_kibibytes() {
    let _alone = alone();
    const COUNT: usize = 5000;
    let origin = RawOrigin::with_body("hello");
    let locations = |sign: &str| {
        (0..COUNT).fold(String::new(), |mut text, nth| {
            let sign = sign.replace("{nth}", &nth.to_string());
            let _ = writeln!(
                text,
                "location /{nth}/ {{ {sign} proxy_pass http://{{origin}}; }}"
            );
            text
        })
    };
    let keys = SECRET_KEY_DIRECTIVES;
    let own = format!("aws_sign on; aws_s3_bucket bucket-{{nth}}; {keys}");
    let around = format!("aws_sign on; {keys}");
    // An nginx without the module: what each location has of ours counts, too.
    let without_module = Nginx::builder()
        .var("origin", origin.address())
        .without_module()
        .server(&locations(""))
        .start();
    let plain = memory(without_module.master(), "VmRSS");
    for (http, sign) in [("", &own[..]), (&around, "")] {
        let (memory, nginx) = started(http, &locations(sign), &origin);
        let each = memory.saturating_sub(plain) / COUNT;
        assert!(each < 4 * KIB, "{each} bytes");
        Request::get("/4999/key")
            .send(nginx.port())
            .expect_status(200);
        let request = origin.requests().pop().expect("a request");
        assert!(request.header("Authorization").is_some());
    }
}
