//! JSON Schemas in grammars.

use serde_json::{Map, Value, json};

use crate::check;

/// White space between the parts of JSON: a space, or a new line with an indentation. As much as a model likes would let
/// it write nothing else.
const SPACE: &str = r"( |\n[ \t]{0,60})";

/// An integer whose schema says nothing else has at most so many digits: longer ones are no number to most programs, and a
/// model may not find an end to them.
const LARGEST_INTEGER: i64 = 1_000_000_000_000_000_000;

/// Schemas looked at to find the part that is at fault.
const MOST_SCHEMAS: usize = 500;

/// A schema that no grammar can be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct SchemaRefusal {
    /// The smallest part that cannot be used, as in `properties.tags.items`; empty for the whole.
    pub part: String,
    /// Why.
    pub why: String,
}

/// A rule's body for JSON that follows a schema. `lenient` leaves out what the library does not know, instead of refusing
/// it.
pub fn inline(schema: &Value, lenient: bool) -> String {
    let options = json!({"whitespace_pattern": SPACE, "lenient": lenient});
    let mut fields = Map::from_iter([("x-guidance".to_owned(), options)]);
    match schema {
        Value::Object(schema) => fields.extend(with_bounded_integers(schema)),
        // Everything, or nothing.
        Value::Bool(false) => _ = fields.insert("not".to_owned(), json!({})),
        _ => {}
    }
    format!("%json {}", Value::Object(fields))
}

/// The same schema with bounds for integers where it has none.
fn with_bounded_integers(schema: &Map<String, Value>) -> Map<String, Value> {
    let deeper = |value: &Value| match value {
        Value::Object(schema) => Value::Object(with_bounded_integers(schema)),
        other => other.clone(),
    };
    let bounded = |(name, value): (&String, &Value)| {
        let value = match (name.as_str(), value) {
            ("properties" | "patternProperties" | "$defs" | "definitions", Value::Object(schemas)) => {
                schemas.iter().map(|(name, schema)| (name.clone(), deeper(schema))).collect()
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(schemas)) => {
                schemas.iter().map(deeper).collect()
            }
            ("items" | "additionalProperties", schema) => deeper(schema),
            (_, other) => other.clone(),
        };
        (name.clone(), value)
    };
    let mut bounded: Map<String, Value> = schema.iter().map(bounded).collect();
    let is_bounded =
        ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "enum", "const", "multipleOf"];
    if schema.get("type").is_some_and(|kind| kind == "integer")
        && !is_bounded.iter().any(|name| schema.contains_key(*name))
    {
        bounded.insert("minimum".to_owned(), (-LARGEST_INTEGER).into());
        bounded.insert("maximum".to_owned(), LARGEST_INTEGER.into());
    }
    bounded
}

/// Whether JSON can be held to a schema.
///
/// # Errors
/// Names the part that cannot be guaranteed: a keyword that the library does not know, or one that contradicts another.
pub fn check_schema(schema: &Value) -> Result<(), SchemaRefusal> {
    let Err(mut why) = usable(schema) else { return Ok(()) };
    let definitions: Vec<(&str, &Value)> =
        ["$defs", "definitions"].into_iter().filter_map(|name| Some((name, schema.get(name)?))).collect();
    let (mut part, mut at, mut left) = (String::new(), schema, MOST_SCHEMAS);
    'deeper: loop {
        for (path, child) in children(at) {
            left -= 1;
            if left == 0 {
                break 'deeper;
            }
            let mut alone = child.clone();
            if let Some(fields) = alone.as_object_mut() {
                for (name, definitions) in &definitions {
                    fields.entry(*name).or_insert_with(|| (*definitions).clone());
                }
            }
            if let Err(problem) = usable(&alone) {
                (why, at) = (problem, child);
                part = if part.is_empty() { path } else { format!("{part}.{path}") };
                continue 'deeper;
            }
        }
        break;
    }
    Err(SchemaRefusal { part, why })
}

fn usable(schema: &Value) -> Result<(), String> {
    match schema {
        Value::Object(_) | Value::Bool(true) => {
            check(&format!("start: {}", inline(schema, false))).map_err(|error| error.to_string())
        }
        Value::Bool(false) => Err("it allows no value".to_owned()),
        _ => Err("a schema must be an object".to_owned()),
    }
}

/// The schemas in a schema, with their places.
fn children(schema: &Value) -> impl Iterator<Item = (String, &Value)> {
    let named = ["properties", "patternProperties", "$defs", "definitions"].into_iter().flat_map(|name| {
        let fields = schema.get(name).and_then(Value::as_object).into_iter().flatten();
        fields.map(move |(key, child)| (format!("{name}.{key}"), child))
    });
    let listed = ["anyOf", "oneOf", "allOf", "prefixItems"].into_iter().flat_map(|name| {
        let list = schema.get(name).and_then(Value::as_array).into_iter().flatten();
        list.enumerate().map(move |(index, child)| (format!("{name}[{index}]"), child))
    });
    let single = ["items", "additionalProperties"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), schema.get(name)?)).filter(|(_, child)| child.is_object()));
    named.chain(listed).chain(single)
}
