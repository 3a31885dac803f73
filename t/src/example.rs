//! The configurations in nginx-conf/, to be run as they are printed there.

use std::path::{Path, PathBuf};

use crate::nginx::{Builder, Nginx};

/// What is printed in all of them, and what stands for it here: the module under test, a free port,
/// nginx's folder, and no name server.
const HERE: [(&str, &str); 8] = [
    (
        "load_module modules/ngx_http_aws_auth_module.so;",
        "{preamble}",
    ),
    ("http {\n", "http {\n{paths}\n"),
    ("listen 80;", "listen 127.0.0.1:{port};"),
    // Not every machine has those of Debian.
    (
        "/etc/ssl/certs/ca-certificates.crt",
        concat!("\"", env!("CARGO_MANIFEST_DIR"), "/tls/ca.pem\""),
    ),
    ("/etc/nginx/", "{dir}/"),
    ("/var/cache/nginx/", "{dir}/"),
    ("resolver 10.0.0.2;", ""),
    ("resolver 10.100.0.10;", ""),
];

/// Their folder.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../nginx-conf")
}

/// An example as it is printed.
#[track_caller]
pub fn printed(name: &str) -> String {
    let path = folder().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// What is printed, to be run here. Each of `hosts` stands in it, and is replaced.
#[track_caller]
pub fn adapted(printed: &str, hosts: &[(&str, &str)]) -> String {
    let mut text = printed.to_owned();
    for (printed, here) in HERE {
        text = text.replace(printed, here);
    }
    for (printed, here) in hosts {
        assert!(text.contains(printed), "{printed:?} is not in:\n{text}");
        text = text.replace(printed, here);
    }
    text
}

/// What is printed, to be checked by `nginx -t` on a machine without name servers: all hosts that are
/// connected to are this machine, with the schemes as they are printed.
pub fn without_names(printed: &str) -> String {
    let mut text = adapted(printed, &[]);
    for (before, after) in [
        ("proxy_pass https://", "/;"),
        ("proxy_pass http://", "/;"),
        ("server ", ";"),
    ] {
        let mut parts = text.split(before);
        let mut replaced = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find(|c| after.contains(c)).unwrap_or(0);
            let host = &part[..end];
            let is_host = host.contains('.') && !host.contains(char::is_whitespace);
            let here = if is_host { "127.0.0.1:9" } else { host };
            replaced.extend([before, here, &part[end..]]);
        }
        text = replaced;
    }
    text
}

/// An example that is [`adapted`].
#[track_caller]
pub fn builder(name: &str, hosts: &[(&str, &str)]) -> Builder {
    Nginx::builder().conf(&adapted(&printed(name), hosts))
}
