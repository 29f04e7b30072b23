use serde_json::{Value, json};

use super::*;

/// A vocabulary of single bytes, and one mark.
fn bytes() -> Vocabulary {
    let tokens = (0..=255u8).map(|byte| Token::Text(vec![byte])).chain([Token::Mark]);
    Vocabulary::new(tokens, &[]).unwrap()
}

const MARK: u32 = 256;

fn allows(mask: &[u32], id: u32) -> bool {
    mask[id as usize / 32] >> (id % 32) & 1 == 1
}

/// Whether a text follows the grammar to its end.
fn follows(grammar: &str, text: &str) -> bool {
    let mut matcher = bytes().matcher(grammar).unwrap();
    for byte in text.bytes() {
        if matcher.is_over() || !allows(matcher.allowed().unwrap(), u32::from(byte)) {
            return false;
        }
        matcher.accept(u32::from(byte)).unwrap();
    }
    matcher.is_over()
}

fn refused(schema: Value) -> SchemaRefusal {
    check_schema(&schema).unwrap_err()
}

#[test]
fn a_mark_comes_where_the_grammar_names_it_and_nowhere_else() {
    let mut matcher = bytes().matcher("start: /[^x]*/ <[256]> \"end\"").unwrap();
    assert!(allows(matcher.allowed().unwrap(), MARK));
    matcher.accept(MARK).unwrap();
    assert!(!allows(matcher.allowed().unwrap(), MARK));
    assert!(allows(matcher.allowed().unwrap(), u32::from(b'e')));
}

#[test]
fn tokens_of_the_same_text_may_both_come() {
    let vocabulary = Vocabulary::new(["a", "a", "b"].map(|text| Token::Text(text.into())), &[]).unwrap();
    assert_eq!(vocabulary.matcher("start: \"a\"").unwrap().allowed().unwrap(), [0b011]);
}

#[test]
fn a_reply_may_end_where_the_grammar_is_complete() {
    let vocabulary = Vocabulary::new([Token::Text("a".into()), Token::Mark], &[1]).unwrap();
    let mut matcher = vocabulary.matcher("start: \"a\"+").unwrap();
    assert_eq!(matcher.allowed().unwrap(), [0b01]);
    matcher.accept(0).unwrap();
    assert_eq!(matcher.allowed().unwrap(), [0b11]);
    assert!(!matcher.is_over());
}

#[test]
fn what_ends_a_reply_is_no_text_of_it() {
    let vocabulary = Vocabulary::new(["a", "b"].map(|text| Token::Text(text.into())), &[1]).unwrap();
    assert_eq!(vocabulary.matcher("start: \"a\" \"b\"?").unwrap().allowed().unwrap(), [0b01]);
    assert!(vocabulary.matcher("start: \"b\"").unwrap().allowed().is_err());
}

#[test]
fn a_token_that_does_not_fit_is_refused() {
    let mut matcher = bytes().matcher("start: \"a\"").unwrap();
    assert!(matcher.accept(u32::from(b'b')).is_err());
    assert!(matcher.allowed().is_err());
}

#[test]
fn json_has_the_white_space_that_models_write() {
    let grammar =
        format!("start: {}", inline(&json!({"type": "array", "items": {"type": "integer"}}), false));
    for text in ["[1,2]", "[1, 2]", "[\n    1,\n    2\n]"] {
        assert!(follows(&grammar, text), "{text}");
    }
    assert!(!follows(&grammar, "[  1]"));
    assert!(!follows(&grammar, "[1.5]"));
}

#[test]
fn an_integer_has_an_end() {
    let grammar = format!("start: {}", inline(&json!({"anyOf": [{"type": "integer"}]}), false));
    let mut matcher = bytes().matcher(&grammar).unwrap();
    let digits = (0..40).take_while(|_| {
        let goes_on = !matcher.is_over() && allows(matcher.allowed().unwrap(), u32::from(b'9'));
        goes_on && matcher.accept(u32::from(b'9')).is_ok()
    });
    assert_eq!(digits.count(), 18);
}

#[test]
fn a_refused_schema_names_its_part() {
    let tags = json!({"type": "array", "items": {"type": "string", "pattern": "(?=a)"}});
    let refusal =
        refused(json!({"type": "object", "properties": {"name": {"type": "string"}, "tags": tags}}));
    assert_eq!(refusal.part, "properties.tags.items");
    assert!(!refusal.why.is_empty());
}

#[test]
fn what_the_library_does_not_know_is_refused_by_name() {
    let refusal = refused(json!({"type": "array", "uniqueItems": true}));
    assert!(refusal.part.is_empty() && refusal.why.contains("uniqueItems"), "{refusal:?}");
    check(&format!("start: {}", inline(&json!({"type": "array", "uniqueItems": true}), true))).unwrap();
}

#[test]
fn a_schema_that_nothing_satisfies_is_refused() {
    let refusal = refused(
        json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 5, "maximum": 4}},
        "required": ["n"]}),
    );
    assert_eq!(refusal.part, "properties.n");
    assert_eq!(refused(json!(false)).part, "");
}

#[test]
fn a_schema_may_refer_to_its_definitions() {
    let schema = json!({"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}, "required": ["next"],
        "additionalProperties": false, "$defs": {"node": {"enum": ["a", "b"]}}});
    check_schema(&schema).unwrap();
    let grammar = format!("start: {}", inline(&schema, false));
    assert!(follows(&grammar, r#"{"next": "b"}"#) && !follows(&grammar, r#"{"next": "c"}"#));
}
