//! What a tool's JSON Schema says about the type of each argument, and argument text turned into JSON by it.
//!
//! Formats that write arguments as bare text leave the type to the schema: `5` is a number for one tool and a text for
//! another. The rules, in order, for a text `T` (`t` is `T` without white space around it):
//!
//! 1. An `enum` or `const` member that `T` is exactly, or that `t` is as JSON, is that member.
//! 2. Where null is allowed, `null` is null (and `None`, unless a string is allowed too).
//! 3. Where a string is allowed, `T` is a string, to the byte; but `t` that is JSON of an allowed array or object is
//!    that. So of several types the string comes first.
//! 4. Booleans in any case; integers digit for digit (`5.0` and `5e0` are 5); other numbers as written.
//! 5. Arrays and objects as JSON; with Python's literals, single quotes, trailing commas or raw newlines, repaired.
//! 6. What fits none of these stays a string, so the tool can say what it expected.
//!
//! A parameter that the schema does not know, or says nothing about, is a string.

use std::cell::Cell;
use std::collections::HashMap;

use serde_json::{Map, Value};

use super::decimal::Decimal;
use super::json;
use super::lenient_json::LenientJson;
use crate::conversation::Tool;

/// Schemas looked at for one parameter before the rest counts as saying nothing: references may go in circles.
const MOST_SCHEMAS: usize = 200;

/// The arguments of one tool.
#[derive(Debug, Default)]
pub(super) struct ToolSchema {
    parameters: HashMap<String, ValueType>,
}

impl ToolSchema {
    pub(super) fn new(tool: &Tool) -> Self {
        let mut parameters = HashMap::new();
        Document::new(&tool.parameters).properties(&tool.parameters, &mut parameters);
        Self { parameters }
    }

    /// The type of a parameter.
    pub(super) fn kind(&self, name: &str) -> ValueType {
        self.parameters.get(name).cloned().unwrap_or_default()
    }

    /// Whether the tool may have a parameter of this name; any, if it names none.
    pub(super) fn may_have(&self, name: &str) -> bool {
        self.parameters.is_empty() || self.parameters.contains_key(name)
    }
}

/// A schema with what its references point to.
struct Document<'s> {
    root: &'s Value,
    /// Schemas that may still be looked at.
    left: Cell<usize>,
}

impl<'s> Document<'s> {
    fn new(root: &'s Value) -> Self {
        Self { root, left: Cell::new(MOST_SCHEMAS) }
    }

    /// Counts one more schema; none once there were too many.
    fn look(&self) -> Option<()> {
        self.left.set(self.left.get().checked_sub(1)?);
        Some(())
    }

    /// Gathers the properties of an object schema, through references and combinations.
    fn properties(&self, schema: &'s Value, found: &mut HashMap<String, ValueType>) {
        if self.look().is_none() {
            return;
        }
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let kinds = Self::new(self.root).kinds(property).unwrap_or(Kinds::STRING);
            let members = Self::new(self.root).members(property);
            found.entry(name.clone()).or_insert(ValueType { kinds, members });
        }
        for part in self.reference(schema).into_iter().chain(branches(schema, &["allOf", "anyOf", "oneOf"])) {
            self.properties(part, found);
        }
    }

    /// The schema that `$ref` points to.
    fn reference(&self, schema: &Value) -> Option<&'s Value> {
        self.root.pointer(schema.get("$ref")?.as_str()?.strip_prefix('#')?)
    }

    /// The types a schema allows; `None` if it says nothing about the type.
    fn kinds(&self, schema: &'s Value) -> Option<Kinds> {
        self.look()?;
        let fields = schema.as_object()?;
        let listed = fields.get("enum").and_then(Value::as_array);
        let mut statements = vec![
            declared(fields).map(|types| Kinds::any(types.into_iter().map(Kinds::named))),
            self.reference(schema).and_then(|target| self.kinds(target)),
            fields.get("const").map(Kinds::of),
            listed.map(|members| Kinds::any(members.iter().map(Kinds::of))),
        ];
        for name in ["anyOf", "oneOf"] {
            // A branch that says nothing allows everything, and so a string.
            let branch = |branch| self.kinds(branch).unwrap_or(Kinds::STRING);
            statements.push(Some(Kinds::any(branches(schema, &[name]).map(branch))));
        }
        statements.extend(branches(schema, &["allOf"]).map(|branch| self.kinds(branch)));
        let said = statements.into_iter().flatten().filter(|kinds| *kinds != Kinds::NONE);
        let said = said.reduce(Kinds::narrowed).or_else(|| {
            let implied = [("properties", Kinds::OBJECT), ("items", Kinds::ARRAY)];
            implied.into_iter().find(|(name, _)| fields.contains_key(*name)).map(|(_, kinds)| kinds)
        });
        match fields.get("nullable") {
            Some(Value::Bool(true)) => said.map(|kinds| kinds.union(Kinds::NULL)),
            _ => said,
        }
    }

    /// The values that `enum` and `const` list, through references and combinations.
    fn members(&self, schema: &'s Value) -> Vec<Value> {
        if self.look().is_none() {
            return Vec::new();
        }
        let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
        let mut found: Vec<Value> = listed.chain(schema.get("const")).cloned().collect();
        for part in self.reference(schema).into_iter().chain(branches(schema, &["allOf", "anyOf", "oneOf"])) {
            found.extend(self.members(part));
        }
        found
    }
}

/// The schemas in a schema's combinations of these names.
fn branches<'s>(schema: &'s Value, names: &[&str]) -> impl Iterator<Item = &'s Value> + use<'s> {
    let lists: Vec<&'s Vec<Value>> =
        names.iter().filter_map(|name| schema.get(name).and_then(Value::as_array)).collect();
    lists.into_iter().flatten()
}

fn declared(schema: &Map<String, Value>) -> Option<Vec<&Value>> {
    match schema.get("type")? {
        Value::Array(names) => Some(names.iter().collect()),
        name => Some(vec![name]),
    }
}

/// A set of JSON types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kinds(u8);

impl Kinds {
    const STRING: Self = Self(1);
    const NULL: Self = Self(2);
    const BOOLEAN: Self = Self(4);
    const INTEGER: Self = Self(8);
    const NUMBER: Self = Self(16);
    const ARRAY: Self = Self(32);
    const OBJECT: Self = Self(64);
    const NONE: Self = Self(0);
    const ANY: Self = Self(127);

    fn named(name: &Value) -> Self {
        match name.as_str() {
            Some("string") => Self::STRING,
            Some("null") => Self::NULL,
            Some("boolean") => Self::BOOLEAN,
            Some("integer") => Self::INTEGER,
            Some("number") => Self::NUMBER,
            Some("array") => Self::ARRAY,
            Some("object") => Self::OBJECT,
            _ => Self::NONE,
        }
    }

    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(number) if number.is_f64() => Self::NUMBER,
            Value::Number(_) => Self::INTEGER,
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
        }
    }

    fn any(kinds: impl Iterator<Item = Self>) -> Self {
        kinds.fold(Self::NONE, Self::union)
    }

    fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What two statements about one value leave. If they contradict each other, what either allows.
    fn narrowed(self, other: Self) -> Self {
        if self.has(other) { Self(self.0 & other.0) } else { self.union(other) }
    }

    fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// The type of one argument.
#[derive(Clone, Debug)]
pub(super) struct ValueType {
    kinds: Kinds,
    members: Vec<Value>,
}

impl Default for ValueType {
    fn default() -> Self {
        Self { kinds: Kinds::STRING, members: Vec::new() }
    }
}

impl ValueType {
    /// The type of a tool's argument. Some formats say of each value whether it is a string: that decides where the
    /// schema leaves it open.
    pub(super) fn of(schema: Option<&ToolSchema>, name: &str, said_string: Option<bool>) -> Self {
        let known = schema.and_then(|schema| schema.parameters.get(name)).cloned();
        match (known, said_string) {
            (Some(kind), Some(true)) if kind.kinds.has(Kinds::STRING) => Self::default(),
            (Some(kind), Some(false)) if kind.kinds.without(Kinds::STRING) != Kinds::NONE => {
                Self { kinds: kind.kinds.without(Kinds::STRING), ..kind }
            }
            (None, Some(false)) => Self { kinds: Kinds::ANY.without(Kinds::STRING), members: Vec::new() },
            (known, _) => known.unwrap_or_default(),
        }
    }

    /// Whether a string is allowed.
    pub(super) fn allows_string(&self) -> bool {
        self.kinds.has(Kinds::STRING)
    }

    /// Whether something else than a string is allowed.
    pub(super) fn allows_more_than_string(&self) -> bool {
        self.kinds.without(Kinds::STRING) != Kinds::NONE
    }

    /// Whether an array or an object is allowed.
    pub(super) fn allows_container(&self) -> bool {
        self.kinds.has(Kinds::ARRAY.union(Kinds::OBJECT))
    }

    /// Whether every text is a string, so that it can go out as it comes in.
    pub(super) fn is_string(&self) -> bool {
        self.kinds == Kinds::STRING
    }

    /// Whether every text but `null` is a string.
    pub(super) fn is_string_or_null(&self) -> bool {
        self.kinds == Kinds::STRING.union(Kinds::NULL)
    }

    /// The JSON for an argument's text.
    pub(super) fn json(&self, text: &str) -> String {
        self.typed(text).unwrap_or_else(|| json::string(text))
    }

    fn typed(&self, text: &str) -> Option<String> {
        let trimmed = text.trim();
        let allows = |kinds| self.kinds.has(kinds);
        if self.members.iter().any(|member| member.as_str() == Some(text)) {
            return None;
        }
        if let Some(member) = self.member(trimmed) {
            return Some(member.to_string());
        }
        let string = allows(Kinds::STRING);
        if allows(Kinds::NULL) && (trimmed == "null" || (trimmed == "None" && !string)) {
            return Some("null".to_owned());
        }
        if allows(Kinds::ARRAY) && trimmed.starts_with('[')
            || allows(Kinds::OBJECT) && trimmed.starts_with('{')
        {
            return container(trimmed, !string);
        }
        if string {
            return None;
        }
        let boolean = || ["true", "false"].into_iter().find(|word| word.eq_ignore_ascii_case(trimmed));
        if let Some(word) = allows(Kinds::BOOLEAN).then(boolean).flatten() {
            return Some(word.to_owned());
        }
        let number = Decimal::parse(trimmed).filter(|_| allows(Kinds::INTEGER.union(Kinds::NUMBER)))?;
        let whole = || number.whole().filter(|_| !allows(Kinds::NUMBER));
        Some(whole().unwrap_or_else(|| number.to_json()))
    }

    fn member(&self, json: &str) -> Option<&Value> {
        let others = self.members.iter().any(|member| !member.is_string());
        let value: Value = others.then(|| serde_json::from_str(json).ok())??;
        self.members.iter().find(|member| !member.is_string() && **member == value)
    }
}

/// An array or object: as it is if it is JSON, else repaired if that takes no guessing.
fn container(text: &str, repair: bool) -> Option<String> {
    if serde_json::from_str::<Value>(text).is_ok() {
        return Some(text.to_owned());
    }
    LenientJson::repair(text).filter(|_| repair)
}
