//! The lines of logs and of `nginx -t` that the documents quote are those of the module.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == extension) {
                found.push(path);
            }
        }
    }
    found
}

/// The sources of the module, with texts in one line.
fn sources() -> String {
    let crates = ["credentials", "operations", "sealing", "signing"];
    let crates = crates.map(|name| root().join("crates").join(name).join("src"));
    let folders = [root().join("src")].into_iter().chain(crates);
    let files = folders.flat_map(|folder| files(&folder, "rs"));
    let text: String = files
        .map(|file| fs::read_to_string(file).expect("a source"))
        .collect();
    // A text continues after "\" at the end of a line.
    let mut lines = text.split("\\\n");
    let mut joined = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        joined.push_str(line.trim_start());
    }
    joined.replace("\\\"", "\"")
}

/// The messages that a page quotes: lines of a log, and code in the first column of tables of messages.
fn messages(page: &str) -> Vec<&str> {
    const TABLES: [&str; 4] = [
        "| line |",
        "| line in the error log ends with |",
        "| level | line |",
        "| warning |",
    ];
    let mut found = Vec::new();
    let mut in_table = false;
    let mut section = "";
    for line in page.lines() {
        if line.starts_with('#') {
            section = line;
        }
        in_table = match line {
            _ if TABLES.iter().any(|head| line.starts_with(head)) => true,
            _ => in_table && line.starts_with('|'),
        };
        let quoted = ["[error] aws_auth: ", "[warn] aws_auth: "];
        let logged = quoted.iter().find_map(|mark| line.split_once(mark));
        if let Some((_, message)) = logged {
            found.push(message);
        }
        // These are nginx's own.
        if in_table && section != "## nginx does not start" {
            let cells = line.split('|').skip(1).take(2);
            found.extend(cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)));
        }
    }
    found
}

/// The parts of a message that do not depend on names, numbers, and reasons.
fn constant_parts(message: &str) -> Vec<String> {
    let mut parts = vec![Vec::new()];
    for word in message.split(' ') {
        let text = word.trim_end_matches([',', ':', ';']);
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase()) {
            parts.last_mut().expect("a part").push(text);
        }
        if text != word || !text.bytes().all(|byte| byte.is_ascii_lowercase()) {
            parts.push(Vec::new());
        }
    }
    let parts = parts.into_iter().filter(|part| part.len() > 2);
    let parts = parts.map(|part| part.join(" "));
    // The name of a role, and an error of nginx.
    parts
        .filter(|part| !part.contains(" web ") && part != "host not found")
        .collect()
}

#[test]
fn quoted_messages_are_those_of_the_module() {
    let sources = sources();
    let mut missing = Vec::new();
    let mut checked = 0;
    for page in files(&root().join("docs"), "md") {
        let text = fs::read_to_string(&page).expect("a page");
        for message in messages(&text) {
            for part in constant_parts(message) {
                checked += 1;
                if !sources.contains(&part) {
                    missing.push(format!("{}: {part:?} of {message:?}", page.display()));
                }
            }
        }
    }
    assert_eq!(missing, [""; 0]);
    assert!(checked > 40, "{checked} parts");
}
