//! What `nginx -t` warns of and takes all the same, key files, and what it must not reject: each
//! configuration that works with the C module.

use std::os::unix::fs::PermissionsExt;

use nginx_tests::{Builder, Nginx, Scratch, TestResult, http, load_directive, server_conf};

const KEYS: &str = "aws_access_key AKID; aws_secret_key hush; aws_region us-east-1;";

fn builder(server: &str) -> Builder {
    server_conf::builder(server).http("proxy_cache_path {dir}/cache keys_zone=objects:1m;")
}

/// The configuration is taken, without a warning.
#[track_caller]
fn expect_taken(server: &str) {
    let result = builder(server).check().expect_ok();
    assert!(result.warnings().is_empty(), "{server}\n{}", result.stderr);
}

/// The configuration is taken, with one warning that holds `message` and names line `line`.
#[track_caller]
fn expect_warning(result: TestResult, message: &str, line: usize) {
    let result = result.expect_ok();
    let warnings = result.warnings();
    assert_eq!(warnings.len(), 1, "{}", result.stderr);
    assert!(warnings[0].contains(message), "{}", result.stderr);
    assert!(
        warnings[0].ends_with(&format!("/server.conf:{line}")),
        "{}",
        result.stderr
    );
    assert!(!result.stderr.contains("hush"), "{}", result.stderr);
}

fn signed(bucket: &str, endpoint: &str, host: &str) -> String {
    format!(
        "{KEYS}\naws_s3_bucket {bucket};\naws_endpoint {endpoint};\n\
         location / {{\n    aws_sign;\n    proxy_pass http://{host};\n}}\n"
    )
}

/// 127.1 is a name to us and to nginx, and needs no name server.
#[test]
fn a_host_that_contradicts_the_endpoint_is_warned_of() {
    let message = "\"proxy_pass\" of location \"/\" names the host \"127.1\", but requests are \
                   signed for \"s3.example\": set \"aws_endpoint\" to the host of the upstream";
    for host in ["127.1", "127.1:8080", "127.1/path/"] {
        let server = signed("bucket", "s3.example", host);
        expect_warning(builder(&server).check(), message, 5);
    }
    let endpoint = "but requests are signed for \"s3.us-east-1.amazonaws.com\"";
    let server = signed("bucket", "s3.example", "127.1").replace("aws_endpoint s3.example;", "");
    expect_warning(builder(&server).check(), endpoint, 5);
}

#[test]
fn a_host_that_fits_is_not_warned_of() {
    for (bucket, endpoint, host) in [
        ("bucket", "127.1", "127.1"),
        ("bucket", "127.1:8080", "127.1"),
        ("127", "0.1", "127.0.1"),
        // Addresses, and localhost in a test: a proxy, a tunnel, an object store under another name.
        ("bucket", "s3.example", "127.0.0.1"),
        ("bucket", "s3.example", "[::1]:80"),
        ("bucket", "s3.example", "localhost:9000"),
        ("bucket", "s3.example", "unix:/run/store.sock"),
        // Only requests can tell.
        ("$arg_bucket", "s3.example", "127.1"),
        ("bucket", "$arg_endpoint", "127.1"),
        ("bucket", "s3.example", "$arg_host"),
        // Without bucket, the Host that nginx sends is signed.
        ("''", "s3.example", "127.1"),
    ] {
        expect_taken(&signed(bucket, endpoint, host));
    }
    let server = signed("bucket", "s3.example", "store");
    builder(&server)
        .http("upstream store { server 127.1; }")
        .check()
        .expect_ok();
    let result = builder(&server)
        .http("upstream store { server 127.1; }")
        .check();
    assert!(result.warnings().is_empty(), "{}", result.stderr);
}

#[test]
fn a_cache_that_tenants_share_is_warned_of() {
    let message = "\"proxy_cache_key\" must contain that variable, or tenants share cached objects";
    for variable in [
        "aws_s3_bucket $arg_bucket;",
        "aws_s3_bucket bucket; aws_endpoint $arg_endpoint;",
        "aws_access_key $arg_key; aws_secret_key hush;",
        "aws_access_key AKID; aws_secret_key $arg_secret;",
    ] {
        let server = format!(
            "{KEYS}\nlocation / {{\n{variable}\nproxy_cache objects;\naws_sign on;\n\
             proxy_pass http://127.0.0.1:1;\n}}\n"
        );
        expect_warning(builder(&server).check(), message, 5);
        expect_taken(&server.replace("proxy_cache objects;", ""));
        expect_taken(&server.replace(variable, ""));
    }
}

/// A file in a folder of its own, with this mode.
fn key_file(content: &[u8], mode: u32) -> (Scratch, String) {
    let scratch = Scratch::new("key");
    scratch.write("secret.key", content);
    let path = scratch.path().join("secret.key");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("our own file");
    let path = path.display().to_string();
    (scratch, path)
}

#[test]
fn a_key_file_that_everybody_can_read_is_warned_of() {
    for (mode, readable) in [(0o600, false), (0o640, false), (0o644, true), (0o604, true)] {
        let (_folder, path) = key_file(b"hush\n", mode);
        let result = builder(&format!("\naws_secret_key_file {path};\n")).check();
        if readable {
            let message = format!(
                "any user of this machine can read the secret key in {path}: run \"chmod 600\" \
                 on it"
            );
            expect_warning(result, &message, 2);
        } else {
            assert!(
                result.clone().expect_ok().warnings().is_empty(),
                "{}",
                result.stderr
            );
        }
    }
}

#[test]
fn a_key_file_that_holds_no_key_is_rejected() {
    let reason = "which contains no secret key (empty, or with blanks or control characters): \
                  the file must contain only the key in ";
    for content in [
        &b""[..],
        b"\n \n",
        b"hush\nhush\n",
        b"hush hush",
        b"hush\0",
        b"\xff\xfehush",
    ] {
        let (_folder, path) = key_file(content, 0o600);
        let result = builder(&format!("\n\naws_secret_key_file {path};\n")).check();
        let result =
            result.expect_refused(&format!("\"aws_secret_key_file\" names {path}, {reason}"));
        assert!(
            result.stderr.contains("/server.conf:3\n"),
            "{}",
            result.stderr
        );
        assert!(!result.stderr.contains("hush"), "{}", result.stderr);
    }
    for (file, reason) in [
        ("missing.key", "No such file or directory"),
        (".", "Is a directory"),
    ] {
        let result = builder(&format!("\naws_secret_key_file {file};\n")).check();
        let result = result.expect_refused("aws_auth: \"aws_secret_key_file\" cannot read /");
        assert!(result.stderr.contains(reason), "{}", result.stderr);
        assert!(
            result.stderr.contains("/server.conf:2\n"),
            "{}",
            result.stderr
        );
    }
}

/// Blanks and line ends around the key are not part of it; a relative name is relative to the
/// configuration, as nginx's own are.
#[test]
fn a_key_file_is_read() {
    for content in [&b"hush"[..], b"hush\n", b"hush\r\n", b"  hush \n\n"] {
        let (_folder, path) = key_file(content, 0o600);
        expect_taken(&format!(
            "aws_access_key AKID; aws_region r; aws_secret_key_file {path};
             location / {{ aws_sign; proxy_pass http://127.0.0.1:1; }}"
        ));
    }
    let server = "aws_secret_key_file keys/secret.key;";
    builder(server)
        .file("keys/secret.key", "hush")
        .check()
        .expect_ok();
}

/// What the C module 2.1.1 takes.
#[test]
fn configurations_of_the_c_module_are_taken() {
    let key = "A".repeat(43);
    let keys = format!(
        "aws_access_key AKID; aws_signing_key {key};
         aws_key_scope 20150830/us-east-1/s3/aws4_request; aws_s3_bucket bucket;"
    );
    for server in [
        // The key with its padding and without.
        format!("{keys} location / {{ aws_sign; proxy_pass http://127.0.0.1:1; }}"),
        format!(
            "{} location / {{ aws_sign; proxy_pass http://127.0.0.1:1; }}",
            keys.replace(&key, &format!("{key}="))
        ),
        // Repeated.
        format!(
            "{keys} location / {{
                 aws_sign; aws_sign; aws_endpoint a.example; aws_endpoint b.example;
                 proxy_pass http://127.0.0.1:1;
             }}"
        ),
        // Above all locations, without credentials that anybody uses.
        "aws_sign; location / { proxy_pass http://127.0.0.1:1; }".to_owned(),
        "aws_sign on; location / { root /nowhere; }".to_owned(),
        // Some of the keys at each level.
        format!(
            "aws_access_key AKID; aws_key_scope 20150830/us-east-1/s3/aws4_request;
             location / {{ aws_signing_key {key}; aws_sign; proxy_pass http://127.0.0.1:1; }}"
        ),
        // In if and limit_except.
        format!(
            "{keys} location / {{
                 proxy_pass http://127.0.0.1:1;
                 if ($arg_a) {{ aws_sign; proxy_pass http://127.0.0.1:1; }}
                 limit_except GET {{ deny all; }}
             }}"
        ),
        // Beside what is no upstream.
        format!("{keys} location / {{ aws_sign; root /nowhere; }}"),
        format!("{keys} location / {{ aws_sign; return 204; }}"),
    ] {
        expect_taken(&server);
    }
}

/// Over plain http, nothing covers a body that is not signed.
#[test]
fn unsigned_bodies_over_plain_http_are_warned_of() {
    let server = |payload: &str, pass: &str| {
        format!(
            "{KEYS}\nlocation / {{\n    aws_sign;\n    {payload}\n    proxy_pass {pass};\n}}\n\
             location /other {{ proxy_pass http://127.0.0.1; }}\n"
        )
    };
    let message = "\"aws_payload unsigned\" in location \"/\" sends bodies over plain http, where \
                   nothing protects them: use \"https://\" in \"proxy_pass\", or \"aws_payload \
                   signed\" or \"streaming\"";
    for pass in [
        "http://127.0.0.1",
        "HTTP://127.0.0.1:80/a",
        "http://unix:/s",
    ] {
        let result = builder(&server("aws_payload unsigned;", pass)).check();
        expect_warning(result, message, 4);
    }
    // In an upstream{} block the name says nothing of the scheme.
    let result = builder(&server("aws_payload unsigned;", "http://store"))
        .http("upstream store { server 127.0.0.1; }")
        .check();
    expect_warning(result, message, 4);

    let https = builder(&server("aws_payload unsigned;", "https://127.0.0.1"));
    let result = https.check().expect_ok();
    assert!(!result.stderr.contains("plain http"), "{}", result.stderr);
    expect_taken(&server("aws_payload unsigned;", "$scheme://127.0.0.1"));
    expect_taken(&server("aws_payload signed;", "http://127.0.0.1"));
    expect_taken(&server("", "http://127.0.0.1"));
}

/// The directive is looked at while the configuration is read, and is nginx's own again after that,
/// also where the configuration is rejected and another one without the module is read.
#[test]
fn proxy_pass_is_left_as_it_was() {
    let module = load_directive();
    let mut nginx = Nginx::builder()
        .without_module()
        .main("include module.conf;")
        .file("module.conf", &module)
        .server("location / { proxy_pass http://127.0.0.1:1; include more.conf; }")
        .file("more.conf", "")
        .start();

    nginx.edit(|builder| builder.file("more.conf", "nonsense;"));
    assert!(nginx.try_reload().is_err());
    nginx.edit(|builder| builder.file("more.conf", ""));
    for _ in 0..3 {
        nginx.edit(|builder| builder.file("module.conf", ""));
        nginx.reload();
        nginx.edit(|builder| builder.file("module.conf", &module));
        nginx.reload();
    }
    http::get(nginx.port(), "/").expect_status(502);
}
