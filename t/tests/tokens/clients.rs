//! Real clients without credentials, to which nginx opens what wants a token: skopeo, which pulls
//! images as docker does, and pip. The configurations are the examples of nginx-conf/.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use nginx_tests::registry::Registry;
use nginx_tests::{
    Builder, MetadataServer, Nginx, RawOrigin, Reply, Scratch, TokenService, example, http,
};

/// An example with the credentials of an instance, and `origin` in place of `host`.
fn example(
    name: &str,
    host: &str,
    metadata: &MetadataServer,
    service: &TokenService,
    origin: &RawOrigin,
) -> Builder {
    let tokens = format!("http://{}", service.address());
    example::builder(name, &[(host, "http://{origin}")])
        .var("origin", origin.address())
        .env(
            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
            &format!("http://{}", metadata.address()),
        )
        .env("AWS_ENDPOINT_URL_ECR", &tokens)
        .env("AWS_ENDPOINT_URL_CODEARTIFACT", &tokens)
}

/// Runs a program with nothing of this machine's settings, for a minute at most; fails the test
/// unless it succeeds.
#[track_caller]
fn run(program: impl AsRef<OsStr>, arguments: &[&str], home: &Scratch) {
    let output = Command::new("timeout")
        .arg("60")
        .arg(&program)
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home.path())
        .env("LANG", "C.UTF-8")
        .current_dir(home.path())
        .output()
        .expect("a system with `timeout`");
    assert!(
        output.status.success(),
        "{:?} {arguments:?} (if it is not there, run `make deps`): {}\n{}{}",
        program.as_ref(),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Pulls `demo:latest` from `port` into the folder `name`, and returns how many files that has.
#[track_caller]
fn pull(port: u16, name: &str, home: &Scratch) -> usize {
    let source = format!("docker://127.0.0.1:{port}/demo:latest");
    let folder = home.path().join(name);
    let target = format!("dir:{}", folder.display());
    let arguments = [
        "--insecure-policy",
        "copy",
        "--src-tls-verify=false",
        &source,
        &target,
    ];
    run("skopeo", &arguments, home);
    std::fs::read_dir(folder)
        .expect("skopeo has made it")
        .count()
}

/// Manifest, version, configuration and layer.
const FILES_OF_IMAGE: usize = 4;

// As the client sees it: a registry that is open to all, with layers elsewhere.
#[test]
fn an_image_is_pulled_and_the_token_stays_here() {
    let service = TokenService::start();
    let registry = Registry::start(service.judge());
    let home = Scratch::new("skopeo");
    let nginx = service
        .environment(Nginx::builder())
        .var("origin", registry.registry().address())
        .http("aws_token registry ecr endpoint=http://{tokens};")
        .server(
            "location /v2/ { aws_token_required on; proxy_pass http://{origin};
                 proxy_set_header Authorization \"Basic $aws_token_registry\"; }",
        )
        .start();
    assert_eq!(pull(nginx.port(), "image", &home), FILES_OF_IMAGE);
    let token = &service.issued()[0].text;
    let urls = registry.store().requests();
    assert_eq!(urls.len(), 2);
    for request in urls {
        assert!(!String::from_utf8_lossy(request.bytes()).contains(token));
    }
    assert_eq!(service.fetches(), 1);
}

// Layers are fetched once; each time the registry is asked who may have them.
#[test]
fn ecr() {
    let metadata = MetadataServer::start();
    let service = TokenService::start_for_instance(&metadata);
    let registry = Registry::start(service.judge());
    let home = Scratch::new("skopeo");
    let host = "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    let nginx = example("ecr.conf", host, &metadata, &service, registry.registry()).start();
    for name in ["first", "second"] {
        assert_eq!(
            pull(nginx.port(), name, &home),
            FILES_OF_IMAGE,
            "{:?}",
            service.refused()
        );
    }
    assert_eq!(registry.store().requests().len(), 2);
    let asked = registry.registry().requests();
    let blobs = asked
        .iter()
        .filter(|request| request.target().contains("/blobs/"));
    assert_eq!(blobs.count(), 4);
    assert!(
        !nginx.error_log().contains("SECRET"),
        "{}",
        nginx.error_log()
    );

    let push = http::Request::new("POST", "/v2/demo/blobs/uploads/");
    push.send(nginx.port()).expect_status(403);
}

/// A wheel that pip takes.
const WHEEL: &str = r#"
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    wheel.writestr("my_package/__init__.py", "")
    info = "my_package-1.0.dist-info/"
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(info + "RECORD", "")
"#;

/// A program of the clients' virtual environment.
fn of_clients(name: &str) -> PathBuf {
    let venv = std::env::var_os("AWS_AUTH_CLIENTS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../build/clients-venv"),
        PathBuf::from,
    );
    venv.join("bin").join(name)
}

#[test]
fn codeartifact() {
    const FILE: &str = "my_package-1.0-py3-none-any.whl";
    let home = Scratch::new("pip");
    let path = home.path().join("wheel");
    let script = home.write("wheel.py", WHEEL).display().to_string();
    run(
        of_clients("python"),
        &[&script, &path.display().to_string()],
        &home,
    );
    let wheel = std::fs::read(path).expect("the script has made it");

    let metadata = MetadataServer::start();
    let service = TokenService::start_for_instance(&metadata);
    let takes = service.judge();
    let repository = RawOrigin::start(move |request| {
        if !takes(request) {
            return Reply::with_headers(401, &[("WWW-Authenticate", "Basic realm=\"a\"")], "");
        }
        match request.target().as_str() {
            "/pypi/my-repository/simple/my-package/" => Reply::with_headers(
                200,
                &[("Content-Type", "text/html")],
                format!(
                    "<!DOCTYPE html><html><body><a href=\"1.0/{FILE}\">{FILE}</a></body></html>"
                ),
            ),
            "/pypi/my-repository/simple/my-package/1.0/my_package-1.0-py3-none-any.whl" => {
                Reply::new(200, &wheel)
            }
            _ => Reply::new(404, ""),
        }
    });
    let host = "https://my-domain-123456789012.d.codeartifact.eu-west-1.amazonaws.com";
    let nginx = example("codeartifact.conf", host, &metadata, &service, &repository).start();
    let index = format!(
        "http://127.0.0.1:{}/pypi/my-repository/simple/",
        nginx.port()
    );
    run(
        of_clients("python"),
        &[
            "-m",
            "pip",
            "download",
            "--isolated",
            "--no-cache-dir",
            "--no-deps",
            "--no-input",
            "--disable-pip-version-check",
            "--index-url",
            &index,
            "my-package",
        ],
        &home,
    );
    assert!(home.path().join(FILE).exists(), "{:?}", service.refused());
    assert_eq!(service.fetches(), 1);
}
