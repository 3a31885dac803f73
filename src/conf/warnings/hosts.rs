//! Warnings about the host that requests are sent to and signed for.

use super::{SigningLocation, Warning};
use crate::conf::Plan;

impl SigningLocation<'_> {
    /// Requests for a bucket that are sent to a host of another name reach the wrong server.
    pub(super) fn warn_of_other_host(&self, plan: &Plan) {
        let texts = (plan.bucket.as_ref(), plan.endpoint.as_ref());
        let (Some(bucket), Some(endpoint)) = texts else {
            return;
        };
        let (Some(bucket), Some(endpoint)) = (bucket.as_text(), endpoint.as_text()) else {
            return;
        };
        // An upstream{} block has a name that the operator has chosen.
        let Some(host) = self
            .proxy_conf
            .host()
            .filter(|_| !self.proxy_conf.names_upstream_block())
        else {
            return;
        };
        let endpoint = endpoint
            .split(|byte| *byte == b':')
            .next()
            .unwrap_or_default();
        let in_bucket = host
            .strip_prefix(bucket)
            .and_then(|rest| rest.strip_prefix(b"."))
            .is_some_and(|rest| rest.eq_ignore_ascii_case(endpoint));
        if in_bucket || host.eq_ignore_ascii_case(endpoint) || is_address(host) {
            return;
        }
        self.warnings().of_directive(
            self.conf,
            Warning::OtherHost,
            &self.sign.position,
            format_args!(
                "\"proxy_pass\" of location \"{}\" names the host \"{}\", but requests are \
                 signed for \"{}\": set \"aws_endpoint\" to the host of the upstream",
                self.block.name(),
                String::from_utf8_lossy(host),
                String::from_utf8_lossy(endpoint),
            ),
        );
    }

    /// Without a bucket, the Host that is sent is signed: a client must not choose it.
    pub(super) fn warn_of_chosen_host(&self, has_bucket: bool) {
        if has_bucket {
            return;
        }
        let headers = self.proxy_conf.set_headers().unwrap_or_default();
        let host = headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(b"host"))
            .map(|(_, value)| value);
        let location = self.block.name();
        let (directive, text) = match (host, self.pass.and_then(|pass| pass.authority)) {
            (Some(host), authority) if !is_proxy_host(host) || authority.is_none() => {
                ("proxy_set_header Host", host)
            }
            (_, Some(authority)) => ("proxy_pass", authority),
            (Some(_), None) => unreachable!("the first arm has it"),
            (None, None) => return,
        };
        let chosen = variables(text).find(|name| is_clients(name, location.as_bytes()));
        let Some(chosen) = chosen else { return };
        self.warnings().of_directive(
            self.conf,
            Warning::ClientChoosesHost,
            &self.sign.position,
            format_args!(
                "a client of location \"{location}\" chooses the host that is signed, by \"${}\" \
                 in \"{directive}\": use a constant, a \"map\" of the intended hosts, or \
                 \"aws_s3_bucket\"",
                String::from_utf8_lossy(chosen)
            ),
        );
    }
}

fn is_address(host: &[u8]) -> bool {
    host == b"localhost"
        || host.starts_with(b"[")
        // nginx has removed "unix:".
        || host.starts_with(b"/")
        || std::str::from_utf8(host).is_ok_and(|host| host.parse::<std::net::IpAddr>().is_ok())
}

/// Whether a value of Host is what the proxy module would send by default.
fn is_proxy_host(host: &[u8]) -> bool {
    let mut names = variables(host);
    names.all(|name| matches!(name, b"proxy_host" | b"proxy_port"))
        && variables(host).next().is_some()
}

/// The names of the variables in a text.
fn variables(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'$').skip(1).map(|rest| {
        let rest = rest.strip_prefix(b"{").unwrap_or(rest);
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let end = rest.iter().position(|byte| !is_part(byte));
        match end {
            // A capture has one digit.
            _ if rest.first().is_some_and(u8::is_ascii_digit) => &rest[..1],
            end => &rest[..end.unwrap_or(rest.len())],
        }
    })
}

/// Whether a client determines the value of a variable. `location` can be a regular expression,
/// whose captures the client determines, too. The values of a `map` are the operator's.
fn is_clients(variable: &[u8], location: &[u8]) -> bool {
    const NAMES: [&[u8]; 13] = [
        b"host",
        b"args",
        b"query_string",
        b"uri",
        b"document_uri",
        b"request_uri",
        b"request",
        b"request_body",
        b"request_filename",
        b"realpath_root",
        b"remote_user",
        b"ssl_server_name",
        b"content_type",
    ];
    const PREFIXES: [&[u8]; 4] = [b"http_", b"arg_", b"cookie_", b"ssl_client_"];
    let variable = variable.to_ascii_lowercase();
    let capture = [b"<", &variable[..], b">"].concat();
    let is_captured = || {
        let location = location.to_ascii_lowercase();
        location.windows(capture.len()).any(|part| part == capture)
    };
    variable.iter().all(u8::is_ascii_digit)
        || NAMES.contains(&&variable[..])
        || PREFIXES.iter().any(|prefix| variable.starts_with(prefix))
        || is_captured()
}
