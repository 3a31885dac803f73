//! The configurations in the documents are those of nginx-conf/, or pass `nginx -t`.

use std::fs;
use std::path::{Path, PathBuf};

use nginx_tests::account::SECRET_KEY;
use nginx_tests::{Nginx, example};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// README.md and all pages of docs/.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md")];
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                pages.push(path);
            }
        }
    }
    pages
}

/// The configurations on a page.
fn configurations(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).expect("a page");
    let blocks = text.split("```nginx\n").skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap_or_default().to_owned())
        .collect()
}

/// All configurations, each with the page that has it.
fn all() -> Vec<(PathBuf, String)> {
    let pages = pages().into_iter();
    pages
        .flat_map(|page| {
            let found = configurations(&page).into_iter();
            found.map(|text| (page.clone(), text)).collect::<Vec<_>>()
        })
        .collect()
}

fn is_whole_file(text: &str) -> bool {
    text.starts_with("load_module ")
}

/// A part of a configuration, put where it belongs: its outermost lines tell.
fn completed(part: &str) -> String {
    let begins = |name: &str| part.lines().any(|line| line.starts_with(name));
    let text = if begins("http {") {
        part.to_owned()
    } else if begins("location ") || begins("if ") {
        format!(
            "http {{\n    server {{\n        listen 80;\n        aws_access_key AKIAIOSFODNN7EXAMPLE;\n        \
             aws_secret_key_file /etc/nginx/aws-secret-key;\n        aws_region eu-west-1;\n{part}    }}\n}}\n"
        )
    } else {
        format!("http {{\n{part}}}\n")
    };
    format!("load_module modules/ngx_http_aws_auth_module.so;\n\nevents {{}}\n\n{text}")
}

#[test]
fn whole_files_are_tested_examples() {
    let examples: Vec<String> = fs::read_dir(example::folder())
        .expect("the examples")
        .map(|entry| fs::read_to_string(entry.expect("an entry").path()).expect("an example"))
        .collect();
    let mut whole = 0;
    for (page, text) in all().iter().filter(|(_, text)| is_whole_file(text)) {
        whole += 1;
        assert!(
            examples.iter().any(|example| example.ends_with(text)),
            "{}: {text}",
            page.display()
        );
    }
    assert!(whole > 9, "{whole} whole files");
}

#[test]
fn parts_pass_nginx_t() {
    let mut parts = 0;
    for (page, text) in all().iter().filter(|(_, text)| !is_whole_file(text)) {
        parts += 1;
        println!("{}:\n{text}", page.display());
        Nginx::builder()
            .conf(&example::without_names(&completed(text)))
            .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
            .file("aws-secret-key", format!("{SECRET_KEY}\n"))
            .file("passwords", "user:{PLAIN}password\n")
            .check()
            .expect_ok();
    }
    assert!(parts > 9, "{parts} parts");
}
