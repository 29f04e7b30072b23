//! Argument text turned into JSON by the tool's schema.

use serde_json::json;

use super::*;

/// The JSON that `text` becomes for a parameter of this schema.
fn typed(schema: Value, text: &str) -> String {
    let setup = qwen().with_tool(tool("typed", json!({"x": schema})));
    let outcome = setup.parse(&xml_call("typed", &[("x", text)]));
    let arguments = outcome.arguments();
    arguments.strip_prefix(r#"{"x":"#).unwrap().strip_suffix('}').unwrap().to_owned()
}

fn of_type(name: &str, text: &str) -> String {
    typed(json!({"type": name}), text)
}

#[test]
fn a_string_stays_a_string() {
    for text in ["null", "123", "False", "[1]", "{}", "\"quoted\"", "", " padded "] {
        assert_eq!(of_type("string", text), json!(text).to_string());
    }
}

#[test]
fn booleans_come_in_any_case() {
    for (text, json) in [("true", "true"), ("False", "false"), ("TRUE", "true"), (" false ", "false")] {
        assert_eq!(of_type("boolean", text), json);
    }
    assert_eq!(of_type("boolean", "yes"), r#""yes""#);
}

#[test]
fn integers_are_kept_digit_for_digit() {
    for (text, json) in [
        ("5", "5"),
        ("-7", "-7"),
        ("12345678901234567890123456789", "12345678901234567890123456789"),
        ("5.0", "5"),
        ("5.", "5"),
        ("1e3", "1000"),
        ("1200e-2", "12"),
        ("1.5e1", "15"),
        ("0e5", "0"),
        ("+5", "5"),
        ("007", "7"),
        ("-0", "0"),
    ] {
        assert_eq!(of_type("integer", text), json, "{text}");
    }
}

#[test]
fn an_integer_that_is_none_is_passed_on_as_it_is() {
    assert_eq!(of_type("integer", "5.7"), "5.7");
    for text in ["five", "1_000", "0x10", "", "1e999", "--5", "1e9999999999"] {
        assert_eq!(of_type("integer", text), json!(text).to_string());
    }
}

#[test]
fn numbers_are_kept_as_written() {
    for (text, json) in
        [("1.50", "1.50"), ("-2", "-2"), ("1e5", "1e5"), (".5", "0.5"), ("5.", "5"), ("5.0", "5.0")]
    {
        assert_eq!(of_type("number", text), json);
    }
    for text in ["inf", "nan", "1,5", "1e999"] {
        assert_eq!(of_type("number", text), json!(text).to_string());
    }
}

#[test]
fn null_is_null_where_the_schema_has_it() {
    assert_eq!(of_type("null", "null"), "null");
    assert_eq!(of_type("null", "None"), "null");
    assert_eq!(typed(json!({"type": ["null", "integer"]}), "None"), "null");
    assert_eq!(typed(json!({"type": ["string", "null"]}), "null"), "null");
    assert_eq!(typed(json!({"type": ["string", "null"]}), "None"), r#""None""#);
    assert_eq!(typed(json!({"type": ["string", "null"]}), "nullable"), r#""nullable""#);
    assert_eq!(typed(json!({"type": ["string", "null"]}), "nu"), r#""nu""#);
    assert_eq!(typed(json!({"type": ["string", "null"]}), ""), r#""""#);
}

#[test]
fn arrays_and_objects_are_json() {
    assert_eq!(of_type("array", r#"[1, {"a": "b"}]"#), r#"[1, {"a": "b"}]"#);
    assert_eq!(of_type("object", "{\n  \"a\": 1.0\n}"), "{\n  \"a\": 1.0\n}");
    assert_eq!(of_type("array", "not an array"), r#""not an array""#);
    assert_eq!(of_type("array", "[1e999]"), r#""[1e999]""#);
}

#[test]
fn python_literals_are_read_where_an_array_or_object_is_wanted() {
    assert_eq!(of_type("array", "['a', \"it's\", True, None, 1,]"), r#"["a","it's",true,null,1]"#);
    assert_eq!(of_type("object", "{'a': {'b': False}}"), r#"{"a":{"b":false}}"#);
}

#[test]
fn raw_newlines_in_json_strings_are_repaired() {
    let text = "[{\"oldText\": \"a\n\tb\", \"newText\": \"say \\\"hi\\\"\n\"}]";
    let json = of_type("array", text);
    assert_eq!(
        serde_json::from_str::<Value>(&json).unwrap(),
        json!([{"oldText": "a\n\tb", "newText": "say \"hi\"\n"}])
    );
}

#[test]
fn of_several_types_the_string_comes_first() {
    assert_eq!(typed(json!({"type": ["integer", "string"]}), "5"), r#""5""#);
    assert_eq!(typed(json!({"anyOf": [{"type": "string"}, {"type": "array"}]}), r#"["a"]"#), r#"["a"]"#);
    assert_eq!(typed(json!({"anyOf": [{"type": "string"}, {"type": "array"}]}), "[a"), r#""[a""#);
}

#[test]
fn combinations_are_followed() {
    assert_eq!(typed(json!({"anyOf": [{"type": "null"}, {"type": "integer"}]}), "5"), "5");
    assert_eq!(typed(json!({"oneOf": [{"type": "boolean"}, {"type": "number"}]}), "True"), "true");
    assert_eq!(typed(json!({"allOf": [{"type": ["integer", "string"]}, {"type": "integer"}]}), "5"), "5");
    assert_eq!(typed(json!({"type": "integer", "nullable": true}), "null"), "null");
}

#[test]
fn an_enum_gives_its_members() {
    assert_eq!(typed(json!({"enum": ["1", "2"]}), "1"), r#""1""#);
    assert_eq!(typed(json!({"enum": [1, 2]}), "1"), "1");
    assert_eq!(typed(json!({"enum": [1, "1"]}), "1"), r#""1""#);
    assert_eq!(typed(json!({"const": true}), "true"), "true");
    assert_eq!(typed(json!({"enum": ["a", null]}), "null"), "null");
}

#[test]
fn references_are_followed() {
    let parameters = json!({
        "type": "object",
        "properties": {"x": {"$ref": "#/$defs/count"}},
        "$defs": {"count": {"type": "integer"}},
    });
    let json = json!({"type": "function", "function": {"name": "typed", "parameters": parameters}});
    let setup = qwen().with_tool(Tool::from_json(json).unwrap());
    assert_eq!(setup.parse(&xml_call("typed", &[("x", "5")])).arguments(), r#"{"x":5}"#);
}

#[test]
fn a_reference_to_itself_ends() {
    assert_eq!(typed(json!({"$ref": "#/properties/x"}), "5"), r#""5""#);
    assert_eq!(typed(json!({"anyOf": [{"$ref": "#/properties/x"}, {"type": "integer"}]}), "5"), r#""5""#);
}

#[test]
fn references_that_branch_without_end_end() {
    let branch = || json!({"$ref": "#/properties/x"});
    assert_eq!(typed(json!({"anyOf": vec![branch(); 10], "oneOf": vec![branch(); 10]}), "5"), r#""5""#);
}

#[test]
fn without_a_type_it_is_a_string_unless_the_schema_implies_one() {
    assert_eq!(typed(json!({}), "5"), r#""5""#);
    assert_eq!(typed(json!(true), "5"), r#""5""#);
    assert_eq!(typed(json!({"items": {}}), "[5]"), "[5]");
    assert_eq!(typed(json!({"properties": {}}), "{}"), "{}");
}

#[test]
fn an_unknown_parameter_is_a_string() {
    assert_eq!(qwen().parse(&xml_call("read", &[("what", "5")])).arguments(), r#"{"what":"5"}"#);
}

#[test]
fn a_broken_schema_breaks_nothing() {
    for schema in [
        json!(null),
        json!(5),
        json!({"type": 5}),
        json!({"type": "x"}),
        json!({"anyOf": 5}),
        json!({"$ref": 5}),
    ] {
        assert_eq!(typed(schema, "5"), r#""5""#);
    }
}
