//! The links of the documents lead somewhere: to files that are there, and to headings in them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nginx_tests::Scratch;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All documents of a folder of sources, or of a package.
fn documents(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = ["docs", "benches", "fuzz", "packaging", "t"]
        .map(|name| root.join(name))
        .to_vec();
    let is_document = |path: &Path| path.extension().is_some_and(|end| end == "md");
    let top = fs::read_dir(root).expect("the root");
    let top = top.map(|entry| entry.expect("an entry").path());
    found.extend(top.filter(|path| is_document(path)));
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if is_document(&path) {
                found.push(path);
            }
        }
    }
    found
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter_map(|char| match char {
        ' ' => Some('-'),
        '-' | '_' => Some(char),
        _ => char.is_alphanumeric().then_some(char),
    });
    kept.collect()
}

fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| anchor(line.trim_start_matches('#')))
        .collect()
}

/// The targets of `[text](target)` outside of code.
fn links(text: &str) -> Vec<&str> {
    let mut in_code = false;
    let lines = text.lines().filter(|line| {
        in_code ^= line.trim_start().starts_with("```");
        !in_code && !line.starts_with("    ")
    });
    lines
        .flat_map(|line| line.split("](").skip(1))
        .filter_map(|rest| rest.split(')').next())
        .collect()
}

/// The links that lead nowhere, and how many there are in all.
fn broken_links(documents: &[PathBuf]) -> (Vec<String>, usize) {
    let mut checked = 0;
    let mut broken = Vec::new();
    for document in documents {
        let text = fs::read_to_string(document).expect("a document");
        for link in links(&text) {
            if link.contains("://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => document.clone(),
                _ => document.with_file_name("").join(file),
            };
            let leads = match (target.exists(), anchor) {
                (exists, "") => exists,
                (true, anchor) => {
                    let text = fs::read_to_string(&target).expect("a document");
                    anchors(&text).iter().any(|known| known == anchor)
                }
                (false, _) => false,
            };
            checked += 1;
            if !leads {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    (broken, checked)
}

#[test]
fn links_lead_somewhere() {
    let (broken, checked) = broken_links(&documents(&root()));
    assert_eq!(broken, [""; 0]);
    assert!(checked > 40, "{checked} links");
}

/// Packages have the documents without the rest of the sources, and the examples in another folder.
#[test]
fn links_in_packages_lead_to_files_of_the_package() {
    for (examples, changelog) in [("nginx-conf", None), ("examples", Some("changelog.gz"))] {
        let package = Scratch::new("package");
        let output = Command::new(root().join("packaging/docs.sh"))
            .args([package.path(), Path::new(examples)])
            .args(changelog)
            .output()
            .expect("packaging/docs.sh runs");
        assert!(output.status.success(), "{output:?}");
        let shipped = package.path().join(examples);
        fs::create_dir(&shipped).expect("a folder");
        for example in fs::read_dir(root().join("nginx-conf")).expect("the examples") {
            let example = example.expect("an entry").path();
            fs::copy(&example, shipped.join(example.file_name().expect("a name"))).expect("a copy");
        }
        if let Some(changelog) = changelog {
            fs::write(package.path().join(changelog), "").expect("a file");
        }

        let documents = documents(package.path());
        assert!(documents.len() > 5, "{documents:?}");
        let (broken, checked) = broken_links(&documents);
        assert_eq!(broken, [""; 0]);
        assert!(checked > 40, "{checked} links");
        let readme = fs::read_to_string(package.path().join("README.md")).expect("README.md");
        assert!(readme.contains(&format!("]({examples}/ec2.conf)")));
        assert!(readme.contains("DESIGN.md (in the sources)"));
    }
}

/// The contents of the documentation, and of the book that is made from it.
#[test]
fn the_contents_list_each_page() {
    let docs = root().join("docs");
    let contents = fs::read_to_string(docs.join("README.md")).expect("docs/README.md");
    let listed: Vec<PathBuf> = links(&contents)
        .into_iter()
        .map(|link| docs.join(link))
        .collect();
    let pages = documents(&root());
    let pages = pages.iter().filter(|page| page.starts_with(&docs));
    let missing: Vec<_> = pages
        .filter(|page| **page != docs.join("README.md") && !listed.contains(page))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(listed.len() > 20, "{listed:?}");
}

/// Words that show a sentence to be translated literally, or that say less than a plain word.
#[test]
fn the_documents_are_in_plain_english() {
    const WORST: [&str; 6] = [
        "whoever",
        "of a client's",
        "is none",
        "taken for",
        "but for",
        "anew",
    ];
    let mut pages = documents(&root());
    pages.retain(|page| page.starts_with(root().join("docs")) || *page == root().join("README.md"));
    assert!(pages.len() > 20, "{pages:?}");
    let mut found = Vec::new();
    for page in pages {
        let text = fs::read_to_string(&page).expect("a page").to_lowercase();
        // Code has its own words, and sentences continue in the next line.
        let text = text.lines().filter(|line| !line.starts_with("    "));
        let text = text.flat_map(str::split_whitespace);
        let text = text.collect::<Vec<_>>().join(" ");
        for word in WORST.iter().filter(|word| text.contains(**word)) {
            found.push(format!("{}: {word}", page.display()));
        }
    }
    assert_eq!(found, [""; 0]);
}

/// A newcomer reads the whole page.
#[test]
fn the_readme_is_short() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    assert!(readme.lines().count() <= 220);
}

/// Each command in README.md is one that the tests of packages run.
#[test]
fn the_commands_of_the_readme_are_run() {
    const RUN: [(&str, &str, &str); 8] = [
        ("make demo", "packaging/test/fresh.sh", "make demo ONCE=1"),
        ("make rpm", "packaging/test/rpm.sh", "packaging/rpm.sh"),
        (
            "sudo dnf install ./dist/nginx-module-aws-auth-*.rpm",
            "packaging/test/rpm.sh",
            "install",
        ),
        ("make deb", "packaging/test/fresh.sh", "make deb"),
        (
            "sudo apt install ./dist/libnginx-mod-http-aws-auth_*.deb",
            "packaging/test/fresh.sh",
            "apt-get install -y -q \"/$deb\"",
        ),
        ("make build", "packaging/test/fresh.sh", "make build"),
        (
            "sudo make install",
            "docs/getting-started.md",
            "sudo make install\n",
        ),
        (
            "sudo install -m 600 /dev/stdin /etc/nginx/aws-secret-key",
            "docs/getting-started.md",
            "sudo install -m 600",
        ),
    ];
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    let blocks = readme.split("```sh\n").skip(1);
    let commands: Vec<&str> = blocks
        .flat_map(|rest| rest.split("```").next().unwrap_or_default().lines())
        .collect();
    assert_eq!(commands, RUN.map(|(command, _, _)| command));
    for (command, file, how) in RUN {
        let text = fs::read_to_string(root().join(file)).expect(file);
        assert!(text.contains(how), "{command}: {how:?} is not in {file}");
    }
}

/// The builds reject what is older.
#[test]
fn the_documents_name_the_oldest_nginx() {
    let read = |file: &str| fs::read_to_string(root().join(file)).expect("a file");
    let oldest = read("packaging/oldest-nginx");
    let series = oldest.trim().strip_suffix(".0").expect("a series");
    for document in ["README.md", "docs/compatibility.md"] {
        let text = read(document);
        let names = [
            format!("nginx {series} or later"),
            format!("nginx {series} and later"),
        ];
        assert!(names.iter().any(|name| text.contains(name)), "{document}");
    }
}
