use std::ops::Range;

use proptest::prelude::*;

use super::*;

fn provider(model: &str) -> PiProvider {
    PiProvider {
        base_url: "http://127.0.0.1:1234/v1".to_owned(),
        model: model.to_owned(),
        display_name: "Café 日本".to_owned(),
        context_window: 65536,
        max_tokens: 8192,
        reasoning: false,
        images: false,
        api_key: None,
    }
}

fn entry_of(model: &str) -> Value {
    provider(model).entry().unwrap()
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
    let reasoning = PiProvider { reasoning: true, ..provider("m") }.entry().unwrap();
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
    let what = "its `name` is not \"Shorn\"".to_owned();
    let refusal = Refusal::NotOurs(Problem { line: 2, column: 3, what });
    assert_eq!(put(&text, &entry_of("m")).unwrap_err(), refusal);
    assert_eq!(take_out(&text).unwrap_err(), refusal);
    assert_eq!(find(&text).unwrap_err(), refusal);
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

/// `providers` with so many others in it.
fn providers(count: Range<usize>) -> impl Strategy<Value = String> {
    (between(), between(), members("{", count, property(any_value()), "}"), between())
        .prop_map(|(before, after, value, end)| format!("{before}\"providers\":{after}{value}{end}"))
}

fn models_file(providers: impl Strategy<Value = Option<String>>) -> impl Strategy<Value = String> {
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

/// A `models.json`, with or without an object `providers`, or with nothing but a comment.
pub(in crate::pi) fn any_models_file() -> impl Strategy<Value = String> {
    let nothing = between().prop_map(str::to_owned);
    prop_oneof![9 => models_file(prop::option::of(providers(0..4))), 1 => nothing]
}

proptest! {
    #[test]
    fn in_any_file_the_entry_is_found_as_it_was_put_and_updates_leave_the_rest(text in any_models_file()) {
        let (old, new) = (provider("old"), provider("new \"ü\""));
        let added = put(&text, &old.entry().unwrap()).unwrap();
        prop_assert_eq!(find(&added).unwrap().map(|(_, found)| found), Some(old.clone()));
        prop_assert_eq!(&put(&added, &old.entry().unwrap()).unwrap(), &added);
        let updated = put(&added, &new.entry().unwrap()).unwrap();
        prop_assert_eq!(&updated, &put(&text, &new.entry().unwrap()).unwrap());
        prop_assert_eq!(find(&take_out(&updated).unwrap()).unwrap(), None);
    }

    #[test]
    fn beside_other_providers_the_entry_is_cut_out_without_a_trace(
        text in models_file(providers(1..4).prop_map(Some))
    ) {
        let added = put(&text, &entry_of("m")).unwrap();
        prop_assert_eq!(take_out(&added).unwrap(), text);
    }
}
