//! The query of a sealed target has the parameters that the configuration names, and the client's
//! own; whatever a client's path holds, it adds none.

mod common;

use aws_sealing::{Form, SealError};
use aws_signing::encode::percent_decode;
use aws_signing::query::{Canonicalizer, parameters};
use common::Case;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// A request as nginx has it when it serializes it.
struct Asked<'a> {
    /// The argument of `proxy_pass`.
    pass: &'a str,
    /// `$request_uri`
    sent: &'a str,
    /// `$uri`
    uri: &'a str,
    /// `$args`
    args: &'a str,
}

impl Asked<'_> {
    /// The target that is sent in place of `target`, or why none is.
    fn sealed(&self, target: &str) -> Result<String, SealError> {
        let case = Case {
            form: Form::parse(self.pass.as_bytes()),
            uri: self.uri.into(),
            args: self.args.into(),
            request_uri: self.sent.into(),
            ..Case::get(target)
        };
        let sealed = case.seal()?;
        let sealed = common::Sealed::parse(&sealed).expect("well-formed");
        sealed.verify("s3").expect("signed");
        Ok(String::from_utf8(sealed.target).expect("canonical"))
    }
}

const UNKNOWN: Result<&str, SealError> = Err(SealError::QueryUnknown);
const SPLIT: Result<&str, SealError> = Err(SealError::ArgumentsFromPath);
const ADDED: Result<&str, SealError> = Err(SealError::ParameterAdded);

#[test]
fn a_question_mark_in_the_clients_path_is_a_part_of_the_key_or_rejected() {
    for (pass, sent, uri, args, target, expected) in [
        // Captures, $uri: all of it is path.
        (
            "http://o/b/$1",
            "/c/%3Fpolicy",
            "/c/?policy",
            "",
            "/b/?policy",
            Ok("/b/%3Fpolicy"),
        ),
        (
            "http://o/b/$1",
            "/c/a%3facl",
            "/c/a?acl",
            "",
            "/b/a?acl",
            Ok("/b/a%3Facl"),
        ),
        (
            "http://o/b/$1",
            "/c/a%23%20b",
            "/c/a# b",
            "",
            "/b/a# b",
            Ok("/b/a%23%20b"),
        ),
        (
            "http://o$uri",
            "/a%3Facl",
            "/a?acl",
            "",
            "/a?acl",
            Ok("/a%3Facl"),
        ),
        (
            "http://o$uri",
            "/a%3Fb?acl",
            "/a?b",
            "acl",
            "/a?b",
            Ok("/a%3Fb"),
        ),
        (
            "http://o/x$uri",
            "/a%3Facl",
            "/a?acl",
            "",
            "/x/a?acl",
            Ok("/x/a%3Facl"),
        ),
        (
            "http://o/b/$arg_k",
            "/?k=a?acl",
            "/",
            "k=a?acl",
            "/b/a?acl",
            Ok("/b/a%3Facl"),
        ),
        (
            "http://o/$http_x/$1",
            "/c/%3Fa",
            "/c/?a",
            "",
            "/?b/?a",
            Ok("/%3Fb/%3Fa"),
        ),
        // With the arguments after.
        (
            "http://o/b/$1$is_args$args",
            "/c/a%3Facl",
            "/c/a?acl",
            "",
            "/b/a?acl",
            Ok("/b/a%3Facl"),
        ),
        (
            "http://o/b/$1$is_args$args",
            "/c/a%3Facl?x=?&y",
            "/c/a?acl",
            "x=?&y",
            "/b/a?acl?x=?&y",
            Ok("/b/a%3Facl?x=%3F&y="),
        ),
        (
            "http://o/b/$1?$args",
            "/c/a%3Facl?x=1",
            "/c/a?acl",
            "x=1",
            "/b/a?acl?x=1",
            Ok("/b/a%3Facl?x=1"),
        ),
        (
            "http://o/b/$1?$args",
            "/c/a%3Facl",
            "/c/a?acl",
            "",
            "/b/a?acl?",
            Ok("/b/a%3Facl"),
        ),
        (
            "http://o/$key$is_args$args",
            "/a%3Fb?x",
            "/a?b",
            "x",
            "/a?b?x",
            Ok("/a%3Fb?x="),
        ),
        (
            "http://o/$key$is_args$args",
            "/a%3Fb",
            "/a?b",
            "",
            "/a?b",
            Ok("/a%3Fb"),
        ),
        (
            "http://o/x$request_uri",
            "/a%3Fb?x=1",
            "/a?b",
            "x=1",
            "/xa%3Fb?x=1",
            UNKNOWN,
        ),
        (
            "http://o/x$request_uri",
            "/a%3Fb?x=1",
            "/a?b",
            "x=1",
            "/x/a%3Fb?x=1",
            Ok("/x/a%3Fb?x=1"),
        ),
        (
            "http://$host$request_uri",
            "/a%3Fb?x=1",
            "/a?b",
            "x=1",
            "/a%3Fb?x=1",
            Ok("/a%3Fb?x=1"),
        ),
        (
            "http://o/b?p=$1",
            "/a%3Fb",
            "/a?b",
            "",
            "/b?p=a?b",
            Ok("/b?p=a%3Fb"),
        ),
        (
            "http://o/$1?p=1",
            "/a%3Fb",
            "/a?b",
            "",
            "/a?b?p=1",
            Ok("/a%3Fb?p=1"),
        ),
        ("http://o/$1?p=$2", "/a%3Fb", "/a?b", "", "/a?b?p=", UNKNOWN),
        (
            "http://o/$1?p=$2",
            "/a/b",
            "/a/b",
            "",
            "/a?p=b",
            Ok("/a?p=b"),
        ),
        (
            "http://o?p=$1",
            "/a%3Fb",
            "/a?b",
            "",
            "/?p=a?b",
            Ok("/?p=a%3Fb"),
        ),
        // A variable of the configuration may hold a query; not if that can be the path's.
        (
            "http://o/$key",
            "/%3Fpolicy",
            "/?policy",
            "",
            "/?policy",
            Ok("/%3Fpolicy"),
        ),
        (
            "http://o/b/$key",
            "/%3Fpolicy",
            "/?policy",
            "",
            "/b/?policy",
            UNKNOWN,
        ),
        (
            "http://o/b/$key",
            "/x",
            "/x",
            "",
            "/b/k?versionId=1",
            Ok("/b/k?versionId=1"),
        ),
        (
            "http://o/b/$key",
            "/x?k=a?acl",
            "/x",
            "k=a?acl",
            "/b/a?acl",
            UNKNOWN,
        ),
        ("$url", "/%3Facl", "/?acl", "", "/b/?acl", UNKNOWN),
        (
            "$url",
            "/list",
            "/list",
            "",
            "/b?list-type=2&prefix=x",
            Ok("/b?list-type=2&prefix=x"),
        ),
        // nginx escapes what it makes of $uri itself.
        (
            "http://o",
            "/x/a%3Facl",
            "/a?acl",
            "",
            "/a%3Facl",
            Ok("/a%3Facl"),
        ),
        (
            "http://o/b/",
            "/a%3Fb?c",
            "/a?b",
            "c",
            "/b/a%3Fb?c",
            Ok("/b/a%3Fb?c="),
        ),
        // It does not if only an argument holds the character.
        (
            "http://o",
            "/?k=a?acl",
            "/a?acl",
            "k=a?acl",
            "/a?acl?k=a?acl",
            Ok("/a%3Facl?k=a%3Facl"),
        ),
        // try_files and error_page.
        (
            "http://o",
            "/t/a%3Facl",
            "/p/t/a",
            "acl",
            "/p/t/a?acl",
            SPLIT,
        ),
        (
            "http://o/b/",
            "/t/a%3Facl",
            "/p/t/a",
            "acl",
            "/b/t/a?acl",
            SPLIT,
        ),
        (
            "http://o$uri$is_args$args",
            "/t/a%3Facl",
            "/p/t/a",
            "acl",
            "/p/t/a?acl",
            SPLIT,
        ),
        ("http://o", "/?k=a?acl", "/p/a", "acl", "/p/a?acl", SPLIT),
        (
            "http://o",
            "/a?x=1",
            "/p/a",
            "x=1",
            "/p/a?x=1",
            Ok("/p/a?x=1"),
        ),
        (
            "http://o",
            "/a?x=1",
            "/p/a",
            "versionId=3",
            "/p/a?versionId=3",
            Ok("/p/a?versionId=3"),
        ),
        (
            "http://o",
            "/a%3Fb?x=1",
            "/p/a?b",
            "",
            "/p/a%3Fb",
            Ok("/p/a%3Fb"),
        ),
        // Decoded twice it is a part of the key, too.
        (
            "http://o/b/$1",
            "/c/%253Facl",
            "/c/%3Facl",
            "",
            "/b/%3Facl",
            Ok("/b/%3Facl"),
        ),
    ] {
        let asked = Asked {
            pass,
            sent,
            uri,
            args,
        };
        let sealed = asked.sealed(target);
        assert_eq!(
            sealed.as_deref(),
            expected.as_ref().copied(),
            "{pass}: {sent}"
        );
    }
}

#[test]
fn an_ampersand_in_the_clients_path_adds_no_parameter() {
    let listed = "/b?list-type=2&prefix=pub/";
    for (pass, sent, uri, args, target, expected) in [
        (
            "http://o/b?list-type=2&prefix=pub/$1",
            "/x&prefix=secret",
            "/x&prefix=secret",
            "",
            "/b?list-type=2&prefix=pub/x&prefix=secret",
            ADDED,
        ),
        (
            "http://o/b?list-type=2&prefix=pub/$1",
            "/&acl",
            "/&acl",
            "",
            "/b?list-type=2&prefix=pub/&acl",
            ADDED,
        ),
        (
            "http://o/b?list-type=2&prefix=pub/$1",
            "/a",
            "/a",
            "",
            "/b?list-type=2&prefix=pub/a",
            Ok("/b?list-type=2&prefix=pub%2Fa"),
        ),
        (
            "http://o/b?list-type=2&prefix=$uri",
            "/x%26acl",
            "/x&acl",
            "",
            "/b?list-type=2&prefix=/x&acl",
            ADDED,
        ),
        ("http://o/b?p=$http_x", "/a", "/a", "", "/b?p=a&acl", ADDED),
        (
            "http://o/b?p=$1&$args",
            "/a?x&y",
            "/a",
            "x&y",
            "/b?p=a&x&y",
            Ok("/b?p=a&x=&y="),
        ),
        (
            "http://o/b?p=$1&$args",
            "/a%26c?x&y",
            "/a&c",
            "x&y",
            "/b?p=a&c&x&y",
            ADDED,
        ),
        // In the path it is a byte like others.
        (
            "http://o/b/$1",
            "/a%26acl",
            "/a&acl",
            "",
            "/b/a&acl",
            Ok("/b/a%26acl"),
        ),
        (
            "http://o",
            "/a&acl?x&y",
            "/a&acl",
            "x&y",
            "/a&acl?x&y",
            Ok("/a%26acl?x=&y="),
        ),
        // A URI without variables, to which nginx appends the rest of $uri.
        (
            "http://o/b?list-type=2&prefix=pub/",
            "/l/x&prefix=secret",
            "/l/x&prefix=secret",
            "",
            "/b?list-type=2&prefix=pub/x&prefix=secret",
            ADDED,
        ),
        (
            "http://o/b?list-type=2&prefix=pub/",
            "/l/x%3Facl",
            "/l/x?acl",
            "",
            "/b?list-type=2&prefix=pub/x%3Facl",
            Ok("/b?list-type=2&prefix=pub%2Fx%3Facl"),
        ),
        (
            "http://o/b?list-type=2&prefix=pub/",
            "/l/",
            "/l/",
            "",
            listed,
            Ok("/b?list-type=2&prefix=pub%2F"),
        ),
        // set $args, rewrite.
        (
            "http://o",
            "/l/x%26prefix=s",
            "/l/x&prefix=s",
            "prefix=p/x&prefix=s",
            "/l/x%26prefix=s?prefix=p/x&prefix=s",
            ADDED,
        ),
        (
            "http://o",
            "/l/x%26prefix=s",
            "/b",
            "prefix=p/x&prefix=s",
            "/b?prefix=p/x&prefix=s",
            ADDED,
        ),
        (
            "http://o",
            "/l/x%26",
            "/b",
            "prefix=x&acl",
            "/b?prefix=x&acl",
            ADDED,
        ),
        (
            "http://o",
            "/l/x%26acl/y",
            "/b",
            "prefix=x&ac",
            "/b?prefix=x&ac",
            ADDED,
        ),
        (
            "http://o",
            "/l/x%26y",
            "/b",
            "list-type=2&prefix=x",
            "/b?list-type=2&prefix=x",
            Ok("/b?list-type=2&prefix=x"),
        ),
        (
            "http://o",
            "/a%26b?b=1&c",
            "/a&b",
            "n=1&b=1&c",
            "/a&b?n=1&b=1&c",
            Ok("/a%26b?b=1&c=&n=1"),
        ),
        // A variable that holds a query.
        ("$url", "/x%26acl", "/x&acl", "", "/b?prefix=x&acl", ADDED),
        (
            "$url",
            "/x",
            "/x",
            "",
            "/b?prefix=x&acl",
            Ok("/b?acl=&prefix=x"),
        ),
    ] {
        let asked = Asked {
            pass,
            sent,
            uri,
            args,
        };
        let sealed = asked.sealed(target);
        assert_eq!(
            sealed.as_deref(),
            expected.as_ref().copied(),
            "{pass}: {sent}"
        );
    }
}

/// Many parameters and a long path: not the product of both.
#[test]
fn parameters_are_looked_for_in_linear_time() {
    let path = format!("/{}", "%26aaaaaaaa".repeat(100_000));
    let args = format!("b=1{}", "&aaaaaaaab=1".repeat(100_000));
    let asked = Asked {
        pass: "http://o",
        sent: &path,
        uri: "/b",
        args: &args,
    };
    let target = format!("/b?{args}");
    assert!(asked.sealed(&target).is_ok());
}

/// What `proxy_pass` has after the host: the text, and the names of the parameters in it. `&` is
/// the arguments'.
const PATHS: [&str; 8] = [
    "/",
    "/b/",
    "/b/$1",
    "$uri",
    "/$1/$2",
    "/$key",
    "/b/$arg_k",
    "/$1$key",
];
const QUERIES: [(&str, &str); 9] = [
    ("", ""),
    ("$is_args$args", "&"),
    ("?$args", "&"),
    ("?list-type=2&prefix=p/$1", "list-type&prefix"),
    ("?list-type=2&prefix=$key", "list-type&prefix"),
    ("?a=$1&b=$2", "a&b"),
    ("?a=$uri&$args", "a&&"),
    ("?$args&a=$1", "&&a"),
    ("?a=$arg_k", "a"),
];

fn client_path() -> impl Strategy<Value = String> {
    let piece = select(vec![
        "a", "b/", "/", "acl", "policy", "%3F", "%3f", "%26", "&", "%23", "%20", "=", "%3D",
        "prefix=s", "%253F", "%2526", "+", "%25",
    ]);
    vec(piece, 0..8).prop_map(|pieces| format!("/{}", pieces.concat()))
}

fn client_query() -> impl Strategy<Value = String> {
    select(vec![
        "",
        "x",
        "x=1&y=2",
        "k=a?acl",
        "k=/a%26b&z",
        "acl",
        "prefix=a&prefix=b",
        "k=?",
        "??&k=b",
    ])
    .prop_map(str::to_owned)
}

fn names(query: &str) -> Vec<String> {
    let mut canonical = Vec::new();
    Canonicalizer::new().write(query.as_bytes(), |_| true, &mut canonical);
    let name = |raw: &[u8]| String::from_utf8(raw.to_vec()).expect("canonical");
    parameters(&canonical)
        .map(|parameter| name(parameter.name))
        .collect()
}

fn part_of<'a>(text: &'a str, [from, to]: &[Index; 2]) -> &'a str {
    let ends = [from, to].map(|index| index.index(text.len() + 1));
    &text[ends[0].min(ends[1])..ends[0].max(ends[1])]
}

fn query_of(target: &str) -> &str {
    target.split_once('?').map_or("", |(_, query)| query)
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn decoded(path: &str) -> String {
    String::from_utf8(percent_decode(path.as_bytes()).collect()).expect("ASCII")
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_template_sends_the_parameters_that_it_names(
        path in select(&PATHS[..]),
        query in select(&QUERIES[..]),
        sent in client_path(),
        args in client_query(),
        parts in vec(any::<[Index; 2]>(), 3),
    ) {
        let uri = decoded(&sent);
        let argument = args.split('&').find_map(|one| one.strip_prefix("k=")).unwrap_or_default();
        let is_args = if args.is_empty() { "" } else { "?" };
        let evaluate = |text: &str| {
            text.replace("$is_args", is_args)
                .replace("$args", &args)
                .replace("$arg_k", argument)
                .replace("$uri", &uri)
                .replace("$1", part_of(&uri, &parts[0]))
                .replace("$2", part_of(&uri, &parts[1]))
                .replace("$key", part_of(&uri, &parts[2]))
        };
        let request_uri = format!("{sent}{is_args}{args}");
        let pass = format!("http://o{path}{}", query.0);
        let asked = Asked { pass: &pass, sent: &request_uri, uri: &uri, args: &args };
        let sealed = asked.sealed(&evaluate(&format!("{path}{}", query.0)));

        let named: Vec<&str> = query.1.split('&').collect();
        let expected = match query.1 {
            "&" => args.clone(),
            "a&&" => format!("a&{args}"),
            "&&a" => format!("{args}&a"),
            _ => named.join("&"),
        };
        match sealed {
            Ok(target) => prop_assert_eq!(names(query_of(&target)), names(&expected), "{}", target),
            // Nothing of an ordinary request is rejected.
            Err(error) => prop_assert!(
                uri.contains(['?', '&']) || argument.contains('?') , "{}: {}", pass, error
            ),
        }
    }

    /// `try_files /p$uri`, `error_page 404 /p$uri`, `rewrite ... /p/$1?list-type=2&prefix=$key`.
    #[test]
    fn arguments_that_are_split_off_or_made_send_no_other_parameters(
        pass in select(vec!["http://o", "http://o/b/", "http://o$uri$is_args$args", "http://o/x$1?$args"]),
        sent in client_path(),
        query in client_query(),
        made in select(vec!["", "?$args", "?list-type=2&prefix=$key", "?$args&prefix=$key"]),
        parts in vec(any::<[Index; 2]>(), 2),
    ) {
        let first_uri = decoded(&sent);
        let mark = if query.is_empty() { "" } else { "?" };
        let request_uri = format!("{sent}{mark}{query}");
        let made_args = made.replace("$args", &query).replace("$key", part_of(&first_uri, &parts[0]));
        let redirected = format!("/p{first_uri}{made_args}");
        let (uri, args) = redirected.split_once('?').unwrap_or((&redirected, ""));
        // What nginx escapes.
        let escaped = uri.replace('%', "%25").replace('#', "%23").replace(' ', "%20");
        let is_args = if args.is_empty() { "" } else { "?" };
        let target = match pass {
            "http://o" => format!("{escaped}{is_args}{args}"),
            "http://o/b/" => format!("/b/{}{is_args}{args}", &escaped[3..]),
            "http://o/x$1?$args" => format!("/x{}?{args}", part_of(uri, &parts[1])),
            _ => format!("{uri}{is_args}{args}"),
        };
        let asked = Asked { pass, sent: &request_uri, uri, args };
        let expected = match made {
            "" => String::new(),
            "?$args" => query.clone(),
            "?$args&prefix=$key" => format!("{query}&prefix"),
            _ => "list-type&prefix".to_owned(),
        };
        match asked.sealed(&target) {
            // Split off or not, they are what the client has asked for.
            Ok(target) if args == query => {
                prop_assert!([names(&expected), names(&query)].contains(&names(query_of(&target))));
            }
            Ok(target) => prop_assert_eq!(names(query_of(&target)), names(&expected), "{}", target),
            Err(error) => prop_assert!(
                first_uri.contains(['?', '&']) || query.contains('?'), "{}: {}", made, error
            ),
        }
    }
}
