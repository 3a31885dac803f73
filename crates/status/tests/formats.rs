//! The formats, of one status.

use aws_status::{
    Block, CONTENT_SECURITY_POLICY, Counter, Explained, Kind, Method, Payload, ROW_WORDS,
    Rejection, RenewalState, RenewalStatus, Row, Series, Status, UpstreamError, Zone,
};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// 2026-11-30T12:00:00Z
const NOW: i64 = 1_796_040_000_000;

fn renewal(name: &str) -> RenewalStatus {
    RenewalStatus {
        kind: Kind::Credentials,
        name: name.to_owned(),
        source: "imds".to_owned(),
        access_key_id: Some("****MPLE".to_owned()),
        expires_at: Some(NOW + 3_600_000),
        outlives_expiry: false,
        last_success: Some(NOW - 3_600_000),
        last_error: None,
        fetches: 3,
        failures: 1,
        next_fetch: Some(NOW + 3_300_000),
    }
}

fn row(counts: &[(Counter, u64)]) -> Row {
    let mut words = [0; ROW_WORDS];
    for (counter, count) in counts {
        words[counter.place()] += count;
    }
    let mut row = Row::default();
    row.add(&words);
    row
}

fn sample() -> Status {
    let failing = RenewalStatus {
        last_error: Some((NOW - 5_000, "403 \"no\" <b>\nfrom STS".to_owned())),
        ..renewal("failing")
    };
    let expired = RenewalStatus {
        expires_at: Some(NOW),
        ..renewal("expired")
    };
    let token = RenewalStatus {
        kind: Kind::Token,
        access_key_id: None,
        last_success: None,
        expires_at: None,
        next_fetch: None,
        ..renewal("ecr")
    };
    let mut words = [0; ROW_WORDS];
    let [skew, at] = Row::CLOCK_SKEW;
    words[skew] = (-1_250_000_i64).cast_unsigned();
    words[at] = NOW.cast_unsigned();
    words[Counter::signed(Method::Read, Payload::Empty).place()] = 40;
    words[Counter::signed(Method::Write, Payload::Hash).place()] = 2;
    words[Counter::rejected(Rejection::Method).place()] = 5;
    words[Counter::upstream_error(UpstreamError::of("ExpiredToken")).place()] = 1;
    words[Counter::waited(70).place()] = 1;
    words[Counter::WAITED_MILLIS.place()] = 70;
    words[Counter::SEALING_NANOS.place()] = 2500;
    words[Counter::SEALINGS_TIMED.place()] = 2;
    let mut server = Row::default();
    server.add(&words);
    Status {
        module_version: "3.0.0".to_owned(),
        nginx_version: "nginx/1.22.1".to_owned(),
        now: NOW,
        counting_since: NOW - 86_400_500,
        generation: 7,
        zone: Zone {
            name: "aws_auth".to_owned(),
            size_bytes: 1 << 20,
            used_bytes: 40_960,
        },
        renewals: vec![renewal("main"), failing, expired, token],
        series: vec![
            Series {
                block: Block::Server("files.example.com".to_owned()),
                row: server,
            },
            Series {
                block: Block::Upstream("odd\"\\\n<name>".to_owned()),
                row: row(&[
                    (Counter::PRESIGNED_URLS, 3),
                    (Counter::HASHED_BYTES, 5 << 20),
                ]),
            },
            Series {
                block: Block::Other,
                row: row(&[(Counter::UNSIGNED, 9)]),
            },
        ],
        explained: vec![Explained {
            at: NOW - 60_000,
            text: "the clock is 1250 s behind <script>".to_owned(),
        }],
    }
}

#[test]
fn the_state_tells_what_is_wrong() {
    let state = |change: fn(&mut RenewalStatus)| {
        let mut one = renewal("main");
        change(&mut one);
        one.state(NOW)
    };
    assert_eq!(state(|_| ()), RenewalState::Fresh);
    assert_eq!(
        state(|one| one.last_success = None),
        RenewalState::NeverFetched
    );
    assert_eq!(
        state(|one| one.expires_at = Some(NOW)),
        RenewalState::Expired
    );
    assert_eq!(
        state(|one| {
            one.expires_at = Some(NOW);
            one.last_error = Some((NOW, String::new()));
        }),
        RenewalState::Expired
    );
    assert_eq!(
        state(|one| one.last_error = Some((NOW, String::new()))),
        RenewalState::Failing
    );
    let nearly = |one: &mut RenewalStatus| one.expires_at = Some(NOW + 60_000);
    assert_eq!(
        state(nearly),
        RenewalState::Fresh,
        "its next fetch is yet to come"
    );
    assert_eq!(
        state(|one| {
            one.expires_at = Some(NOW + 60_000);
            one.next_fetch = Some(NOW);
        }),
        RenewalState::Expiring
    );
    assert_eq!(
        state(|one| {
            one.expires_at = Some(NOW - 1);
            one.outlives_expiry = true;
        }),
        RenewalState::Fresh
    );
}

#[test]
fn json_says_everything() {
    let document: Value = serde_json::from_str(&sample().json()).expect("a JSON document");
    let at = |path: &str| {
        document
            .pointer(path)
            .unwrap_or_else(|| panic!("{path} in {document:#}"))
    };
    assert_eq!(at("/schema_version"), 1);
    assert_eq!(at("/time"), "2026-11-30T12:00:00Z");
    assert_eq!(at("/counting_seconds"), 86_400);
    assert_eq!(at("/credentials/0/state"), "fresh");
    assert_eq!(at("/credentials/0/access_key_id"), "****MPLE");
    assert_eq!(at("/credentials/0/seconds_left"), 3600);
    assert_eq!(
        at("/credentials/1/last_error/text"),
        "403 \"no\" <b>\nfrom STS"
    );
    assert_eq!(at("/credentials/2/state"), "expired");
    assert_eq!(at("/tokens/0/state"), "never_fetched");
    assert_eq!(at("/tokens/0/expires"), &Value::Null);
    assert_eq!(at("/series/0/signed/read/empty"), 40);
    assert_eq!(at("/series/0/rejected/method"), 5);
    assert_eq!(at("/series/0/upstream_errors/ExpiredToken"), 1);
    assert_eq!(at("/series/0/clock_skew_seconds"), -1250.0);
    assert_eq!(at("/series/0/credentials_wait/buckets/2/count"), 1);
    assert_eq!(at("/series/0/sealing/seconds"), 0.000_002_5);
    assert_eq!(at("/series/1/name"), "odd\"\\\n<name>");
    assert_eq!(at("/series/1/hashed_bytes"), 5 << 20);
    assert_eq!(at("/series/2/block"), "other");
    assert_eq!(at("/series/2/unsigned"), 9);
    assert_eq!(
        at("/explained/0/text"),
        "the clock is 1250 s behind <script>"
    );
}

#[test]
fn metrics_say_everything() {
    let text = sample().prometheus();
    for line in [
        "nginx_aws_auth_build_info{version=\"3.0.0\",nginx_version=\"nginx/1.22.1\"} 1",
        "nginx_aws_auth_provider_state{kind=\"credentials\",name=\"main\",source=\"imds\",state=\"fresh\"} 1",
        "nginx_aws_auth_provider_state{kind=\"credentials\",name=\"main\",source=\"imds\",state=\"failing\"} 0",
        "nginx_aws_auth_provider_expiry_timestamp_seconds{kind=\"credentials\",name=\"main\",source=\"imds\"} 1796043600.0",
        "nginx_aws_auth_provider_fetch_failures_total{kind=\"token\",name=\"ecr\",source=\"imds\"} 1",
        "# TYPE nginx_aws_auth_requests_signed_total counter",
        "nginx_aws_auth_requests_signed_total{block=\"server\",name=\"files.example.com\",method=\"write\",payload=\"hash\"} 2",
        "nginx_aws_auth_requests_rejected_total{block=\"server\",name=\"files.example.com\",reason=\"method\"} 5",
        "nginx_aws_auth_presigned_urls_total{block=\"upstream\",name=\"odd\\\"\\\\\\n<name>\"} 3",
        "nginx_aws_auth_clock_skew_seconds{block=\"server\",name=\"files.example.com\"} -1250.0",
        "nginx_aws_auth_credentials_wait_seconds_bucket{block=\"server\",name=\"files.example.com\",le=\"0.05\"} 0",
        "nginx_aws_auth_credentials_wait_seconds_bucket{block=\"server\",name=\"files.example.com\",le=\"0.1\"} 1",
        "nginx_aws_auth_credentials_wait_seconds_bucket{block=\"server\",name=\"files.example.com\",le=\"+Inf\"} 1",
        "nginx_aws_auth_credentials_wait_seconds_sum{block=\"server\",name=\"files.example.com\"} 0.07",
        "nginx_aws_auth_sealing_seconds_sum{block=\"server\",name=\"files.example.com\"} 2.5e-6",
        "nginx_aws_auth_requests_unsigned_total{block=\"other\",name=\"\"} 9",
    ] {
        assert!(
            text.lines().any(|other| other == line),
            "{line} in:\n{text}"
        );
    }
    assert!(
        !text.contains("_created") && !text.contains("# EOF"),
        "{text}"
    );
}

#[test]
fn open_metrics_differ_in_names_units_and_the_end() {
    let text = sample().open_metrics();
    for line in [
        "# TYPE nginx_aws_auth_requests_signed counter",
        "# UNIT nginx_aws_auth_hashed_bytes bytes",
        "nginx_aws_auth_hashed_bytes_created{block=\"other\",name=\"\"} 1795953599.5",
    ] {
        assert!(
            text.lines().any(|other| other == line),
            "{line} in:\n{text}"
        );
    }
    assert!(text.ends_with("\n# EOF\n"));
}

#[test]
fn each_family_is_described_once_and_its_samples_stand_together() {
    for text in [sample().prometheus(), sample().open_metrics()] {
        let mut family = "";
        let mut seen = Vec::new();
        for line in text.lines().filter(|line| *line != "# EOF") {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                family = rest.split(' ').next().expect("a name");
                assert!(!seen.contains(&family), "{family} is described twice");
                seen.push(family);
            } else {
                let name = line
                    .trim_start_matches("# TYPE ")
                    .trim_start_matches("# UNIT ");
                assert!(name.starts_with(family), "{line} belongs to {family}");
            }
        }
        assert!(seen.len() > 15, "{seen:?}");
    }
}

#[test]
fn the_page_shows_what_is_wrong_first_and_escapes_what_it_shows() {
    let page = sample().html();
    assert!(
        page.contains("<title>2 without valid credentials</title>"),
        "{page}"
    );
    let place = |text: &str| {
        page.find(text)
            .unwrap_or_else(|| panic!("{text} in:\n{page}"))
    };
    assert!(place("<b>expired</b>") < place("<b>failing</b>"));
    assert!(place("<b>failing</b>") < place("<b>main</b>"));
    place("expires in 60 min");
    place("<rect class=\"left\" width=\"50\" height=\"4\"/>");
    place("403 &quot;no&quot; &lt;b&gt;");
    place("1250 s behind &lt;script&gt;");
    place("upstream odd&quot;\\\n&lt;name&gt;");
    assert!(!page.contains("<script"), "{page}");
    assert!(
        !page.contains("http:") && !page.contains("https:"),
        "nothing is loaded"
    );
}

#[test]
fn the_policy_names_the_style_of_the_page() {
    let page = sample().html();
    let style = page
        .split("<style>")
        .nth(1)
        .expect("a style")
        .split("</style>")
        .next();
    let hash = BASE64_STANDARD.encode(Sha256::digest(style.expect("its end")));
    assert!(
        CONTENT_SECURITY_POLICY.contains(&format!("'sha256-{hash}'")),
        "it is {hash}"
    );
    assert!(
        !page.contains("style=\""),
        "the policy allows no style of elements"
    );
}

#[test]
fn the_heading_mentions_recent_upstream_errors() {
    let heading = |minutes: i64| {
        let status = Status {
            renewals: Vec::new(),
            explained: vec![Explained {
                at: NOW - minutes * 60_000,
                text: "the upstream rejected the signed request".to_owned(),
            }],
            ..sample()
        };
        let page = status.html();
        page.split("<title>")
            .nth(1)
            .and_then(|rest| rest.split('<').next())
            .map(str::to_owned)
    };
    assert_eq!(heading(4).as_deref(), Some("upstream errors"));
    assert_eq!(heading(6).as_deref(), Some("all is well"));
}

#[test]
fn nothing_is_a_status_too() {
    let empty = Status {
        renewals: Vec::new(),
        series: Vec::new(),
        explained: Vec::new(),
        ..sample()
    };
    assert!(empty.html().contains("all is well"));
    let document: Value = serde_json::from_str(&empty.json()).expect("a JSON document");
    assert_eq!(document["credentials"], Value::Array(Vec::new()));
    assert!(empty.open_metrics().ends_with("# EOF\n"));
}
