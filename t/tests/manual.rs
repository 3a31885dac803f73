//! The manual page that is made from the reference has each directive of the module, and is no Markdown.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nginx_tests::Scratch;
use nginx_tests::directives::ALL;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(file: &str) -> String {
    let path = project().join(file);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn directives() -> BTreeSet<String> {
    ALL.iter()
        .map(|directive| directive.name.to_owned())
        .collect()
}

/// The names behind `mark` at the beginning of a line.
fn headings(text: &str, mark: &str) -> BTreeSet<String> {
    text.lines()
        .filter_map(|line| line.strip_prefix(mark))
        .map(|name| name.trim_matches('"').to_owned())
        .filter(|name| name.starts_with("aws_"))
        .collect()
}

fn manual() -> String {
    let scratch = Scratch::new("man");
    let output = Command::new(project().join("packaging/man/build.sh"))
        .args([scratch.path(), Path::new("/usr/share/doc/examples")])
        .env("SOURCE_DATE_EPOCH", "1700000000")
        .output()
        .expect("packaging/man/build.sh runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    fs::read_to_string(scratch.path().join("ngx_http_aws_auth_module.5")).expect("the page")
}

#[test]
fn the_manual_has_each_directive() {
    let page = manual();
    assert_eq!(headings(&page, ".SS "), directives());
    assert!(page.contains(".TH NGX_HTTP_AWS_AUTH_MODULE 5 \"2023-11-14\""));
    assert!(page.contains("\n.I /usr/share/doc/examples\n"));
}

/// The marks of Markdown are gone, and what roff takes for its own is not in the text.
#[test]
fn the_manual_is_no_markdown() {
    let page = manual();
    for line in page.lines() {
        let is_request = [
            ".TH ", ".SH ", ".SS ", ".PP", ".IP ", ".TP", ".RS ", ".RE", ".nf", ".fi", ".TS",
            ".TE", ".B ", ".BR ", ".I ", ".nh", ".ad l", ".sp 1v", ".br", ".ds AD l", ".PD",
        ]
        .iter()
        .any(|request| line.starts_with(request));
        assert!(is_request || !line.starts_with('.'), "{line}");
        for mark in ["`", "](#", "](nginx-conf", "**"] {
            assert!(!line.contains(mark), "{mark} in {line}");
        }
    }
}

/// The page begins with a configuration to copy, the one that README.md and the examples have.
#[test]
fn the_manual_has_the_basic_configuration() {
    let page = manual();
    let (_, section) = page
        .split_once("\n.SH \"BASIC CONFIGURATION\"\n")
        .expect("the section");
    let section = section.split("\n.SH ").next().unwrap_or_default();
    let example = read("nginx-conf/private-bucket.conf").replace('-', "\\-");
    let (_, example) = example.split_once("\n\n").expect("a comment first");
    assert!(section.contains(example), "{section}");
}

/// A terminal has 80 columns, the margins of a page take 8, and tbl puts 3 between two columns. What
/// does not fit into its column makes groff warn, and spoils the table.
#[test]
fn tables_of_the_manual_fit_a_terminal() {
    let page = manual();
    let mut tables = 0;
    for table in page.split("\n.TS\n").skip(1) {
        tables += 1;
        let table = table.split("\n.TE\n").next().unwrap_or_default();
        let mut lines = table.lines();
        assert_eq!(lines.next(), Some("tab(\t);"));
        let format = lines.next().expect("a format").trim_end_matches('.');
        let widths: Vec<usize> = format
            .split(' ')
            .map(|column| {
                let width = column
                    .strip_prefix("lw(")
                    .and_then(|w| w.strip_suffix("n)"));
                width.and_then(|w| w.parse().ok()).expect(format)
            })
            .collect();
        let total = widths.iter().sum::<usize>() + 3 * (widths.len() - 1);
        assert!(total <= 72, "{total} columns: {format}");

        let rows = lines.collect::<Vec<_>>().join("\n");
        for row in rows.split("\n.sp 1v\n") {
            for (cell, width) in row.split('\t').zip(&widths) {
                for word in cell.split([' ', '\n']) {
                    for part in word.split("\\:") {
                        let shown = ["\\fB", "\\fI", "\\fP", "\\&"]
                            .iter()
                            .fold(part.replace("\\-", "-"), |text, mark| {
                                text.replace(mark, "")
                            });
                        assert!(shown.len() <= *width, "{shown:?} in {width} columns: {row}");
                    }
                }
            }
        }
    }
    assert!(tables > 3, "{tables} tables");
}
