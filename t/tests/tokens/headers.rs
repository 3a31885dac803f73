//! Service tokens: from the service that hands them out to the header that shows them.

use std::time::Duration;

use nginx_tests::{Behaviour, Builder, Nginx, RawOrigin, TokenService, http};

const ECR: &str = "aws_token registry ecr endpoint=http://{tokens};";
const SHOWN: &str = "location / {
    aws_token_required on;
    proxy_set_header Authorization \"Basic $aws_token_registry\";
    proxy_pass http://{origin};
}";

fn with_tokens(service: &TokenService, gate: &RawOrigin, http: &str, server: &str) -> Builder {
    let builder = Nginx::builder()
        .var("origin", gate.address())
        .http(http)
        .server(server);
    service.environment(builder)
}

#[track_caller]
fn expect_hello(nginx: &Nginx, service: &TokenService, target: &str) {
    let response = http::get(nginx.port(), target);
    let seen = (response.status, response.text());
    assert_eq!(
        seen,
        (200, "hello".to_owned()),
        "{target}: {:?}",
        service.refused()
    );
}

#[test]
fn a_registry_is_shown_a_token() {
    let service = TokenService::start();
    let gate = service.gate();
    let nginx = with_tokens(&service, &gate, ECR, SHOWN).start();
    expect_hello(&nginx, &service, "/v2/");
    expect_hello(&nginx, &service, "/v2/");
    assert_eq!(service.fetches(), 1);
}

#[test]
fn a_single_process_does_it_too() {
    let service = TokenService::start();
    let gate = service.gate();
    let nginx = with_tokens(&service, &gate, ECR, SHOWN)
        .master_off()
        .start();
    expect_hello(&nginx, &service, "/v2/");
}

#[test]
fn each_service_has_its_form() {
    let service = TokenService::start();
    let gate = service.gate();
    let nginx = with_tokens(
        &service,
        &gate,
        "aws_token private ecr endpoint=http://{tokens};
         aws_token public ecr-public endpoint=http://{tokens} format=bearer;
         aws_token packages codeartifact domain=my-domain owner=123456789012 duration=1h
             endpoint=http://{tokens};
         aws_token basic codeartifact domain=my-domain endpoint=http://{tokens} format=basic;",
        "aws_token_required on;
         location /private { proxy_pass http://{origin};
             proxy_set_header Authorization \"Basic $aws_token_private\"; }
         location /public { proxy_pass http://{origin};
             proxy_set_header Authorization \"Bearer $aws_token_public\"; }
         location /packages { proxy_pass http://{origin};
             proxy_set_header Authorization \"Bearer $aws_token_packages\"; }
         location /basic { proxy_pass http://{origin};
             proxy_set_header Authorization \"Basic $aws_token_basic\"; }",
    )
    .start();
    for target in ["/private", "/public", "/packages", "/basic"] {
        expect_hello(&nginx, &service, target);
    }
    let targets: Vec<_> = service
        .requests()
        .iter()
        .map(|request| request.target())
        .filter(|target| target.contains("owner"))
        .collect();
    assert_eq!(
        targets,
        ["/v1/authorization-token?domain=my-domain&domain-owner=123456789012&duration=3600"]
    );
}

// With the keys of another provider, which is asked first.
#[test]
fn a_provider_may_sign() {
    let service = TokenService::start();
    let gate = service.gate();
    let nginx = with_tokens(
        &service,
        &gate,
        "aws_credentials_provider keys process \"command=/bin/sh {dir}/keys\";
         aws_token registry ecr region=eu-west-1 endpoint=http://{tokens} credentials=keys;",
        SHOWN,
    )
    .file(
        "keys",
        "echo '{\"Version\": 1, \"AccessKeyId\": \"AKIDTOKENS\",\
         \"SecretAccessKey\": \"tokens/SECRET+KEY\"}'",
    )
    .env("AWS_ACCESS_KEY_ID", "AKIDOTHER")
    .start();
    expect_hello(&nginx, &service, "/v2/");
}

#[test]
fn a_program_may_print_it() {
    let service = TokenService::start();
    let echo = RawOrigin::start(|request| {
        nginx_tests::Reply::new(200, request.header("Authorization").unwrap_or_default())
    });
    let nginx = with_tokens(
        &service,
        &echo,
        "aws_token registry process \"command=/bin/sh {dir}/print user word\" format=basic;
         aws_token other process \"command=/bin/sh {dir}/document\" interval=1h;",
        "aws_token_required on;
         location / { proxy_set_header Authorization \"Basic $aws_token_registry\";
             proxy_pass http://{origin}; }
         location /other { proxy_set_header Authorization \"Bearer $aws_token_other\";
             proxy_pass http://{origin}; }",
    )
    .file("print", "echo \"$1:$2\"")
    .file(
        "document",
        "echo '{\"token\": \"eyJ0\", \"expiration\": \"2999-01-01T00:00:00Z\"}'",
    )
    .start();
    assert_eq!(http::get(nginx.port(), "/").text(), "Basic dXNlcjp3b3Jk");
    assert_eq!(http::get(nginx.port(), "/other").text(), "Bearer eyJ0");
    assert_eq!(service.fetches(), 0);
}

// The variable is every module's.
#[test]
fn other_modules_may_use_it() {
    let service = TokenService::start();
    let gate = service.gate();
    let nginx = with_tokens(
        &service,
        &gate,
        &format!(
            "{ECR} map $aws_token_registry $has_token {{ '' no; default yes; }}
             log_format short '$has_token';"
        ),
        "access_log {dir}/short.log short;
         location = /has { return 200 $has_token; }
         location = /token { allow 127.0.0.1; deny all; return 200 $aws_token_registry; }
         location = /header { add_header X-Token $aws_token_registry; return 204; }",
    )
    .start();
    service.wait_for_fetches(1);
    nginx.wait_for_log(
        "token \"registry\": ecr in eu-west-1",
        Duration::from_secs(2),
    );
    let issued = service.issued()[0].text.clone();
    assert_eq!(http::get(nginx.port(), "/has").text(), "yes");
    assert_eq!(http::get(nginx.port(), "/token").text(), issued);
    let response = http::get(nginx.port(), "/header");
    assert_eq!(response.header("X-Token"), Some(issued.as_str()));
}

// One line however many requests there are, until there is one again.
#[test]
fn without_a_token_the_variable_is_empty_and_the_log_says_so_once() {
    let service = TokenService::start();
    service.behave(Behaviour::Answer(
        400,
        b"{\"__type\": \"AccessDeniedException\", \"message\": \"not authorized\"}".to_vec(),
    ));
    let gate = service.gate();
    let server = "location / { return 200 '[$aws_token_registry]'; }";
    let nginx = with_tokens(&service, &gate, ECR, server).start();
    for _ in 0..5 {
        assert_eq!(http::get(nginx.port(), "/").text(), "[]");
    }
    nginx.wait_for_log(
        "token \"registry\" cannot be fetched, there is none and $aws_token_registry is empty: \
         http://127.0.0.1",
        Duration::from_secs(2),
    );
    let line = nginx.wait_for_log("AccessDeniedException: not authorized", Duration::ZERO);
    assert!(line.contains("[error]"), "{line}");
    let told = |nginx: &Nginx| nginx.error_log().matches("is used, but").count();
    assert_eq!(told(&nginx), 1);
    nginx.wait_for_log(
        "token \"registry\" is used, but it has not been fetched yet: $aws_token_registry is empty",
        Duration::ZERO,
    );

    service.behave(Behaviour::Good);
    nginx.wait_for_log(
        "token \"registry\" is fetched again",
        Duration::from_secs(15),
    );
    let text = http::get(nginx.port(), "/").text();
    assert_eq!(text, format!("[{}]", service.issued()[0].text));
    assert_eq!(told(&nginx), 1);
}

#[test]
fn what_is_no_token_is_not_used() {
    for (body, words) in [
        (&b"hello"[..], "the response is not a JSON object"),
        (b"{}", "the response has no authorizationData"),
        (
            b"{\"authorizationData\": [{\"authorizationToken\": \"SECRET\\nHost: a\", \
              \"expiresAt\": 9999999999}]}",
            "authorizationToken in the response is malformed",
        ),
        (
            b"{\"authorizationData\": [{\"authorizationToken\": \"SECRET\", \"expiresAt\": 1}]}",
            "the token in the response expired at 1970-01-01T00:00:01Z",
        ),
    ] {
        let service = TokenService::start();
        service.behave(Behaviour::Answer(200, body.to_vec()));
        let gate = service.gate();
        let nginx = with_tokens(&service, &gate, ECR, SHOWN)
            .http(&format!("{ECR} aws_credentials_timeout 0;"))
            .start();
        http::get(nginx.port(), "/").expect_status(503);
        nginx.wait_for_log(words, Duration::from_secs(2));
        assert!(!nginx.error_log().contains("SECRET"));
        assert_eq!(gate.connections(), 0);
    }
}

// What signs for a token is no token's business to tell; nor is the token itself.
#[test]
fn no_secret_is_logged_or_passed_to_a_program() {
    let service = TokenService::start();
    let gate = service.gate();
    let nginx = with_tokens(
        &service,
        &gate,
        &format!(
            "{ECR} aws_token packages codeartifact domain=my-domain endpoint=http://{{tokens}};
             aws_token printed process \"command=/bin/sh {{dir}}/print\";"
        ),
        SHOWN,
    )
    .file(
        "print",
        "cd \"$(dirname \"$0\")\"; env > seen; echo TOKENSECRET",
    )
    .log_level("info")
    .start();
    expect_hello(&nginx, &service, "/");
    let log = nginx.error_log();
    for issued in service.issued() {
        assert!(!log.contains(&issued.text), "{log}");
    }
    assert!(!log.contains("SECRET"), "{log}");
    assert!(!nginx.read("seen").contains("SECRET"));
    for worker in nginx.workers() {
        let words = nginx_tests::procfs::title(worker).expect("a worker");
        assert!(!words.contains("SECRET"));
    }
}

#[test]
fn a_service_is_asked_over_tls() {
    let service = TokenService::start();
    let gate = service.gate();
    let nginx = with_tokens(
        &service,
        &gate,
        "aws_token registry ecr endpoint=https://localhost:{tls};
         aws_trusted_certificate {dir}/tls/authority.pem;
         server { listen 127.0.0.1:{tls} ssl; ssl_certificate {dir}/tls/server.pem;
             ssl_certificate_key {dir}/tls/server.key;
             location / { proxy_set_header Host $http_host; proxy_pass http://{tokens}; } }",
        SHOWN,
    )
    .extra_port("tls")
    .certificate()
    .start();
    expect_hello(&nginx, &service, "/v2/");
}

// The seal takes away whatever Authorization there is.
#[test]
fn a_signed_location_may_need_one_too() {
    let service = TokenService::start();
    let store = nginx_tests::account::object_store();
    store.put("bucket", "key", "hello");
    let location = "location / { aws_sign on; aws_token_required registry;
         proxy_set_header X-Token $aws_token_registry;
         proxy_set_header Authorization \"Basic $aws_token_registry\";
         proxy_pass http://{origin}; }";
    let builder = nginx_tests::account::signing(store.address(), location);
    let nginx = service.environment(builder).http(ECR).start();
    expect_hello(&nginx, &service, "/key");
    let head = store.only_request().head;
    assert_eq!(
        head.header("X-Token"),
        Some(service.issued()[0].text.clone())
    );
    nginx_tests::account::expect_signed(&head);
}
