//! The format, rule by rule.

use proptest::prelude::*;

use super::*;

fn value(text: &str, kind: FileSyntax, profile: &str, setting: &str) -> Option<String> {
    let profiles = parse(text, kind).unwrap_or_else(|error| panic!("{error}: {text}"));
    Some(profiles.get(profile)?.get(setting)?.to_owned())
}

fn config(text: &str, setting: &str) -> Option<String> {
    value(text, FileSyntax::Config, "a", setting)
}

#[test]
fn settings_are_read() {
    for (text, expected) in [
        ("[profile a]\nx = 1", Some("1")),
        ("[profile a]\r\nx=1\r\n", Some("1")),
        ("[profile a]\n\n# c\n; c\nX\t=\t1\t", Some("1")),
        ("[profile a]\nx = a=b==", Some("a=b==")),
        ("[profile a]\nx = 1\nx = 2", Some("2")),
        ("[profile a]\nx =", None),
        ("[profile a]\ny = 1", None),
        ("\u{feff}[profile a]\nx = 1", Some("1")),
        (
            "[profile a]\nx = \u{e9} \u{1f600}",
            Some("\u{e9} \u{1f600}"),
        ),
        (
            "[profile a]\nx = 1\n[profile b]\n[profile a]\ny = 1",
            Some("1"),
        ),
    ] {
        assert_eq!(config(text, "x").as_deref(), expected, "{text:?}");
    }
}

#[test]
fn comments_stand_behind_a_blank() {
    for (line, expected) in [
        ("x = 1 # c", "1"),
        ("x = 1\t; c", "1"),
        ("x = 1#c", "1#c"),
        ("x = 1;c # d", "1;c"),
        ("x = \"1 # c\"", "\"1"),
    ] {
        let text = format!("[profile a] ; comment\n{line}");
        assert_eq!(config(&text, "x").as_deref(), Some(expected), "{line}");
    }
    assert_eq!(
        config("[profile a]# c\nx = 1\n  # c\n", "x").as_deref(),
        Some("1")
    );
}

#[test]
fn what_is_further_in_continues_the_setting_before() {
    let text = "[profile a]\ns3 =\n  x = 1\n  y = 2\nx = 3";
    assert_eq!(config(text, "x").as_deref(), Some("3"));
    assert_eq!(config(text, "y"), None);
    assert_eq!(config(text, "s3").as_deref(), Some("\nx = 1\ny = 2"));
    let text = "[profile a]\nx = 1\n [not a section]\n no setting";
    assert_eq!(
        config(text, "x").as_deref(),
        Some("1\n[not a section]\nno setting")
    );
}

#[test]
fn settings_may_be_indented_as_one() {
    let text = "[profile a]\n  x = 1\n  y = 2\n [profile b]\n\ty = 3";
    assert_eq!(config(text, "x").as_deref(), Some("1"));
    assert_eq!(config(text, "y").as_deref(), Some("2"));
    assert_eq!(
        value(text, FileSyntax::Config, "b", "y").as_deref(),
        Some("3")
    );
}

#[test]
fn each_kind_of_file_names_profiles_its_way() {
    let found = |section: &str, kind, profile| {
        value(&format!("{section}\nx = 1"), kind, profile, "x").is_some()
    };
    for (section, kind, profile, is_found) in [
        ("[profile a]", FileSyntax::Config, "a", true),
        ("[ profile\ta ]", FileSyntax::Config, "a", true),
        ("[profile \"a b\"]", FileSyntax::Config, "a b", true),
        ("[profile 'a']", FileSyntax::Config, "a", true),
        ("[profile a b]", FileSyntax::Config, "a b", false),
        ("[profile a b]", FileSyntax::Config, "a", false),
        ("[profilea]", FileSyntax::Config, "a", false),
        ("[profile]", FileSyntax::Config, "", false),
        ("[a]", FileSyntax::Config, "a", false),
        ("[default]", FileSyntax::Config, "default", true),
        ("[profile default]", FileSyntax::Config, "default", true),
        ("[sso-session a]", FileSyntax::Config, "a", false),
        ("[services a]", FileSyntax::Config, "a", false),
        ("[a]", FileSyntax::Credentials, "a", true),
        ("[ a ]", FileSyntax::Credentials, "a", true),
        ("[default]", FileSyntax::Credentials, "default", true),
        ("[profile a]", FileSyntax::Credentials, "a", false),
        ("[profile a]", FileSyntax::Credentials, "profile a", false),
        ("[a]", FileSyntax::Any, "a", true),
        ("[profile a]", FileSyntax::Any, "a", true),
    ] {
        assert_eq!(
            found(section, kind, profile),
            is_found,
            "{section} {kind:?}"
        );
    }
}

#[test]
fn a_prefixed_default_replaces_the_plain_one() {
    for text in [
        "[default]\nx = 1\ny = 1\n[profile default]\nx = 2",
        "[profile default]\nx = 2\n[default]\nx = 1\ny = 1",
    ] {
        assert_eq!(
            value(text, FileSyntax::Config, "default", "x").as_deref(),
            Some("2")
        );
        assert_eq!(
            value(text, FileSyntax::Config, "default", "y"),
            None,
            "{text}"
        );
    }
}

#[test]
fn settings_of_other_sections_are_skipped() {
    let text = "[preview]\ncloudfront = true\nb =\n c\n[profile a]\nx = 1";
    assert_eq!(config(text, "x").as_deref(), Some("1"));
    assert_eq!(config(text, "cloudfront"), None);
}

#[test]
fn each_mistake_has_its_line() {
    for (text, error) in [
        ("x = 1", "line 1 is before the first [profile]"),
        ("\n# c\nx = 1\n[a]", "line 3 is before the first [profile]"),
        (
            "[a",
            "line 1 begins with \"[\", but does not end with \"]\"",
        ),
        (
            "[a #]",
            "line 1 begins with \"[\", but does not end with \"]\"",
        ),
        (
            "[a] b",
            "line 1 begins with \"[\", but does not end with \"]\"",
        ),
        ("[a]\nx", "line 2 is not of the form name = value"),
        ("[a]\n\n = 1", "line 3 has no name before the \"=\""),
        ("[a]\nsecret 1", "line 2 is not of the form name = value"),
    ] {
        let problem = parse(text, FileSyntax::Any)
            .err()
            .map(|error| error.to_string());
        assert_eq!(problem.as_deref(), Some(error), "{text:?}");
    }
}

#[test]
fn settings_of_the_later_file_win() {
    let mut profiles = parse("[profile a]\nx = 1\ny = 1", FileSyntax::Config).unwrap();
    profiles.merge(parse("[a]\nx = 2\n[b]\nx = 3", FileSyntax::Credentials).unwrap());
    let get = |profile, setting| profiles.get(profile).and_then(|found| found.get(setting));
    assert_eq!((get("a", "x"), get("a", "y")), (Some("2"), Some("1")));
    assert_eq!(get("b", "x"), Some("3"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn an_error_names_a_line_that_is_there(text in "[\\[\\]a= \t\n\r#;\"'\\\\\u{e9}]{0,60}") {
        for kind in [FileSyntax::Config, FileSyntax::Credentials, FileSyntax::Any] {
            if let Err(error) = parse(&text, kind) {
                prop_assert!((1..=text.lines().count()).contains(&error.number), "{error:?}");
            }
        }
    }

    #[test]
    fn what_is_written_plainly_is_read_again(
        profiles in proptest::collection::btree_map(
            "[a-z][a-z0-9-]{0,8}",
            proptest::collection::btree_map("[a-z][a-z_]{0,8}", "[!-~]{1,20}", 0..4),
            0..4,
        ),
    ) {
        let mut text = String::new();
        for (name, settings) in &profiles {
            text += &format!("[profile {name}]\n");
            for (setting, value) in settings {
                text += &format!("{setting} = {value}\n");
            }
        }
        let read = parse(&text, FileSyntax::Config).unwrap();
        for (name, settings) in &profiles {
            for (setting, value) in settings {
                // After the space, a value cannot begin like a comment.
                let value = Some(&value[..]).filter(|value| !value.starts_with(['#', ';']));
                prop_assert_eq!(read.get(name).unwrap().get(setting), value);
            }
        }
    }
}
