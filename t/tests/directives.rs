//! Each directive is what its declaration says: in the reference, and to nginx.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use nginx_tests::Nginx;
use nginx_tests::directives::{ALL, Directive, REFERENCE};

/// What the reference says of a directive.
struct Entry {
    name: String,
    /// What each line begins with that says the syntax, without the directive's name.
    syntaxes: Vec<String>,
    default: String,
    contexts: String,
    /// The first paragraph, in one line.
    text: String,
}

fn entries() -> Vec<Entry> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(REFERENCE);
    let page = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let sections = page.split("\n### ").skip(1);
    let sections = sections.filter(|section| section.starts_with("aws_"));
    sections.map(entry).collect()
}

/// An entry: the name, the block of Syntax, Default, Context and Since, and the description.
fn entry(section: &str) -> Entry {
    let mut parts = section.splitn(4, "\n\n");
    let mut part = |what: &str| {
        parts
            .next()
            .unwrap_or_else(|| panic!("no {what} in {section}"))
    };
    let name = part("name").trim_matches('`').to_owned();
    let block = part("syntax");
    let text = part("description");
    let (syntax, rest) = block.split_once("\n    Default:").expect(block);
    let (default, rest) = rest.split_once("\n    Context:").expect(block);
    let (contexts, since) = rest.split_once("\n    Since:").expect(block);
    assert!(!since.trim().is_empty(), "{block}");
    let syntax = syntax.trim_start().strip_prefix("Syntax:").expect(block);
    Entry {
        syntaxes: syntax
            .split(';')
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(|line| line.strip_prefix(&name).expect(line).trim().to_owned())
            .collect(),
        default: one_line(default),
        contexts: one_line(contexts),
        text: one_line(&without_links(text)),
        name,
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `[text](target)` becomes `text`.
fn without_links(text: &str) -> String {
    let mut rest = text;
    let mut kept = String::new();
    while let Some((before, after)) = rest.split_once('[') {
        kept.push_str(before);
        match after.split_once("](") {
            Some((text, after)) => {
                kept.push_str(text);
                rest = after.split_once(')').map_or("", |(_, rest)| rest);
            }
            None => {
                kept.push('[');
                rest = after;
            }
        }
    }
    kept + rest
}

/// The fewest and the most arguments that a syntax such as `on | off` or `name [key=value ...]` allows.
fn arguments(syntax: &str) -> (usize, Option<usize>) {
    let mut fewest = usize::MAX;
    let mut most = Some(0);
    for alternative in syntax.split(" | ") {
        let (mut few, mut many) = (0, Some(0));
        let mut optional = false;
        for word in alternative.split_whitespace() {
            let opens = word.starts_with('[');
            optional |= opens;
            match word.trim_end_matches(']') {
                "..." => many = None,
                _ => {
                    few += usize::from(!optional);
                    many = many.map(|many| many + 1);
                }
            }
            // In `host[:port]`, the bracket is a part of the word.
            optional &= !word.ends_with(']');
        }
        fewest = fewest.min(few);
        most = most
            .zip(many)
            .map(|(most, many): (usize, usize)| most.max(many));
    }
    (fewest, most)
}

#[test]
fn the_reference_has_each_directive_once() {
    let entries = entries();
    let described: BTreeSet<_> = entries.iter().map(|entry| &entry.name[..]).collect();
    let declared: BTreeSet<_> = ALL.iter().map(|directive| directive.name).collect();
    assert_eq!(described, declared);
    assert_eq!(entries.len(), declared.len(), "an entry is there twice");
    assert!(declared.len() > 20, "{declared:?}");
}

#[test]
fn the_reference_says_what_is_declared() {
    let entries = entries();
    for directive in ALL {
        let name = directive.name;
        let entry = entries.iter().find(|entry| entry.name == name).expect(name);
        assert_eq!(entry.contexts, directive.contexts.join(", "), "{name}");
        assert_eq!(entry.default, directive.default, "{name}");
        assert_eq!(entry.text, directive.text(), "{name}");
    }
}

/// nginx may let more arguments pass than the syntax has: the setter rejects them.
#[test]
fn the_reference_shows_how_many_arguments_are_allowed() {
    for entry in entries() {
        let directive = ALL.iter().find(|directive| directive.name == entry.name);
        let (fewest, most) = directive.expect(&entry.name).arguments;
        let shown: Vec<_> = entry.syntaxes.iter().map(|line| arguments(line)).collect();
        let name = &entry.name;
        assert_eq!(
            shown.iter().map(|(fewest, _)| *fewest).min(),
            Some(fewest),
            "{name}: {:?}",
            entry.syntaxes
        );
        if let Some(most) = most {
            let shown = shown.iter().map(|(_, most)| most.unwrap_or(usize::MAX));
            assert_eq!(shown.max(), Some(most), "{name}: {:?}", entry.syntaxes);
        }
    }
}

#[test]
fn the_syntax_is_understood() {
    assert_eq!(arguments(""), (0, Some(0)));
    assert_eq!(arguments("on | off | $variable"), (1, Some(1)));
    assert_eq!(arguments("host[:port]"), (1, Some(1)));
    assert_eq!(arguments("headers | query [expires=time]"), (1, Some(2)));
    assert_eq!(arguments("name ... | off"), (1, None));
    assert_eq!(
        arguments("name source [key=value ...] [insecure]"),
        (2, None)
    );
    assert_eq!(arguments("$v url [path=text] [expires=1h]"), (2, Some(4)));
    assert_eq!(without_links("a [b](#c), d"), "a b, d");
}

/// What the declarations call a description begins as those of nginx.org do: with a verb.
#[test]
fn each_description_begins_with_a_verb() {
    const VERBS: [&str; 7] = [
        "Declares ",
        "Defines ",
        "Enables ",
        "Limits ",
        "Sets ",
        "Specifies ",
        "Allows ",
    ];
    for directive in ALL {
        let text = directive.text();
        assert!(VERBS.iter().any(|verb| text.starts_with(verb)), "{text}");
        assert!(text.ends_with('.'), "{text}");
    }
}

/// An nginx whose configuration has `line` in this context.
fn check(context: &str, line: &str) -> String {
    let nginx = match context {
        "http" => Nginx::builder().http(line),
        "server" => Nginx::builder().server(line),
        "upstream" => Nginx::builder().http(&format!("upstream u {{ {line} server 127.0.0.1; }}")),
        "location" => Nginx::builder().server(&format!("location / {{ {line} }}")),
        "if in location" => {
            Nginx::builder().server(&format!("location / {{ if ($args) {{ {line} }} }}"))
        }
        _ => panic!("{context}"),
    };
    nginx.check().stderr
}

/// nginx counts arguments only if the directive is allowed where it is.
fn expect_contexts(context: &str) {
    for directive in ALL {
        let Directive {
            name, arguments, ..
        } = directive;
        let wrong_number = match arguments {
            (0, most) => most.expect("a limit") + 1,
            (fewest, _) => fewest - 1,
        };
        let printed = check(context, &format!("{name}{};", " x".repeat(wrong_number)));
        let expected = match directive.is_allowed_in(context) {
            true => format!("invalid number of arguments in \"{name}\" directive"),
            false => format!("\"{name}\" directive is not allowed here"),
        };
        assert!(printed.contains(&expected), "{context}, {name}: {printed}");
    }
}

#[test]
fn nginx_allows_in_http_what_is_declared() {
    expect_contexts("http");
}

#[test]
fn nginx_allows_in_a_server_what_is_declared() {
    expect_contexts("server");
}

#[test]
fn nginx_allows_in_an_upstream_what_is_declared() {
    expect_contexts("upstream");
}

#[test]
fn nginx_allows_in_a_location_what_is_declared() {
    expect_contexts("location");
}

#[test]
fn nginx_allows_in_a_condition_what_is_declared() {
    expect_contexts("if in location");
}

#[test]
fn nginx_takes_no_more_arguments_than_declared() {
    for directive in ALL {
        let Some(most) = directive.arguments.1 else {
            continue;
        };
        let name = directive.name;
        let context = directive.contexts[0];
        let printed = check(context, &format!("{name}{};", " x".repeat(most + 1)));
        let expected = format!("invalid number of arguments in \"{name}\" directive");
        assert!(printed.contains(&expected), "{name}: {printed}");
    }
}
