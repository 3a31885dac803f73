//! Runs the program as its users do.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn run(arguments: &[&str]) -> Output {
    run_with(arguments, b"")
}

fn run_with(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_generate_signing_key"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The program may end without reading, which breaks the pipe.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// What a successful run prints.
fn printed(arguments: &[&str]) -> String {
    printed_with(arguments, b"")
}

fn printed_with(arguments: &[&str], input: &[u8]) -> String {
    let output = run_with(arguments, input);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && error.is_empty(),
        "{arguments:?}: {error}"
    );
    String::from_utf8(output.stdout).unwrap()
}

fn scopes(arguments: &[&str]) -> Vec<String> {
    printed(arguments)
        .lines()
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

const TWO_LINES: &str =
    "L4vRLWAO92X5L3Sqk5QydUSdB0nC9+1wfqLMOKLbRp4=\n20160902/us-east-1/s3/aws4_request\n";

#[test]
fn prints_the_documented_key_and_scope() {
    for arguments in [
        &[
            "-k",
            SECRET,
            "-r",
            "us-east-1",
            "-s",
            "s3",
            "-d",
            "20160902",
        ][..],
        &["-k", SECRET, "-r", "us-east-1", "-d", "20160902"],
        &[
            "--secret-key",
            SECRET,
            "--region",
            "us-east-1",
            "--service",
            "s3",
            "--date",
            "20160902",
        ],
        &[
            &format!("-k={SECRET}"),
            "-r=us-east-1",
            "-s=s3",
            "-d=20160902",
        ],
        &[
            &format!("--secret-key={SECRET}"),
            "--region=us-east-1",
            "--date=20160902",
        ],
        &[&format!("-k{SECRET}"), "-rus-east-1", "-d20160902"],
        &[
            "-d",
            "20160902",
            "-r",
            "us-east-1",
            "-k",
            SECRET,
            "--days",
            "1",
        ],
    ] {
        assert_eq!(printed(arguments), TWO_LINES, "{arguments:?}");
    }
}

#[test]
fn derives_every_vector() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../signing/tests/vectors/signing-key-vectors.jsonl");
    let vectors = fs::read_to_string(file).unwrap();
    let mut count = 0;
    for line in vectors.lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let text = |field: &str| vector[field].as_str().unwrap();
        let arguments = [
            &format!("--secret-key={}", text("secret")),
            "-r",
            text("region"),
            "-s",
            text("service"),
            "-d",
            text("date"),
        ];
        let expected = format!("{}\n{}\n", text("signing_key_base64"), text("scope"));
        assert_eq!(printed(&arguments), expected);
        count += 1;
    }
    assert!(count >= 34, "{count}");
}

#[test]
fn bytes_are_printed_as_characters() {
    let output = printed(&[
        "-k",
        SECRET,
        "-r",
        "us-east-1",
        "-d",
        "20160902",
        "--no-base64",
    ]);
    let bytes = [
        0x2f, 0x8b, 0xd1, 0x2d, 0x60, 0x0e, 0xf7, 0x65, 0xf9, 0x2f, 0x74, 0xaa, 0x93, 0x94, 0x32,
        0x75, 0x44, 0x9d, 0x07, 0x49, 0xc2, 0xf7, 0xed, 0x70, 0x7e, 0xa2, 0xcc, 0x38, 0xa2, 0xdb,
        0x46, 0x9e,
    ];
    let characters: String = bytes.map(char::from).iter().collect();
    assert_eq!(
        output,
        format!("{characters}\n20160902/us-east-1/s3/aws4_request\n")
    );
}

#[test]
fn reads_the_secret_from_standard_input() {
    let arguments = ["-k", "-", "-r", "us-east-1", "-d", "20160902"];
    for end in ["", "\n", "\r\n", "\n\n"] {
        let input = format!("{SECRET}{end}");
        assert_eq!(
            printed_with(&arguments, input.as_bytes()),
            TWO_LINES,
            "{end:?}"
        );
    }
    let long = ["--secret-key=-", "-r", "us-east-1", "-d", "20160902"];
    assert_eq!(printed_with(&long, SECRET.as_bytes()), TWO_LINES);
}

#[test]
fn reads_the_secret_from_a_file() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("secret");
    let path = file.to_str().unwrap();
    let arguments = [
        "--secret-key-file",
        path,
        "-r",
        "us-east-1",
        "-d",
        "20160902",
    ];
    for end in ["", "\n", "\r\n"] {
        fs::write(&file, format!("{SECRET}{end}")).unwrap();
        assert_eq!(printed(&arguments), TWO_LINES, "{end:?}");
    }
    fs::write(
        &file,
        format!("[default]\naws_secret_access_key = {SECRET}\n"),
    )
    .unwrap();
    refused(
        &arguments,
        b"",
        &format!("{path} must contain only a secret access key"),
    );
    fs::write(&file, "\n").unwrap();
    refused(&arguments, b"", "the secret access key is empty");
    fs::write(&file, "x".repeat(4097)).unwrap();
    refused(
        &arguments,
        b"",
        "must contain only a secret access key, on one line",
    );
    fs::remove_file(&file).unwrap();
    refused(&arguments, b"", &format!("cannot read {path}: "));
}

#[test]
fn prints_as_many_days_as_asked_for() {
    let days = |date, days| {
        let scopes = scopes(&["-k", "x", "-r", "r", "-d", date, "--days", days]);
        scopes
            .iter()
            .map(|scope| scope.split('/').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        days("20240227", "4"),
        ["20240227", "20240228", "20240229", "20240301"]
    );
    assert_eq!(days("20230227", "3"), ["20230227", "20230228", "20230301"]);
    assert_eq!(days("21000228", "2"), ["21000228", "21000301"]);
    assert_eq!(
        days("20251230", "4"),
        ["20251230", "20251231", "20260101", "20260102"]
    );
    assert_eq!(days("99991231", "1"), ["99991231"]);

    let year = days("20240101", "366");
    assert_eq!((year.len(), year[365].as_str()), (366, "20241231"));
    assert!(year.is_sorted() && year.windows(2).all(|pair| pair[0] != pair[1]));
}

/// Each of several days has the key that it has alone.
#[test]
fn the_key_of_each_day_is_its_own() {
    let together = printed(&[
        "-k",
        SECRET,
        "-r",
        "eu-west-1",
        "-d",
        "20240228",
        "--days",
        "3",
    ]);
    let alone: Vec<String> = ["20240228", "20240229", "20240301"]
        .iter()
        .map(|date| printed(&["-k", SECRET, "-r", "eu-west-1", "-d", date]))
        .collect();
    assert_eq!(together, alone.concat());
}

#[test]
fn chooses_date_and_service_and_says_so_when_asked() {
    let output = run(&["-k", SECRET, "-r", "us-east-1", "-v"]);
    assert!(output.status.success());
    let lines = String::from_utf8(output.stdout).unwrap();
    let scope = lines.lines().nth(1).unwrap();
    let (date, rest) = scope.split_at(8);
    assert_eq!(rest, "/us-east-1/s3/aws4_request");
    let said = String::from_utf8(output.stderr).unwrap();
    let want = format!("The auto-selected date is {date}\nThe auto-selected service is s3\n");
    assert_eq!(said, want);
    // Midnight may pass between the run and this line, not two of them.
    let today = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() as i64;
    let near = [today, today - 60].map(aws_signing::Timestamp::from_unix);
    assert!(
        near.iter().any(|timestamp| timestamp.date() == date),
        "{date}"
    );

    let output = run(&[
        "-k",
        SECRET,
        "-r",
        "r",
        "-s",
        "es",
        "-d",
        "20240101",
        "--verbose",
    ]);
    assert!(output.status.success() && output.stderr.is_empty());
}

/// The long options, with "=" where a value follows.
const OPTIONS: [&str; 10] = [
    "--secret-key=",
    "--secret-key-file=",
    "--region=",
    "--service=",
    "--date=",
    "--days=",
    "--no-base64",
    "--verbose",
    "--help",
    "--version",
];

/// The first long option of each line that begins with an option, as shells complete them.
fn options_of(help: &str) -> Vec<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    help.lines()
        .filter(|line| line.trim_start().starts_with('-'))
        .filter_map(|line| {
            let option = &line[line.find("--")?..];
            let end = option.find(|c| !is_name(c)).unwrap_or(option.len());
            let with_value = option[end..].starts_with('=');
            Some(&option[..end + usize::from(with_value)])
        })
        .collect()
}

#[test]
fn help_names_every_option() {
    for option in ["-h", "--help"] {
        assert_eq!(options_of(&printed(&[option])), OPTIONS);
    }
}

#[test]
fn the_manual_names_every_option() {
    let page =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/man/generate_signing_key.1.in");
    let page = fs::read_to_string(page).unwrap().replace("\\-", "-");
    let described: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with(".B"))
        .filter_map(|line| line.find("--").map(|start| &line[start..]))
        .collect();
    for option in OPTIONS {
        let name = option.trim_end_matches('=');
        let value = if option == name { "" } else { " =\\fI" };
        let wanted = format!("{name}{value}");
        assert!(
            described.iter().any(|line| match value {
                "" => *line == wanted,
                _ => line.starts_with(&wanted),
            }),
            "{option} in {described:?}"
        );
    }
}

#[test]
fn tells_its_version() {
    let wanted = concat!("generate_signing_key ", env!("CARGO_PKG_VERSION"), "\n");
    for option in ["-V", "--version"] {
        assert_eq!(printed(&[option]), wanted);
    }
}

/// Checks that a run fails with one line that says `message` and not the secret.
fn refused(arguments: &[&str], input: &[u8], message: &str) {
    let output = run_with(arguments, input);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    assert!(error.starts_with("generate_signing_key: "), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.contains(message), "{arguments:?}: {error}");
    assert!(!error.contains(SECRET), "{error}");
}

#[test]
fn bad_input_is_refused_in_one_line_without_the_secret() {
    let region = "a region is one or more";
    let date = "--date requires a calendar day in the form yyyymmdd";
    let days = "--days requires a number from 1 to 366";
    for (arguments, message) in [
        (&[][..], "the secret access key is missing"),
        (&["-r", "r"], "the secret access key is missing"),
        (&["-k", SECRET], "the region is missing"),
        (
            &["-k", SECRET, "--secret-key-file", "/x", "-r", "r"],
            "--secret-key and --secret-key-file cannot be",
        ),
        (&["-k", SECRET, "-r", ""], region),
        (&["-k", SECRET, "-r", "us/east"], region),
        (&["-k", SECRET, "-r", "us east"], region),
        (
            &["-k", "x", "-r", "r", "-s", ""],
            "a service is one or more",
        ),
        (&["-k", "x", "-r", SECRET], region),
        (&["-k", "x", "-r", "r", "-d", "20230229"], date),
        (&["-k", "x", "-r", "r", "-d", "2024-01-01"], date),
        (&["-k", "x", "-r", "r", "-d", "+2240101"], date),
        (&["-k", "x", "-r", "r", "-d", "today"], date),
        (&["-k", "x", "-r", "r", "-d", SECRET], date),
        (&["-k", "x", "-r", "r", "--days", "0"], days),
        (&["-k", "x", "-r", "r", "--days", "367"], days),
        (&["-k", "x", "-r", "r", "--days", SECRET], days),
        (
            &["-k", "x", "-r", "r", "-d", "99991231", "--days", "2"],
            "the calendar ends",
        ),
        (&["-r", "r", "-k"], "-k requires a value"),
        (&["-k", SECRET, "--region"], "--region requires a value"),
        (&["-k", "", "-r", "r"], "the secret access key is empty"),
        (&["-k", "-", "-r", "r"], "the secret access key is empty"),
        (&["-k", "x", "-r", "r", SECRET], "unexpected argument"),
        (&["--", SECRET], "unexpected argument"),
        (
            &["-k", "x", "-r", "r", "--nobase64"],
            "there is no option --nobase64",
        ),
        (&["-k", "x", "-r", "r", "-x"], "there is no option -x"),
        (&[&format!("--{SECRET}")], "there is no such option"),
        (&["--0123456789abcdef01234"], "there is no such option"),
        (
            &[&format!("--secret={SECRET}"), "-r", "r"],
            "there is no option --secret",
        ),
        (
            &[&format!("--verbose={SECRET}")],
            "--verbose does not accept a value",
        ),
        (&[&format!("-v={SECRET}")], "-v does not accept a value"),
    ] {
        refused(arguments, b"", message);
    }
    let two_lines = format!("{SECRET}\n{SECRET}\n");
    let message = "standard input must contain only a secret access key, on one line";
    refused(&["-k", "-", "-r", "r"], two_lines.as_bytes(), message);
}

#[test]
fn a_failing_write_is_an_error() {
    let output = Command::new(env!("CARGO_BIN_EXE_generate_signing_key"))
        .args(["-k", SECRET, "-r", "r"])
        .stdout(
            fs::OpenOptions::new()
                .write(true)
                .open("/dev/full")
                .unwrap(),
        )
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.starts_with("generate_signing_key: cannot write to standard output"),
        "{error}"
    );
}
