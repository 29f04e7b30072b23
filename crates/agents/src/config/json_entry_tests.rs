use std::ops::Range;

use proptest::prelude::*;

use super::*;
use crate::agent::pi::{ENTRY, entry};
use crate::provider::Provider;
use crate::provider::tests::provider;

fn known() -> Value {
    entry(&Provider::with_everything())
}

fn entry_of(model: &str) -> Value {
    entry(&provider(model))
}

fn find(text: &str) -> Result<Option<Value>, Refusal> {
    ENTRY.find(text, &known())
}

fn put(text: &str, entry: &Value) -> Result<String, Refusal> {
    ENTRY.put(text, entry, &known())
}

fn take_out(text: &str) -> Result<String, Refusal> {
    ENTRY.take_out(text, &known())
}

/// A text with our entry's own text replaced by `…`, and that text.
fn shortened(text: &str) -> (String, String) {
    let start = text.find("\"shorn\": {").unwrap();
    let opening = start + "\"shorn\": ".len();
    let mut depth = 0;
    let length = text[opening..].find(|character| {
        depth += i32::from(character == '{') - i32::from(character == '}');
        depth == 0
    });
    let end = opening + length.unwrap() + 1;
    (format!("{}…{}", &text[..start], &text[end..]), text[start..end].to_owned())
}

/// Where the entry goes, and that taking it out leaves the same bytes again.
fn assert_goes_to(before: &str, expected: &str) {
    let after = put(before, &entry_of("m")).unwrap();
    assert_eq!(shortened(&after).0, expected);
    assert_eq!(take_out(&after).unwrap(), before);
}

#[test]
fn the_entry_goes_after_the_others_in_their_layout() {
    assert_goes_to(
        "{\n  \"providers\": {\n    \"a\": {}\n  }\n}\n",
        "{\n  \"providers\": {\n    \"a\": {},\n    …\n  }\n}\n",
    );
    assert_goes_to(
        "{\r\n\t\"providers\": {\r\n\t\t\"a\": {}\r\n\t}\r\n}",
        "{\r\n\t\"providers\": {\r\n\t\t\"a\": {},\r\n\t\t…\r\n\t}\r\n}",
    );
    assert_goes_to("{\"providers\": {\"a\": {}}}", "{\"providers\": {\"a\": {}, …}}");
    assert_goes_to("{ \"providers\": { \"a\": {}, } }", "{ \"providers\": { \"a\": {}, …, } }");
}

#[test]
fn comments_and_trailing_commas_stay_where_they_are() {
    assert_goes_to(
        "// mine\n{\n  \"providers\": { // all\n    \"a\": {}, // first\n    // \"b\": {},\n  },\n}\n// end",
        "// mine\n{\n  \"providers\": { // all\n    \"a\": {}, // first\n    // \"b\": {},\n    …,\n  },\n}\n// end",
    );
    assert_goes_to(
        "{\n  \"providers\": {\n    \"a\": {} // no, comma: {\n  }\n}",
        "{\n  \"providers\": {\n    \"a\": {}, // no, comma: {\n    …\n  }\n}",
    );
    assert_goes_to("{\"providers\": {\n}}", "{\"providers\": {\n  …\n}}");
    assert_goes_to("{\"providers\": { // none\n  }}", "{\"providers\": { // none\n  …\n  }}");
}

#[test]
fn our_lines_end_and_are_indented_as_the_others() {
    let after = put("{\r\n\t\"providers\": {\r\n\t\t\"ä\": {}\r\n\t}\r\n}", &entry_of("m")).unwrap();
    let (_, ours) = shortened(&after);
    assert!(ours.contains("{\r\n\t\t\t\"name\": \"Shorn\",\r\n"), "{ours:?}");
    assert!(ours.ends_with("\r\n\t\t\t]\r\n\t\t}"), "{ours:?}");
    assert_eq!(ours.matches('\n').count(), ours.matches("\r\n").count());
}

#[test]
fn what_is_missing_around_the_entry_is_added() {
    let after = |before| shortened(&put(before, &entry_of("m")).unwrap()).0;
    assert_eq!(after(""), "{\n  \"providers\": {\n    …\n  }\n}\n");
    assert_eq!(after("// mine"), "// mine\n{\n  \"providers\": {\n    …\n  }\n}\n");
    assert_eq!(after("\u{feff}{}"), "\u{feff}{\n  \"providers\": {\n    …\n  }\n}");
    assert_eq!(after("{\"providers\": {}}"), "{\"providers\": {\n  …\n}}");
    assert_eq!(
        after("{\n    \"$schema\": \"x\"\n}"),
        "{\n    \"$schema\": \"x\",\n    \"providers\": {\n        …\n    }\n}"
    );
}

#[test]
fn an_update_changes_only_the_values_that_differ() {
    let before = "{\"providers\": {\n  // ours\n  \"shorn\": ENTRY, // here\n  \"b\": {} }}";
    let text = |model: &str| {
        let entry = entry_of(model).to_string();
        before.replace("ENTRY", &entry.replace("\"models\":", "// one\n \"models\" : "))
    };
    assert_eq!(put(&text("old"), &entry_of("new")).unwrap(), text("new"));
    assert_eq!(put(&text("old"), &entry_of("old")).unwrap(), text("old"));
}

#[test]
fn an_update_that_needs_other_fields_writes_the_entry_anew() {
    let reasoning = entry(&Provider { reasoning: true, ..provider("m") });
    for before in ["{\n  \"providers\": {\n    \"a\": {}\n  }\n}\n", "{\"providers\": {\"a\": {}}}", "{}"] {
        let updated = put(&put(before, &entry_of("m")).unwrap(), &reasoning).unwrap();
        assert_eq!(updated, put(before, &reasoning).unwrap());
    }
}

#[test]
fn the_entry_is_cut_out_from_between_others_and_their_comments() {
    let cut = |template: &str| {
        take_out(&template.replace("OURS", &format!("\"shorn\": {}", entry_of("m")))).unwrap()
    };
    assert_eq!(cut("{\"providers\": { OURS, \"b\": {} }}"), "{\"providers\": { \"b\": {} }}");
    assert_eq!(cut("{\"providers\": {\"a\": {},OURS,\"b\": {}}}"), "{\"providers\": {\"a\": {},\"b\": {}}}");
    assert_eq!(
        cut("{\"providers\": {\n  \"a\": {},\n\n  OURS,\n  \"b\": {}\n}}"),
        "{\"providers\": {\n  \"a\": {},\n\n  \"b\": {}\n}}"
    );
    assert_eq!(
        cut("{\"providers\": {\n  // above\n  OURS, // beside\n  // below\n}}"),
        "{\"providers\": {\n  // above\n  // beside\n  // below\n}}"
    );
    assert_eq!(cut("{\"providers\": { // above\n  OURS }}"), "{\"providers\": { // above\n  }}");
    assert_eq!(cut("{\"providers\": {\"a\": {}, // a\n  OURS}}"), "{\"providers\": {\"a\": {} // a\n  }}");
    assert_eq!(cut("{\"providers\": {OURS // x\n , \"b\": 1}}"), "{\"providers\": { // x\n \"b\": 1}}");
}

#[test]
fn what_pi_could_not_read_is_refused_with_its_place() {
    let refused = |text: &str| match put(text, &entry_of("m")).unwrap_err() {
        Refusal::Invalid(Problem { line, column, what }) => (line, column, what),
        Refusal::NotOurs(problem) => panic!("{problem:?}"),
    };
    for (text, line, column) in [
        ("{\"providers\": {}", 1, 1),
        ("{\n \"ä\" 1}", 2, 6),
        ("{\"a\": 1\n \"b\": 2}", 1, 8),
        ("{a: 1}", 1, 2),
        ("{'a': 1}", 1, 2),
        ("[]", 1, 1),
        ("{}{}", 1, 3),
        ("{\n  \"providers\": []}", 2, 16),
        ("{\"providers\": null}", 1, 15),
        ("{\"providers\": {},\n \"providers\": {}}", 2, 2),
        ("{\"providers\": {\"shorn\": {},\n \"shorn\": {}}}", 2, 2),
        ("{\n /* block */ }", 2, 2),
        ("{\n\u{a0}}", 2, 1),
        ("{\"é\": \"tab\there\"}", 1, 11),
        ("{\"a\": 01}", 1, 8),
    ] {
        let (found_line, found_column, what) = refused(text);
        assert_eq!((found_line, found_column), (line, column), "{text:?}: {what}");
    }
}

#[test]
fn an_entry_of_our_name_that_we_did_not_write_is_refused_by_all() {
    let entry = r#"{"name": "Mine", "baseUrl": "http://127.0.0.1:1234/v1", "api": "openai-completions"}"#;
    let text = format!("{{\"providers\": {{\n  \"shorn\": {entry}}}}}");
    let what = "`providers.shorn` is not as Shorn writes it: its `name` is not \"Shorn\"".to_owned();
    let refusal = Refusal::NotOurs(Problem { line: 2, column: 3, what });
    assert_eq!(put(&text, &entry_of("m")).unwrap_err(), refusal);
    assert_eq!(take_out(&text).unwrap_err(), refusal);
    assert_eq!(find(&text).unwrap_err(), refusal);
}

#[test]
fn an_entry_of_an_older_version_with_fewer_fields_is_ours_and_one_with_more_is_not() {
    let text = |entry: &Value| json!({"providers": {"shorn": entry}}).to_string();
    let mut entry = entry_of("m");
    entry["compat"].as_object_mut().unwrap().remove("supportsStrictMode");
    assert_eq!(find(&text(&entry)), Ok(Some(entry.clone())));
    let difference = |entry: &Value| match find(&text(entry)).unwrap_err() {
        Refusal::NotOurs(problem) => problem.what,
        Refusal::Invalid(problem) => panic!("{problem:?}"),
    };
    let mut second = entry.clone();
    second["models"].as_array_mut().unwrap().push(json!({"id": "mine"}));
    assert!(difference(&second).ends_with("it has `models[1]`"));
    entry["models"][0]["samplingParams"] = json!({"temperature": 0});
    assert!(difference(&entry).ends_with("it has `models[0].samplingParams`"));
}

#[test]
fn each_agent_reads_its_own_kind_of_comments() {
    let refused = |dialect, text: &str| {
        let form = JsonEntry { dialect, ..ENTRY };
        match form.put(text, &entry_of("m"), &known()) {
            Ok(_) => None,
            Err(Refusal::Invalid(problem)) => Some((problem.line, problem.column, problem.what)),
            Err(Refusal::NotOurs(problem)) => panic!("{problem:?}"),
        }
    };
    let (line, block, comma) = ("{ // a\n}", "{\n/* a\n */ \"a\": 1}", "{\"a\": 1,\n}");
    for text in [line, block, comma] {
        assert_eq!(refused(Dialect::Jsonc, text), None);
    }
    assert_eq!(refused(Dialect::LineComments, line), None);
    assert_eq!(refused(Dialect::LineComments, comma), None);
    let what = "comments are read after `//` only, not between `/*` and `*/`".to_owned();
    assert_eq!(refused(Dialect::LineComments, block), Some((2, 1, what)));
    let what = "comments are not read in this file".to_owned();
    assert_eq!(refused(Dialect::Plain, line), Some((1, 3, what.clone())));
    assert_eq!(refused(Dialect::Plain, block), Some((2, 1, what)));
    assert_eq!(refused(Dialect::Plain, comma), Some((2, 1, "trailing comma".to_owned())));
}

#[test]
fn a_new_file_begins_with_the_schema_that_the_agent_would_write_itself() {
    let form = JsonEntry { schema: Some("https://s"), ..ENTRY };
    let whole = form.whole(&json!({}));
    assert_eq!(whole, "{\n  \"$schema\": \"https://s\",\n  \"providers\": {\n    \"shorn\": {}\n  }\n}\n");
    assert_eq!(form.put("", &json!({}), &known()), Ok(whole));
}

/// Spaces, line ends and comments, such as stand between tokens.
fn between() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "",
        " ",
        "\n",
        "\r\n",
        "\n\t",
        "\n    ",
        "  \n\n  ",
        " // ü, {\"a\": [\n",
        "// }\r\n  ",
        "\n// \"shorn\": {},\n",
        "/* , \"shorn\": { */",
        " /* }\n */\n",
    ])
}

/// So many members of an object or array, between `open` and `close`.
fn members(
    open: &'static str,
    count: Range<usize>,
    member: impl Strategy<Value = String>,
    close: &'static str,
) -> impl Strategy<Value = String> {
    let member =
        (between(), member, between()).prop_map(|(before, member, after)| [before, &member, after].concat());
    let last = prop::sample::select(vec!["", ","]);
    (prop::collection::vec(member, count), last, between()).prop_map(move |(members, last, end)| {
        let last = if members.is_empty() { "" } else { last };
        format!("{open}{}{last}{end}{close}", members.join(","))
    })
}

fn property(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    // Names of at most four letters: neither `providers` nor `shorn`.
    ("[a-zé\"/]{0,4}", between(), between(), value)
        .prop_map(|(name, before, after, value)| format!("{}{before}:{after}{value}", json!(name)))
}

fn any_value() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i32>().prop_map(|number| number.to_string()),
        Just("-0.5e+3".to_owned()),
        any::<String>().prop_map(|text| json!(text).to_string()),
        Just(r#""// \" , } \u00e9 \/""#.to_owned()),
    ];
    scalar.prop_recursive(3, 24, 4, |value| {
        prop_oneof![members("[", 0..4, value.clone(), "]"), members("{", 0..4, property(value), "}")]
    })
}

/// The object that our entry belongs in, with so many others in it.
fn providers(name: &'static str, count: Range<usize>) -> impl Strategy<Value = String> {
    (between(), between(), members("{", count, property(any_value()), "}"), between())
        .prop_map(move |(before, after, value, end)| format!("{before}\"{name}\":{after}{value}{end}"))
}

fn file(providers: impl Strategy<Value = Option<String>>) -> impl Strategy<Value = String> {
    let other = || prop::collection::vec(property(any_value()), 0..3);
    let mark = prop::bool::weighted(0.1).prop_map(|mark| if mark { "\u{feff}" } else { "" });
    (mark, between(), other(), providers, other(), any::<bool>(), between(), between()).prop_map(
        |(mark, before, first, providers, last, comma, end, after)| {
            let properties: Vec<_> = first.into_iter().chain(providers).chain(last).collect();
            let comma = if comma && !properties.is_empty() { "," } else { "" };
            format!("{mark}{before}{{{}{comma}{end}}}{after}", properties.join(","))
        },
    )
}

/// A file with comments of every kind, with or without an object of this name, or with nothing but a comment.
pub(crate) fn any_file(name: &'static str) -> impl Strategy<Value = String> {
    let nothing = between().prop_map(str::to_owned);
    prop_oneof![9 => file(prop::option::of(providers(name, 0..4))), 1 => nothing]
}

const JSONC: JsonEntry = JsonEntry { dialect: Dialect::Jsonc, ..ENTRY };

proptest! {
    #[test]
    fn in_any_file_the_entry_is_found_as_it_was_put_and_updates_leave_the_rest(text in any_file("providers")) {
        let (old, new) = (entry_of("old"), entry_of("new \"ü\""));
        let put = |text: &str, entry| JSONC.put(text, entry, &known()).unwrap();
        let added = put(&text, &old);
        prop_assert_eq!(JSONC.find(&added, &known()).unwrap(), Some(old.clone()));
        prop_assert_eq!(&put(&added, &old), &added);
        let updated = put(&added, &new);
        prop_assert_eq!(&updated, &put(&text, &new));
        let without = JSONC.take_out(&updated, &known()).unwrap();
        prop_assert_eq!(JSONC.find(&without, &known()).unwrap(), None);
    }

    #[test]
    fn beside_other_providers_the_entry_is_cut_out_without_a_trace(
        text in file(providers("providers", 1..4).prop_map(Some))
    ) {
        let added = JSONC.put(&text, &entry_of("m"), &known()).unwrap();
        prop_assert_eq!(JSONC.take_out(&added, &known()).unwrap(), text);
    }
}
