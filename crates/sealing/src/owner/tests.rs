//! Heads as nginx writes them, with and without a line that a variable has injected.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::head;

/// What one `proxy_set_header` says.
#[derive(Clone, Debug)]
struct Directive {
    name: &'static str,
    /// As it is configured.
    text: &'static str,
    /// What its variables make of it.
    value: String,
}

/// Which nginx writes the head.
#[derive(Clone, Copy, Debug)]
struct Version {
    /// Since 1.31.4.
    host_first: bool,
    /// Before 1.29.7.
    closes: bool,
    /// Since 1.31.0.
    drops_proxy_connection: bool,
}

#[derive(Clone, Debug)]
struct Request {
    directives: Vec<Directive>,
    client: Vec<(&'static str, &'static str)>,
    version: Version,
    forwards_client: bool,
    caches: bool,
    cacheable: bool,
    /// What the cache knows of its object.
    validators: [&'static str; 2],
    length: &'static str,
}

const HOST: &str = "store.example";

impl Request {
    fn get(directives: &[(&'static str, &'static str, &str)]) -> Self {
        let directives = directives.iter().map(|(name, text, value)| Directive {
            name,
            text,
            value: (*value).to_owned(),
        });
        Self {
            directives: directives.collect(),
            client: Vec::new(),
            version: Version {
                host_first: false,
                closes: true,
                drops_proxy_connection: false,
            },
            forwards_client: true,
            caches: false,
            cacheable: false,
            validators: [""; 2],
            length: "",
        }
    }

    fn client(mut self, name: &'static str, value: &'static str) -> Self {
        self.client.push((name, value));
        self
    }

    fn texts(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        let text = |directive: &Directive| (directive.name.as_bytes(), directive.text.as_bytes());
        self.directives.iter().map(text)
    }

    fn sets(&self, name: &str) -> bool {
        let mut directives = self.directives.iter();
        directives.any(|directive| directive.name.eq_ignore_ascii_case(name))
    }

    /// nginx's table of default headers.
    fn defaults(&self) -> Vec<(&'static str, &'static str)> {
        let version = self.version;
        let mut defaults = vec![
            ("Host", if version.host_first { "" } else { HOST }),
            ("Connection", if version.closes { "close" } else { "" }),
            ("Content-Length", self.length),
            ("Transfer-Encoding", ""),
            ("TE", ""),
            ("Keep-Alive", ""),
            ("Expect", ""),
            ("Upgrade", ""),
        ];
        if version.drops_proxy_connection {
            defaults.push(("Proxy-Connection", ""));
        }
        if self.cacheable {
            let [modified, etag] = self.validators;
            defaults.extend([
                ("If-Modified-Since", modified),
                ("If-Unmodified-Since", ""),
                ("If-None-Match", etag),
                ("If-Match", ""),
                ("Range", ""),
                ("If-Range", ""),
            ]);
        }
        defaults.retain(|(name, _)| !self.sets(name) || (version.host_first && *name == "Host"));
        defaults
    }

    /// The lines that nginx writes itself.
    fn own(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut write = |name: &str, value: &str| {
            if !value.is_empty() {
                lines.push(format!("{name}: {value}\r\n"));
            }
        };
        let is_host = |name: &str| name.eq_ignore_ascii_case("host");
        let host_first = self.version.host_first;
        if host_first {
            let mut set = self.directives.iter().rev();
            let set = set.find(|directive| is_host(directive.name));
            let set = set.map_or("", |directive| &directive.value);
            write("Host", if set.is_empty() { HOST } else { set });
        }
        for directive in &self.directives {
            if !(host_first && is_host(directive.name)) {
                write(directive.name, &directive.value);
            }
        }
        for (name, value) in self.defaults() {
            write(name, value);
        }
        lines
    }

    /// The client's lines that nginx forwards.
    fn forwarded(&self) -> Vec<String> {
        let defaults = self.defaults();
        let client = self.client.iter().filter(|(name, _)| {
            let is = |other: &str| other.eq_ignore_ascii_case(name);
            let is_default = defaults.iter().any(|(other, _)| is(other));
            self.forwards_client && !self.sets(name) && !is_default
        });
        let line = |(name, value): &(&str, &str)| format!("{name}: {value}\r\n");
        client.map(line).collect()
    }

    fn evaluated(&self) -> Option<Evaluated> {
        if !Configured::is_ambiguous(self.texts(), self.caches) {
            return None;
        }
        let variables = self.directives.iter().filter(|directive| {
            has_variables(directive.text.as_bytes()) && !directive.value.is_empty()
        });
        let is_host = |directive: &&Directive| directive.name.eq_ignore_ascii_case("host");
        let (hosts, others): (Vec<_>, Vec<_>) = variables.partition(is_host);
        let configured = Configured::new(self.texts());
        let conditions = (0..2).filter(|index| {
            let is_default = configured.default_condition(*index).is_some();
            self.cacheable && is_default && !self.validators[*index].is_empty()
        });
        Some(Evaluated {
            hosts: hosts.len(),
            others: others.len() + conditions.count(),
        })
    }

    /// Where the client's lines are found to begin.
    fn first(&self) -> Result<usize, SealError> {
        let lines = [self.own(), self.forwarded()].concat().concat();
        self.first_in(&lines)
    }

    fn first_in(&self, lines: &str) -> Result<usize, SealError> {
        let head = format!("GET / HTTP/1.1\r\n{lines}\r\n");
        let mut lines = Vec::new();
        head::parse(head.as_bytes(), &(4..5), &mut lines)?;
        let configured = Configured::new(self.texts());
        let sources = Sources {
            configured: &configured,
            client: &|each| {
                for (name, value) in &self.client {
                    each(ClientHeader {
                        name: name.as_bytes(),
                        value: value.as_bytes(),
                        hash: hash(name),
                    });
                }
            },
            forwards_client: self.forwards_client,
            cacheable: self.cacheable,
            evaluated: self.evaluated(),
        };
        sources.first_client_line(head.as_bytes(), &lines)
    }
}

/// As nginx computes it.
fn hash(name: &str) -> usize {
    let lower = name.bytes().map(|byte| byte.to_ascii_lowercase());
    lower.fold(0, |hash: usize, byte| {
        hash.wrapping_mul(31).wrapping_add(byte.into())
    })
}

fn injected(number: usize) -> Result<usize, SealError> {
    Err(HeadError::InjectedLine { number }.into())
}

#[test]
fn the_clients_lines_are_the_last_ones() {
    let request = Request::get(&[("X-A", "1", "1")])
        .client("Host", "client")
        .client("X-B", "2")
        .client("connection", "close")
        .client("x-a", "1")
        .client("X-C", "");
    // Three of nginx's own.
    assert_eq!(request.first(), Ok(3));
    let off = Request {
        forwards_client: false,
        ..request
    };
    assert_eq!(off.first(), Ok(3));
}

/// Not even by repeating the operator's last lines to the letter.
#[test]
fn the_operators_lines_are_never_the_clients() {
    let request = Request::get(&[("X-Amz-Expected-Bucket-Owner", "1", "1")])
        .client("X-Amz-Expected-Bucket-Owner", "1")
        .client("Host", HOST)
        .client("Connection", "close");
    assert_eq!(request.first(), Ok(3));
}

#[test]
fn values_are_compared_byte_for_byte() {
    for value in ["v", " v", "v ", "\tv\t", "  v", "\u{c}v", "v\u{a0}", ""] {
        assert_eq!(Request::get(&[]).client("A", value).first(), Ok(2));
    }
    let request = Request::get(&[]).client("A", "v");
    for line in [
        "A: v \r\n",
        "A:v\r\n",
        "a: v\r\n",
        "A: V\r\n",
        "A: v, w\r\n",
    ] {
        let head = format!("Host: h\r\n{line}");
        assert_eq!(request.first_in(&head), injected(2), "{line}");
    }
}

#[test]
fn only_a_variable_that_cannot_break_lines_is_trusted() {
    let ambiguous = |directives: &[(&'static str, &'static str)], caches| {
        let directives = directives.iter();
        let directives = directives.map(|(name, text)| (name.as_bytes(), text.as_bytes()));
        Configured::is_ambiguous(directives, caches)
    };
    for directives in [
        &[("A", "$uri"), ("B", "$x")][..],
        &[("A", "$remote_addr"), ("B", "$1"), ("Host", "$host")],
        // Since nginx 1.31.4 Host comes first.
        &[("A", "$remote_addr"), ("Host", "$uri")],
    ] {
        assert!(ambiguous(directives, false), "{directives:?}");
    }
    for directives in [
        &[("A", "$uri")][..],
        &[("A", "$uri"), ("B", "b"), ("C", "")],
        &[
            ("Host", "$host"),
            ("X-Real-IP", "$remote_addr"),
            ("A", "$uri"),
        ],
        &[("Host", "$uri")],
    ] {
        assert!(!ambiguous(directives, false), "{directives:?}");
    }
    assert!(ambiguous(&[("A", "$uri")], true));
    assert!(!ambiguous(&[("A", "$scheme")], true));
}

/// The line's name is configured, and its variable is empty in this request.
#[test]
fn a_line_of_a_header_without_a_value_is_injected() {
    let request = |acl| {
        let path = "a\r\nX-Amz-Acl: public-read";
        Request::get(&[("X-Path", "$uri", path), ("X-Amz-Acl", "$acl", acl)])
    };
    assert_eq!(request("").first(), injected(4));
    assert_eq!(request("private").first(), injected(3));
    let ordinary = [("X-Path", "$uri", "a"), ("X-Amz-Acl", "$acl", "private")];
    assert_eq!(Request::get(&ordinary).first(), Ok(4));
}

#[test]
fn repeated_directives_write_a_line_each() {
    let twice = [("X-A", "1", "1"), ("x-a", "2", "2"), ("X-A", "$b", "")];
    assert_eq!(Request::get(&twice).client("x-a", "3").first(), Ok(4));
    let more = format!("{}X-A: 3\r\nX-A: 4\r\n", "X-A: 1\r\nx-a: 2\r\n");
    assert_eq!(Request::get(&twice).first_in(&more), injected(4));
}

/// nginx looks for a name by a hash that leaves invalid bytes out.
#[test]
fn a_name_with_another_hash_may_be_forwarded_or_not() {
    for version in [true, false] {
        let mut request = Request::get(&[]).client("Proxy-Connection", "keep-alive");
        request.version.drops_proxy_connection = version;
        request = request.client("X-A", "1");
        assert_eq!(request.first(), Ok(2));
    }
}

fn directive() -> impl Strategy<Value = Directive> {
    let name = select(vec![
        "Host",
        "Connection",
        "X-A",
        "x-a",
        "X-Amz-Acl",
        "X-Amz-Meta-B",
        "Range",
        "If-None-Match",
        "Content-Type",
        "Upgrade",
    ]);
    let text = select(vec![
        "",
        "constant",
        "close",
        "$uri",
        "a$uri",
        "$remote_addr",
        "$empty",
        "$empty",
    ]);
    (name, text).prop_map(|(name, text)| Directive {
        name,
        text,
        value: match text {
            "$uri" => "/path",
            "a$uri" => "a/path",
            "$remote_addr" => "127.0.0.1",
            "$empty" => "",
            text => text,
        }
        .to_owned(),
    })
}

fn version() -> impl Strategy<Value = Version> {
    select(vec![
        (false, true, false),
        (false, false, false),
        (false, false, true),
        (true, false, true),
    ])
    .prop_map(|(host_first, closes, drops_proxy_connection)| Version {
        host_first,
        closes,
        drops_proxy_connection,
    })
}

fn client() -> impl Strategy<Value = (&'static str, &'static str)> {
    let name = select(vec![
        "Host",
        "host",
        "Connection",
        "X-A",
        "X-Amz-Acl",
        "x-amz-meta-b",
        "Range",
        "If-None-Match",
        "Content-Type",
        "X-Client",
        "Proxy-Connection",
        "TE",
    ]);
    (name, select(vec!["constant", "close", "", " v ", "client"]))
}

fn request() -> impl Strategy<Value = Request> {
    (
        vec(directive(), 0..5),
        vec(client(), 0..6),
        version(),
        prop::bool::weighted(0.9),
        select(vec![(false, false), (true, false), (true, true)]),
        select(vec![["", ""], ["date", ""], ["", "etag"], ["date", "etag"]]),
        select(vec!["", "", "5"]),
    )
        .prop_map(
            |(directives, client, version, forwards_client, cache, validators, length)| Request {
                directives,
                client,
                version,
                forwards_client,
                caches: cache.0,
                cacheable: cache.1,
                validators,
                length,
            },
        )
}

/// A line to inject: any name with any value.
fn line() -> impl Strategy<Value = String> {
    let other = select(vec![
        ("Content-Length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("If-Modified-Since", "date"),
        ("If-None-Match", "*"),
        ("Keep-Alive", "1"),
        ("X-Other", "1"),
    ]);
    let configured = directive().prop_map(|d| (d.name, d.value));
    let client = client().prop_map(|(name, value)| (name, value.to_owned()));
    let other = other.prop_map(|(name, value)| (name, value.to_owned()));
    prop_oneof![3 => configured, 2 => client, 2 => other]
        .prop_map(|(name, value)| format!("{name}: {value}"))
}

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        cases: 2000,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    /// What nginx writes is told apart, whatever the configuration and the client.
    #[test]
    fn every_line_is_told_apart(request in request()) {
        let own = request.own();
        match request.first() {
            // A server would choose between them.
            Err(SealError::Head(HeadError::DuplicateHost)) => {
                let is_host = |line: &&String| line.starts_with("Host: ");
                prop_assert!(own.iter().filter(is_host).count() > 1);
            }
            first => prop_assert_eq!(first, Ok(own.len())),
        }
    }

    /// A line more than nginx has written: the request is rejected, or the line is one that nginx
    /// itself might have written here.
    #[test]
    fn an_injected_line_is_found(
        request in request(),
        lines in vec(line(), 1..3),
        nth in 0usize..5,
        behind in option::of(select(vec!["", "x", "x\r\nX-A: /path"])),
    ) {
        let mut request = request;
        let mut breakable = request.directives.iter_mut().filter(|d| d.text.contains("$uri"));
        let Some(broken) = breakable.nth(nth) else { return Ok(()) };
        let is_host = broken.name == "Host";
        broken.value = format!("{}\r\n{}{}", broken.value, lines.join("\r\n"), behind.unwrap_or_default());
        // One that nginx 1.31.4 does not write, since the last Host counts.
        let mut hosts = request.directives.iter().filter(|d| d.name == "Host");
        if is_host && request.version.host_first && hosts.next_back().is_some_and(|d| !d.value.contains('\n')) {
            return Ok(());
        }
        let written = ["Content-Length: ", "Transfer-Encoding: ", "Connection: close"];
        let is_default = |line: &String| {
            let (name, value) = line.split_once(": ").unwrap_or_default();
            let is_default = written.iter().any(|text| line.starts_with(text));
            // Also one of the client's own, which is never signed.
            let is_clients = name == "Proxy-Connection" && request.client.contains(&(name, value));
            (is_default || is_clients) && !request.sets(name)
        };
        if request.first().is_ok() {
            prop_assert!(lines.iter().all(is_default), "{:?}", lines);
        }
    }
}
