//! The reference lists the sources of credentials and of tokens as the module declares them.

use std::collections::BTreeSet;

use aws_credentials::{Declaration, Definition};

/// The page that holds the reference.
const PAGE: &str = include_str!("../../docs/directives.md");

/// What the reference says of `directive`.
fn section(directive: &str) -> &'static str {
    let heading = format!("### {directive}\n");
    let (_, rest) = PAGE.split_once(&heading).expect("the directive's heading");
    rest.split("\n#").next().expect("text below the heading")
}

/// The cells of each row of the table that begins with `head`.
fn table(section: &'static str, head: &str) -> Vec<Vec<&'static str>> {
    let mut lines = section.lines().skip_while(|line| !line.starts_with(head));
    let head = lines.next().expect("a table");
    let columns = head.matches('|').count() - 1;
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    let cells = |row: &'static str| {
        row.split('|')
            .map(str::trim)
            .skip(1)
            .take(columns)
            .collect()
    };
    rows.map(cells).collect()
}

/// A cell that may link to the source's own page.
fn without_link(cell: &str) -> &str {
    let text = cell
        .strip_prefix('[')
        .and_then(|link| link.split_once("]("));
    text.map_or(cell, |(text, _)| text)
}

/// The keys and flags that a cell names.
fn keys(cell: &str) -> BTreeSet<&str> {
    cell.split_whitespace()
        .map(|key| key.trim_matches('`'))
        .collect()
}

fn declared(declaration: &Declaration) -> BTreeSet<&'static str> {
    declaration.keys.iter().copied().collect()
}

#[test]
fn each_source_of_credentials_is_in_the_reference_as_it_is_declared() {
    let rows = table(section("aws_credentials_provider"), "| source |");
    let sources = Definition::credential_sources();
    assert_eq!(rows.len(), sources.len());
    for (row, source) in rows.iter().zip(sources) {
        assert_eq!(without_link(row[0]), format!("`{}`", source.name));
        assert_eq!(keys(row[1]), declared(source), "{}", source.name);
        assert_eq!(row[2], source.summary);
    }
}

#[test]
fn each_source_of_tokens_is_in_the_reference_as_it_is_declared() {
    let section = section("aws_token");
    let rows = table(section, "| source |");
    let common = table(section, "| key |");
    let sources = Definition::token_sources();
    assert_eq!(rows.len(), sources.len());
    for (row, source) in rows.iter().zip(sources) {
        let name = source.name;
        assert_eq!(row[0], format!("`{name}`"));
        assert_eq!(row[2], source.summary);
        let of_all = common.iter().filter(|row| match row[1] {
            "all" => true,
            only if only == name => true,
            other => other.starts_with("all ") && !other.ends_with(name),
        });
        let mut documented = keys(row[1]);
        documented.extend(of_all.map(|row| row[0].trim_matches('`')));
        assert_eq!(documented, declared(source), "{name}");
    }
}
