//! Every operation of S3's service model is found by a request as the model describes it, on paths
//! of both styles.

use std::collections::BTreeSet;

use aws_operations::{Headers, Levels, Operation, OperationSet, Parameters, Request};

struct Fact {
    name: &'static str,
    method: &'static str,
    path: &'static str,
    query: Vec<(&'static str, Option<&'static str>)>,
    headers: Vec<&'static str>,
}

fn facts() -> Vec<Fact> {
    let list = |text: &'static str, separator: char| match text {
        "-" => Vec::new(),
        text => text.split(separator).collect::<Vec<_>>(),
    };
    let parameter = |text: &'static str| match text.split_once('=') {
        Some((name, "*")) => (name, Some("1")),
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    let facts: Vec<Fact> = include_str!("data/s3-model.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [name, method, path, query, headers] = fields[..] else {
                panic!("{line}");
            };
            Fact {
                name,
                method,
                path,
                query: list(query, '&').into_iter().map(parameter).collect(),
                headers: list(headers, ','),
            }
        })
        .collect();
    assert_eq!(facts.len(), 116);
    facts
}

impl Fact {
    /// The operations that a request with these parameters needs.
    fn operations(
        &self,
        bucket_in_host: bool,
        query: &[(&'static str, Option<&'static str>)],
    ) -> OperationSet {
        let bucket = if bucket_in_host { "" } else { "/bucket" };
        let path = self.path.replace("/{Bucket}", bucket);
        let path = path.replace("{Key+}", "folder/key.txt");
        let mut parameters = Parameters::default();
        for (name, value) in query {
            parameters.note(name.as_bytes(), value.map(str::as_bytes));
        }
        let has = |name: &str| self.headers.contains(&name);
        Request {
            method: self.method.as_bytes(),
            levels: Levels::of_path(path.as_bytes(), bucket_in_host),
            parameters,
            headers: Headers {
                copy_source: has("x-amz-copy-source"),
                request_route: has("x-amz-request-route"),
                form: false,
            },
        }
        .operations()
    }

    fn operation(&self) -> Operation {
        Operation::of_name(self.name).unwrap_or_else(|| panic!("{} is missing", self.name))
    }

    /// Whether Host can name a bucket of it.
    fn styles(&self) -> &'static [bool] {
        match self.name {
            // Host names something else.
            "ListBuckets" | "ListDirectoryBuckets" | "WriteGetObjectResponse" => &[false],
            _ => &[false, true],
        }
    }
}

#[test]
fn each_operation_of_the_model_is_found() {
    for fact in facts() {
        let expected = OperationSet::of(fact.operation());
        for &style in fact.styles() {
            let found = fact.operations(style, &fact.query);
            assert_eq!(found, expected, "{} {style}: {found}", fact.name);
            // As SDKs send it.
            let mut query = fact.query.clone();
            query.extend([("x-id", Some(fact.name)), ("versionId", Some("null"))]);
            let found = fact.operations(style, &query);
            assert_eq!(found, expected, "{} {style} with x-id", fact.name);
        }
    }
}

/// `?%61cl`, `?ACL`, `? acl`, twice: more operations may be needed, never fewer.
#[test]
fn no_spelling_hides_an_operation() {
    for fact in facts() {
        for &style in fact.styles() {
            for at in 0..fact.query.len() {
                let (name, value) = fact.query[at];
                let encoded: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
                for spelling in [
                    encoded.clone(),
                    encoded.to_uppercase(),
                    name.to_uppercase(),
                    format!("%20{name}"),
                    format!("{name}+"),
                    format!("{name}%00"),
                    format!("%09{}%0a", name.to_uppercase()),
                ] {
                    let spelling: &'static str = spelling.leak();
                    for value in [value, Some(""), Some("x")] {
                        for twice in [false, true] {
                            let mut query = fact.query.clone();
                            query[at] = (spelling, value);
                            if twice {
                                query.push((name, value));
                            }
                            let found = fact.operations(style, &query);
                            assert!(
                                found.contains(fact.operation()),
                                "{} {spelling}={value:?}: {found}",
                                fact.name
                            );
                        }
                    }
                }
            }
        }
    }
}

/// The table has nothing else, but what browsers send without an SDK.
#[test]
fn each_operation_is_one_of_the_model() {
    let modelled: BTreeSet<&str> = facts().iter().map(|fact| fact.operation().name()).collect();
    let others: Vec<&str> = Operation::all()
        .map(Operation::name)
        .filter(|name| !modelled.contains(name))
        .collect();
    assert_eq!(others, ["OptionsObject", "PostObject"]);
    let names: Vec<&str> = Operation::all().map(Operation::name).collect();
    assert!(names.is_sorted(), "{names:?}");
}

/// IAM's names: a service, a colon, a name. Versions have actions of their own.
#[test]
fn operations_have_actions() {
    for operation in Operation::all() {
        for versioned in [false, true] {
            for action in operation.actions(versioned) {
                let (service, name) = action.split_once(':').expect(action);
                assert!(["s3", "s3express", "s3-object-lambda"].contains(&service));
                assert!(name.chars().all(char::is_alphanumeric), "{action}");
            }
        }
        let has_none = operation.actions(false).is_empty();
        assert_eq!(has_none, operation.name() == "OptionsObject", "{operation}");
    }
    let actions = |name: &str, versioned| Operation::of_name(name).unwrap().actions(versioned);
    assert_eq!(actions("GetObject", true), ["s3:GetObjectVersion"]);
    assert_eq!(actions("HeadBucket", true), ["s3:ListBucket"]);
    assert_eq!(
        actions("GetObjectAttributes", false),
        ["s3:GetObject", "s3:GetObjectAttributes"]
    );
    assert_eq!(Operation::UNKNOWN.actions(false), [""; 0]);
}

/// docs/operations.md has each operation in the section of its class, and no other.
#[test]
fn the_documentation_lists_each_operation() {
    let text = include_str!("../../../docs/operations.md");
    let mut class = "";
    let mut listed = BTreeSet::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            class = heading;
        }
        let cell = line
            .strip_prefix("| ")
            .and_then(|row| row.split(" | ").next());
        if let Some(operation) = cell.and_then(Operation::of_name) {
            assert_eq!(operation.class().as_str(), class, "{operation}");
            listed.insert(operation.name());
        }
    }
    assert_eq!(listed, Operation::all().map(Operation::name).collect());
}
