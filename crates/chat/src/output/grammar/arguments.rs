//! What a tool's arguments have to be.

use serde_json::{Map, Value, json};
use shorn_grammar::{check, check_schema, inline};

use super::{GrammarRefusal, Subject};
use crate::conversation::Tool;

/// The keywords under which a schema keeps what its references point to.
const DEFINITIONS: [&str; 2] = ["$defs", "definitions"];

/// The schema of a tool's arguments, and whether the reply is held to all of it.
pub(super) struct Written<'a> {
    pub(super) tool: &'a Tool,
    /// Of an object.
    pub(super) schema: Value,
    /// A tool that is not strict is called in its form; what a grammar cannot say is left to the model.
    pub(super) strict: bool,
}

/// A tool's arguments.
pub(super) fn written(tool: &Tool) -> Written<'_> {
    let schema = match &tool.parameters {
        Value::Object(schema) => {
            let mut schema = schema.clone();
            schema.entry("type").or_insert_with(|| json!("object"));
            Value::Object(schema)
        }
        _ => json!({"type": "object", "properties": {}, "additionalProperties": false}),
    };
    Written { tool, schema, strict: tool.strict }
}

impl Written<'_> {
    /// JSON that follows a part of the schema, which stands at this place.
    pub(super) fn inline(&self, schema: &Value, part: &str) -> Result<String, GrammarRefusal> {
        let schema = self.alone(schema);
        if self.strict {
            let refused = |refusal: shorn_grammar::SchemaRefusal| {
                self.refusal(&joined(part, &refusal.part), refusal.why)
            };
            check_schema(&schema).map_err(refused)?;
            return Ok(inline(&schema, false));
        }
        let lenient = inline(&schema, true);
        let fallback = schema.get("type").map_or_else(|| json!({}), |kinds| json!({"type": kinds}));
        Ok(if check(&format!("start: {lenient}")).is_ok() { lenient } else { inline(&fallback, true) })
    }

    /// A part of the schema with what it refers to.
    fn alone(&self, schema: &Value) -> Value {
        let mut alone = schema.clone();
        if let Value::Object(fields) = &mut alone {
            for name in DEFINITIONS {
                if let Some(definitions) = self.schema.get(name) {
                    fields.entry(name).or_insert_with(|| definitions.clone());
                }
            }
        }
        alone
    }

    /// What a reference in the schema points to.
    pub(super) fn resolve<'s>(&'s self, schema: &'s Value) -> &'s Value {
        let target = |schema: &'s Value| {
            let reference = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
            self.schema.pointer(reference)
        };
        // References to references may go in circles.
        (0..8).fold(schema, |schema, _| target(schema).unwrap_or(schema))
    }

    /// The properties of the arguments, in the schema's order: name, schema, and whether it must be there.
    ///
    /// # Errors
    /// When the schema of a strict tool says more about its arguments than a list of them.
    pub(super) fn properties(&self) -> Result<Vec<(&str, &Value, bool)>, GrammarRefusal> {
        self.listed(&self.schema, "")
    }

    /// The same of any object in the schema.
    pub(super) fn listed<'s>(
        &'s self,
        schema: &'s Value,
        part: &str,
    ) -> Result<Vec<(&'s str, &'s Value, bool)>, GrammarRefusal> {
        const COMBINED: [&str; 8] = [
            "anyOf",
            "oneOf",
            "allOf",
            "$ref",
            "patternProperties",
            "minProperties",
            "maxProperties",
            "propertyNames",
        ];
        if let Some(keyword) = COMBINED.into_iter().find(|keyword| schema.get(keyword).is_some())
            && self.strict
        {
            let why = format!("{keyword} cannot be guaranteed in the form in which this model writes calls");
            return Err(self.refusal(part, why));
        }
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .map_or_else(Vec::new, |names| names.iter().filter_map(Value::as_str).collect());
        let properties = schema.get("properties").and_then(Value::as_object);
        if let Some(name) = required.iter().find(|name| properties.is_none_or(|p| !p.contains_key(**name)))
            && self.strict
        {
            return Err(self.refusal(part, format!("required: {name} is not among the properties")));
        }
        let property = |(name, schema): (&'s String, &'s Value)| {
            (name.as_str(), schema, required.contains(&name.as_str()))
        };
        Ok(properties.into_iter().flatten().map(property).collect())
    }

    /// Whether arguments beyond those listed may be given.
    pub(super) fn is_open(schema: &Value) -> bool {
        let listed = schema.get("properties").and_then(Value::as_object).is_some_and(|all| !all.is_empty());
        !listed && schema.get("additionalProperties") != Some(&Value::Bool(false))
    }

    /// Why the arguments cannot be guaranteed.
    pub(super) fn refusal(&self, part: &str, why: String) -> GrammarRefusal {
        let subject = Subject::Tool(self.tool.name.clone());
        GrammarRefusal { subject, part: part.to_owned(), why }
    }
}

/// A place in a schema, and one within it.
pub(super) fn joined(outer: &str, inner: &str) -> String {
    match (outer, inner) {
        ("", one) | (one, "") => one.to_owned(),
        _ => format!("{outer}.{inner}"),
    }
}

/// The string that a schema allows, as a terminal's body; any text unless it says more.
pub(super) struct Strings {
    /// The only ones, if there is a list.
    pub(super) members: Option<Vec<String>>,
    /// Characters at least and at most.
    pub(super) length: Option<(u64, Option<u64>)>,
    /// A keyword that is not followed outside JSON.
    pub(super) unknown: Option<&'static str>,
}

impl Strings {
    /// What this schema says about strings, not looking into combinations.
    pub(super) fn of(schema: &Map<String, Value>) -> Self {
        let listed = schema.get("enum").and_then(Value::as_array).cloned();
        let members = listed.or_else(|| schema.get("const").map(|value| vec![value.clone()]));
        let members = members
            .map(|members| members.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>());
        let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
        let length = match (bound("minLength"), bound("maxLength")) {
            (None, None) => None,
            (least, most) => Some((least.unwrap_or(0), most)),
        };
        let unknown = ["pattern", "format"].into_iter().find(|keyword| schema.contains_key(*keyword));
        Self { members, length, unknown }
    }
}
