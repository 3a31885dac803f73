//! Which part of `src/` may use which: each only what stands below it in this list.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of `src/` from the top down. `ffi` uses nothing of ours, neither these nor the pure crates.
const ROOMS: [&str; 6] = ["module", "directives", "request", "conf", "renewal", "ffi"];

#[test]
fn nothing_in_src_imports_upwards() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src");
    let mut upward = Vec::new();
    let mut seen = 0;
    for file in sources(&src) {
        let path = file.strip_prefix(&src).expect("a file of the folder");
        let text = fs::read_to_string(&file).expect("a source file");
        let Some(room) = room_of(path) else {
            continue;
        };
        seen += 1;
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for used in used_by(code) {
                if !may_use(room, used) {
                    let (path, number) = (path.display(), number + 1);
                    upward.push(format!("src/{path}:{number}: {room} uses {used}"));
                }
            }
        }
    }
    assert!(seen > 50, "only {seen} files were found below {src:?}");
    assert!(upward.is_empty(), "\n{}\n", upward.join("\n"));
}

#[test]
fn an_upward_import_is_found() {
    let used = |code| used_by(code).collect::<Vec<_>>();
    assert_eq!(used("use crate::module::this_module;"), ["module"]);
    assert_eq!(
        used("let x = crate::conf::Plan::new(aws_signing::A);"),
        ["conf", "aws_signing"]
    );
    assert_eq!(used("use crate::{conf, request};"), ["conf", "request"]);
    assert!(
        may_use("request", "conf") && may_use("conf", "conf") && may_use("conf", "aws_sealing")
    );
    assert!(
        !may_use("conf", "request") && !may_use("ffi", "aws_sealing") && !may_use("ffi", "conf")
    );
}

/// Whether code of `room` may use `used`, another room or a pure crate.
fn may_use(room: &str, used: &str) -> bool {
    let floor = |name: &str| ROOMS.iter().position(|room| *room == name);
    match floor(used) {
        Some(used) => floor(room) <= Some(used),
        None => room != "ffi",
    }
}

/// The rooms and pure crates that a line of code names.
fn used_by(code: &str) -> impl Iterator<Item = &str> {
    let rooms = code.match_indices("crate::").flat_map(|(at, path)| {
        let rest = &code[at + path.len()..];
        let list = match rest.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or_default(),
            None => first_name(rest),
        };
        list.split(',').map(|name| first_name(name.trim()))
    });
    let crates = code
        .match_indices("aws_")
        .map(|(at, _)| first_name(&code[at..]))
        .filter(|name| {
            [
                "aws_signing",
                "aws_sealing",
                "aws_credentials",
                "aws_operations",
                "aws_status",
            ]
            .contains(name)
        });
    rooms.filter(|name| ROOMS.contains(name)).chain(crates)
}

fn first_name(text: &str) -> &str {
    let end = text.find(|part: char| !part.is_alphanumeric() && part != '_');
    &text[..end.unwrap_or(text.len())]
}

/// The room that a file below `src/` stands in; `None` for the crate's root.
fn room_of(path: &Path) -> Option<&'static str> {
    let first = path.components().next()?.as_os_str().to_str()?;
    let first = first.strip_suffix(".rs").unwrap_or(first);
    match ROOMS.into_iter().find(|room| *room == first) {
        None if first != "lib" => panic!("src/{first} is in no room: add it to the list"),
        room => room,
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}
