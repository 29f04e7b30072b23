use proptest::prelude::*;

use super::*;
use crate::agent::codex::{PROFILE_ENTRY as ENTRY, profile};
use crate::provider::Provider;
use crate::provider::tests::provider;

const WHOLE: &str = "model = \"m\"\nmodel_provider = \"shorn\"\nmodel_catalog_json = \"shorn.models.json\"\n\
    web_search = \"disabled\"\n\n[model_providers.shorn]\nname = \"Shorn\"\n\
    base_url = \"http://127.0.0.1:1234/v1\"\nwire_api = \"responses\"\n";

fn known() -> Value {
    profile(&Provider::with_everything())
}

fn find(text: &str) -> Result<Option<Value>, Refusal> {
    ENTRY.find(text, &known())
}

fn put(text: &str, model: &str) -> Result<String, Refusal> {
    ENTRY.put(text, &profile(&provider(model)), &known())
}

fn take_out(text: &str) -> Result<String, Refusal> {
    ENTRY.take_out(text, &known())
}

#[test]
fn a_new_profile_holds_our_keys_and_nothing_else() {
    assert_eq!(ENTRY.whole(&profile(&provider("m"))), WHOLE);
    assert_eq!(put("", "m").unwrap(), WHOLE);
    assert_eq!(find(WHOLE).unwrap(), Some(profile(&provider("m"))));
}

#[test]
fn what_is_there_already_stays_between_our_keys_and_our_table() {
    let text = put("# mine\n[tui]\nnotifications = true # yes", "m").unwrap();
    let (top, table) = WHOLE.split_once("\n\n").unwrap();
    assert_eq!(text, format!("{top}\n# mine\n[tui]\nnotifications = true # yes\n\n{table}"));
}

#[test]
fn an_update_changes_only_the_values_that_differ() {
    let mine = |model: &str| {
        let ours =
            WHOLE.replace("\"m\"", model).replace("wire_api", "# why\nrequest_max_retries = 2\nwire_api");
        format!("approval_policy = \"never\" # mine\n{ours}\n[features]\nx = 1\n")
    };
    assert_eq!(put(&mine("'old'  # here"), "new").unwrap(), mine("\"new\"  # here"));
    assert_eq!(put(&mine("'old'"), "old").unwrap(), mine("'old'"), "the same, written in another way");
}

#[test]
fn keys_that_a_newer_version_or_another_setting_writes_come_and_go() {
    let keyed = Provider { api_key: Some("k \"1\"".to_owned()), ..provider("m") };
    let with_key = ENTRY.put(WHOLE, &profile(&keyed), &known()).unwrap();
    let line = "experimental_bearer_token = 'k \"1\"'\n";
    assert_eq!(
        with_key,
        WHOLE.replace("[model_providers.shorn]\n", &format!("[model_providers.shorn]\n{line}"))
    );
    assert_eq!(put(&with_key, "m").unwrap(), WHOLE);
    let older = WHOLE.replace("web_search = \"disabled\"\n", "");
    assert_eq!(put(&older, "m").unwrap(), format!("web_search = \"disabled\"\n{older}"));
}

#[test]
fn taking_out_leaves_what_is_not_ours() {
    let text = "# top\nmodel = \"m\" # which\nmodel_provider = \"shorn\"\nmodel_reasoning_effort = \"high\"\n\
        [model_providers.shorn]\n  # a comment\n  name = \"Shorn\"\n  base_url = \"x\"\n\n[tui]\nx = 1\n";
    let left = "# top\n # which\nmodel_reasoning_effort = \"high\"\n  # a comment\n\n[tui]\nx = 1\n";
    assert_eq!(take_out(text).unwrap(), left);
    let own_key = "[model_providers.shorn]\nname = \"Shorn\"\nrequest_max_retries = 2\n";
    assert_eq!(take_out(own_key).unwrap(), "[model_providers.shorn]\nrequest_max_retries = 2\n");
    assert_eq!(take_out("x = 1").unwrap(), "x = 1");
}

#[test]
fn lines_end_as_the_others() {
    let text = put("a = 1\r\nb = 2\r\n", "m").unwrap();
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    assert!(put("\u{feff}a = 1\n", "m").unwrap().starts_with("\u{feff}model = \"m\"\n"));
}

#[test]
fn a_profile_that_we_did_not_write_is_refused_at_what_is_not_ours() {
    let not_ours = |text: &str| match put(text, "m").unwrap_err() {
        Refusal::NotOurs(Problem { line, column, what }) => {
            assert!(matches!(take_out(text), Err(Refusal::NotOurs(_))), "{text}");
            (line, column, what)
        }
        Refusal::Invalid(problem) => panic!("{problem:?}"),
    };
    let what = |name: &str| format!("`{name}` is here, and Shorn did not write it");
    assert_eq!(not_ours("x = 1\n  model = \"gpt\"\n"), (2, 3, what("model")));
    assert_eq!(
        not_ours("[model_providers.shorn]\nname = \"Mine\"\n"),
        (1, 1, what("[model_providers.shorn]"))
    );
    assert_eq!(not_ours("[model_providers]\nshorn = {}\n").2, what("[model_providers.shorn]"));
}

#[test]
fn what_codex_could_not_read_or_we_could_not_edit_is_refused_with_its_place() {
    for (text, line, column) in [
        ("a = ", 1, 5),
        ("a = 1\nb = ü\n", 2, 5),
        ("a = 1\na = 2\n", 2, 1),
        ("[a\n", 1, 3),
        ("model_providers = { x = { name = \"x\" } }\n", 1, 1),
    ] {
        match put(text, "m").unwrap_err() {
            Refusal::Invalid(problem) => {
                assert_eq!((problem.line, problem.column), (line, column), "{text:?}: {}", problem.what);
            }
            Refusal::NotOurs(problem) => panic!("{problem:?}"),
        }
    }
}

/// A TOML file of somebody's, with keys, tables and comments of every kind, and nothing of ours.
fn any_profile() -> impl Strategy<Value = String> {
    let value = prop::sample::select(vec![
        "1",
        "-0.5e3",
        "true",
        "'# no'",
        "\"\\u00e9 \\\" ]\"",
        "[1, 2]",
        "[\n  1, # one\n]",
        "{ a.b = 1 }",
        "1979-05-27",
        "\"\"\"\n[x]\nmodel = 1\n\"\"\"",
    ]);
    let end = prop::sample::select(vec!["\n", "\r\n", "  # c\n", "\n\n", "\n# model = 'x'\n", "\n\t"]);
    let line = (value, end);
    let table = prop::sample::select(vec![
        "",
        "[t0]",
        "[ 't 1' . x ]",
        "[model_providers.other]",
        "[[a]]",
        "[profiles.x.y]",
    ]);
    let table = (table, prop::collection::vec(line, 0..4));
    prop::collection::vec(table, 0..4).prop_map(|tables| {
        let mut text = String::new();
        let mut seen = Vec::new();
        for (header, lines) in tables {
            // One of each, and keys without a table only at the top.
            if seen.contains(&header) || header.is_empty() && !text.is_empty() {
                continue;
            }
            seen.push(header);
            text += &if header.is_empty() { String::new() } else { format!("{header} # table\n") };
            text.extend(
                lines.iter().enumerate().map(|(index, (value, end))| format!("k{index} = {value}{end}")),
            );
        }
        text
    })
}

proptest! {
    #[test]
    fn in_any_profile_our_keys_are_found_as_they_were_put_and_updates_leave_the_rest(text in any_profile()) {
        let added = put(&text, "old").unwrap();
        prop_assert_eq!(find(&added).unwrap(), Some(profile(&provider("old"))));
        prop_assert_eq!(&put(&added, "old").unwrap(), &added);
        let updated = put(&added, "new \"ü\"").unwrap();
        prop_assert_eq!(&updated, &put(&text, "new \"ü\"").unwrap());
        let left = take_out(&updated).unwrap();
        prop_assert_eq!(find(&left).unwrap(), None);
        let same = |text: &str| Value::Object(table_to_json(parse(text).unwrap().as_table()));
        prop_assert_eq!(same(&left), same(&text));
        prop_assert!(left.starts_with(text.trim_end_matches(['\n', '\t'])), "{left:?}");
    }
}
