//! Files of secret keys: which names they may have, what is rejected, and those that a variable names.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use nginx_tests::account::{ACCESS_KEY, SECRET_KEY};
use nginx_tests::{Nginx, RawOrigin, Scratch, Signer, http, server_conf, signing};

/// A configuration whose key file has this name, in nginx's own bytes.
fn conf(name: &[u8]) -> Vec<u8> {
    let before = format!("aws_access_key {ACCESS_KEY}; aws_region r; aws_secret_key_file \"");
    let after = "\"; location / { aws_sign on; proxy_pass http://{origin}; }";
    [before.as_bytes(), name, after.as_bytes()].concat()
}

#[test]
fn a_name_need_not_be_utf_8() {
    let scratch = Scratch::new("keys");
    let folder = scratch.path().join(OsStr::from_bytes(b"\xff\xfe"));
    std::fs::create_dir(&folder).expect("a folder");
    let path = folder.join(OsStr::from_bytes(b"caf\xe9.key"));
    std::fs::write(&path, SECRET_KEY).expect("a file");
    // What the name would be if its bytes were replaced: another file.
    let other = scratch.path().join("\u{fffd}\u{fffd}");
    std::fs::create_dir(&other).expect("a folder");
    std::fs::write(other.join("caf\u{fffd}.key"), "another").expect("a file");

    let origin = RawOrigin::with_body("hello");
    let address = origin.address().to_string();
    let conf = conf(&path.into_os_string().into_vec());
    let text = conf.iter().map(|byte| *byte as char).collect::<String>();
    let text = text.replace("{origin}", &address);
    let bytes: Vec<u8> = text.chars().map(|c| c as u8).collect();
    let nginx = Nginx::builder()
        .server("include key.conf;")
        .file("key.conf", bytes)
        .start();
    http::get(nginx.port(), "/key").expect_status(200);
    let signer = Signer::new(ACCESS_KEY, SECRET_KEY).region("r");
    signing::expect_signed(&origin.only_request(), &signer);
}

/// nginx would wait for somebody to write to a FIFO, for ever.
#[test]
fn what_is_not_a_regular_file_is_rejected_and_not_waited_for() {
    let scratch = Scratch::new("keys");
    let fifo = scratch.path().join("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status();
    assert!(made.expect("mkfifo of coreutils").success());
    for path in [&fifo, Path::new("/dev/zero"), Path::new("/dev/null")] {
        let path = path.display();
        let server = format!("aws_secret_key_file {path};");
        let result = server_conf::builder(&server).check();
        result.expect_refused(&format!("\"aws_secret_key_file\" cannot read {path}: "));
        for directive in [
            format!("aws_credentials_provider p file path={path};"),
            format!("aws_credentials_provider p signing_keys access_key=A path={path};"),
            format!(
                "aws_trusted_certificate {path};
                 aws_token t ecr region=r endpoint=https://127.0.0.1:9 credentials=imds;"
            ),
        ] {
            let result = Nginx::builder().http(&directive).check();
            result.expect_refused("not a regular file");
        }
    }
}

#[test]
fn a_file_is_warned_of_once_whatever_names_it() {
    let scratch = Scratch::new("keys");
    scratch.write("key", "hush\n");
    let path = scratch.path().join("key");
    let mode = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(&path, mode).expect("our own file");
    let path = path.display();
    let locations: String = (0..20)
        .map(|nth| format!("location /{nth} {{ aws_secret_key_file {path}; }}\n"))
        .collect();
    let result = server_conf::builder(&locations).check().expect_ok();
    assert_eq!(result.warnings().len(), 1, "{}", result.stderr);

    scratch.write("profiles", "[a]\naws_access_key_id = A\naws_secret_access_key = s\n[b]\naws_access_key_id = B\naws_secret_access_key = s\n");
    let path = scratch.path().join("profiles");
    let mode = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(&path, mode).expect("our own file");
    let path = path.display();
    let result = Nginx::builder()
        .http(&format!(
            "aws_credentials_provider a file path={path} profile=a;
             aws_credentials_provider b file path={path} profile=b;"
        ))
        .check()
        .expect_ok();
    assert_eq!(result.warnings().len(), 1, "{}", result.stderr);
}

const MAP: &str = "
    map $arg_tenant $key_file {
        hostnames;
        acme            keys/acme;
        initech         keys/initech;
        .example.com    keys/wild;
        host.*          keys/tail;
        ~^re            keys/regex;
        missing         '';
    }";

fn tenants() -> nginx_tests::Builder {
    let names = ["acme", "initech", "wild", "tail", "regex"];
    names.into_iter().fold(Nginx::builder(), |builder, name| {
        builder.file(&format!("keys/{name}"), format!("secret-of-{name}\n"))
    })
}

/// Also where the map stands after its use.
#[test]
fn a_variable_chooses_among_the_files_of_its_map() {
    let origin = RawOrigin::with_body("hello");
    let server = format!(
        "aws_access_key {ACCESS_KEY}; aws_secret_key_file $key_file; aws_region r;
         location / {{ aws_sign on; proxy_pass http://{{origin}}; }}
         }} {MAP} server {{ listen unix:{{dir}}/unused.sock;"
    );
    let nginx = tenants()
        .server(&server)
        .var("origin", origin.address())
        .debug()
        .start();
    for (tenant, file) in [
        ("acme", "acme"),
        ("initech", "initech"),
        ("acme", "acme"),
        ("example.com", "wild"),
        ("a.example.com", "wild"),
        ("host.net", "tail"),
        ("regular", "regex"),
    ] {
        http::get(nginx.port(), format!("/key?tenant={tenant}")).expect_status(200);
        let request = origin.requests().pop().expect("a request");
        let secret = format!("secret-of-{file}");
        signing::expect_signed(&request, &Signer::new(ACCESS_KEY, &secret).region("r"));
    }
    let count = origin.requests().len();
    for tenant in ["missing", "nobody", "", "keys/acme"] {
        http::get(nginx.port(), format!("/key?tenant={tenant}")).expect_status(502);
    }
    assert_eq!(origin.requests().len(), count);
    let log = nginx.error_log();
    assert!(
        log.contains(
            "the variable in \"aws_secret_key_file\" has an invalid value: it is not a \
                      file name in its \"map\""
        ),
        "{log}"
    );
    // That is what it is for.
    let log = nginx.debug_log();
    assert!(log.contains("keys/acme") && !log.contains("secret-of-"));
}

#[test]
fn a_variable_whose_files_are_not_known_is_rejected() {
    for (map, variable, message) in [
        ("", "$arg_file", "\"$arg_file\" is not one"),
        ("set $a keys/acme;", "$a", "\"$a\" is not one"),
        (MAP, "keys/$arg_tenant", "one variable of a \"map\""),
        (MAP, "$key_file.key", "one variable of a \"map\""),
        (MAP, "$1", "\"$1\" is not one"),
        (
            "map $arg_a $key_file { a keys/acme; b keys/$arg_b; }",
            "$key_file",
            "a value of \"$key_file\" has variables",
        ),
        (
            "map $arg_a $key_file { default keys/$arg_b; }",
            "$key_file",
            "a value of \"$key_file\" has variables",
        ),
        (
            "map $arg_a $key_file { a keys/acme; default keys/nowhere; }",
            "$key_file",
            "cannot read /",
        ),
        (
            "map $arg_a $key_file { a keys/acme; ~b keys/nowhere; }",
            "${key_file}",
            "cannot read /",
        ),
    ] {
        let (http, set) = match map.starts_with("set") {
            true => ("", map),
            false => (map, ""),
        };
        let server = format!("{set} aws_secret_key_file {variable};");
        tenants()
            .http(http)
            .server(&server)
            .check()
            .expect_refused("\"aws_secret_key_file\"")
            .expect_refused(message);
    }
}
