//! Arguments in notations that are nearly JSON: Gemma's, and Python's.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::arguments::{Strings, joined};
use super::lark::{Lark, quoted};
use super::{GrammarRefusal, Written};

/// How values are written.
#[derive(Clone, Copy)]
pub(super) struct Notation {
    /// What stands around the arguments.
    around: (&'static str, &'static str),
    /// What joins an argument's name and its value.
    joins: &'static str,
    /// Between elements.
    separator: &'static str,
    /// What stands around a string that is written as it is; JSON's strings without.
    quote: Option<&'static str>,
    /// What stands between an object's key, which is bare where strings have a quote of their own, and its value.
    key_joins: &'static str,
    /// How true, false and null are written.
    words: [&'static str; 3],
}

impl Notation {
    pub(super) const GEMMA: Self = Self {
        around: ("{", "}"),
        joins: ":",
        separator: ",",
        quote: Some("<|\"|>"),
        key_joins: ":",
        words: ["true", "false", "null"],
    };
    pub(super) const PYTHON: Self = Self {
        around: ("(", ")"),
        joins: "=",
        separator: ", ",
        quote: None,
        key_joins: ": ",
        words: ["True", "False", "None"],
    };

    /// The arguments with what stands around them.
    pub(super) fn arguments(self, written: &Written<'_>, lark: &mut Lark) -> Result<String, GrammarRefusal> {
        let mut writer = Writer { notation: self, written, lark, referred: HashMap::new(), any: None };
        let (open, close) = self.around;
        let inside = writer.fields(&written.schema, "", self.joins, true)?;
        Ok(format!("{} {inside} {}", quoted(open), quoted(close)))
    }
}

struct Writer<'a> {
    notation: Notation,
    written: &'a Written<'a>,
    lark: &'a mut Lark,
    /// Rules of what references point to.
    referred: HashMap<String, String>,
    /// The rule of any value.
    any: Option<String>,
}

impl Writer<'_> {
    /// The fields of an object, in the schema's order. Of those that may be missing any may be, and separators stand
    /// between the others only.
    fn fields(
        &mut self,
        schema: &Value,
        part: &str,
        joins: &str,
        outermost: bool,
    ) -> Result<String, GrammarRefusal> {
        let written = self.written;
        let separator = quoted(self.notation.separator);
        let bare = outermost || self.notation.quote.is_some();
        if Written::is_open(schema) {
            let value = self.anything()?;
            let key = if bare { NAME } else { QUOTED_NAME };
            let field = self.lark.rule(&format!("{key} {} {value}", quoted(joins)));
            return Ok(format!("({field} ({separator} {field})*)?"));
        }
        let mut fields = Vec::new();
        for (name, schema, required) in written.listed(schema, part)? {
            let part = joined(part, &format!("properties.{name}"));
            let value = self.value(schema, &part)?;
            if bare && !is_name(name) {
                let why = format!("`{name}` cannot be a name in the form in which this model writes calls");
                return Err(written.refusal(&part, why));
            }
            let key = if bare { name.to_owned() } else { Value::from(name).to_string() };
            fields.push((self.lark.rule(&format!("{} {value}", quoted(&(key + joins)))), required));
        }
        // From the last field on: what may follow once a field has been written, and before any has.
        let (mut after, mut before) = (String::new(), String::new());
        for (field, required) in fields.into_iter().rev() {
            let (next, alone) = (format!("{separator} {field} {after}"), format!("{field} {after}"));
            let (next, alone) = match required {
                true => (next, alone),
                false => {
                    (format!("{next} | {}", or_empty(&after)), format!("{alone} | {}", or_empty(&before)))
                }
            };
            (after, before) = (self.lark.rule(&next), self.lark.rule(&alone));
        }
        Ok(before)
    }

    fn value(&mut self, schema: &Value, part: &str) -> Result<String, GrammarRefusal> {
        let Some(fields) = schema.as_object() else { return self.anything() };
        if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
            if let Some(rule) = self.referred.get(reference) {
                return Ok(rule.clone());
            }
            let written = self.written;
            let target = written.resolve(schema);
            if std::ptr::eq(target, schema) {
                return Err(written.refusal(&joined(part, "$ref"), format!("{reference} points to nothing")));
            }
            // A rule that refers to itself has to have its name first.
            let name = self.lark.reserve();
            self.referred.insert(reference.to_owned(), name.clone());
            let body = self.value(target, part)?;
            self.lark.define(&name, "", &body);
            return Ok(name);
        }
        let listed = fields.get("enum").and_then(Value::as_array).cloned();
        if let Some(members) = listed.or_else(|| fields.get("const").map(|value| vec![value.clone()])) {
            let ways: Vec<String> = members.iter().map(|member| self.constant(member)).collect();
            return Ok(self.lark.any_of(&ways));
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(branches) = fields.get(keyword).and_then(Value::as_array) {
                let mut ways = Vec::new();
                for (index, branch) in branches.iter().enumerate() {
                    let part = joined(part, &format!("{keyword}[{index}]"));
                    ways.push(self.value(branch, &part)?);
                }
                return Ok(self.lark.any_of(&ways));
            }
        }
        let kinds: Vec<&str> = match fields.get("type") {
            Some(Value::String(kind)) => vec![kind],
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
            _ if fields.contains_key("properties") => vec!["object"],
            _ if fields.contains_key("items") => vec!["array"],
            _ => return self.anything(),
        };
        let mut ways = Vec::new();
        for kind in kinds {
            ways.push(self.of_kind(kind, schema, part)?);
        }
        Ok(self.lark.any_of(&ways))
    }

    fn of_kind(&mut self, kind: &str, schema: &Value, part: &str) -> Result<String, GrammarRefusal> {
        let [yes, no, null] = self.notation.words.map(quoted);
        Ok(match kind {
            "boolean" => self.lark.rule(&format!("{yes} | {no}")),
            "null" => null,
            "object" => {
                let inside = self.fields(schema, part, self.notation.key_joins, false)?;
                self.lark.rule(&format!("\"{{\" {inside} \"}}\""))
            }
            "array" => {
                if let Some(keyword) = ["minItems", "maxItems", "uniqueItems", "prefixItems", "contains"]
                    .into_iter()
                    .find(|keyword| schema.get(keyword).is_some())
                    && self.written.strict
                {
                    let why = format!(
                        "{keyword} cannot be guaranteed in the form in which this model writes calls"
                    );
                    return Err(self.written.refusal(&joined(part, keyword), why));
                }
                let items = schema.get("items").unwrap_or(&Value::Bool(true));
                let item = self.value(items, &joined(part, "items"))?;
                let separator = quoted(self.notation.separator);
                self.lark.rule(&format!("\"[\" ({item} ({separator} {item})*)? \"]\""))
            }
            "string" => self.string(schema, part)?,
            _ => {
                // A number has the same form in all of them.
                let mut number = schema.as_object().cloned().unwrap_or_default();
                number.insert("type".to_owned(), json!(kind));
                let json = self.written.inline(&Value::Object(number), part)?;
                self.lark.rule(&json)
            }
        })
    }

    fn string(&mut self, schema: &Value, part: &str) -> Result<String, GrammarRefusal> {
        let Some(quote) = self.notation.quote else {
            let mut string = schema.as_object().cloned().unwrap_or_default();
            string.insert("type".to_owned(), json!("string"));
            let json = self.written.inline(&Value::Object(string), part)?;
            return Ok(self.lark.rule(&json));
        };
        let strings = schema.as_object().map(Strings::of);
        if let Some(keyword) =
            strings.as_ref().and_then(|strings| strings.unknown).filter(|_| self.written.strict)
        {
            let why = format!("{keyword} cannot be guaranteed: this model writes strings without escapes");
            return Err(self.written.refusal(&joined(part, keyword), why));
        }
        let mut text = self.lark.text_without(&[quote, "<tool_call|>"]);
        if let Some((least, most)) = strings.and_then(|strings| strings.length) {
            let most = most.map_or_else(String::new, |most| most.to_string());
            text = self.lark.terminal(&format!("{text} & /(?s:.){{{least},{most}}}/"));
        }
        let closed = self.lark.closed(&text, quote);
        let open = self.lark.literal(quote);
        Ok(self.lark.rule(&format!("{open} {closed}")))
    }

    /// A value that the schema says nothing about.
    fn anything(&mut self) -> Result<String, GrammarRefusal> {
        if let Some(any) = &self.any {
            return Ok(any.clone());
        }
        let any = self.lark.reserve();
        self.any = Some(any.clone());
        let nothing_said = json!({});
        let mut ways = Vec::new();
        for kind in ["string", "number", "boolean", "null"] {
            ways.push(self.of_kind(kind, &nothing_said, "")?);
        }
        let separator = quoted(self.notation.separator);
        ways.push(format!("\"[\" ({any} ({separator} {any})*)? \"]\""));
        let key = if self.notation.quote.is_some() { NAME } else { QUOTED_NAME };
        let field = self.lark.rule(&format!("{key} {} {any}", quoted(self.notation.key_joins)));
        ways.push(format!("\"{{\" ({field} ({separator} {field})*)? \"}}\""));
        self.lark.define(&any, "", &ways.join(" | "));
        Ok(any)
    }

    /// This value.
    fn constant(&self, value: &Value) -> String {
        let [yes, no, null] = self.notation.words;
        match (value, self.notation.quote) {
            (Value::Null, _) => quoted(null),
            (Value::Bool(truth), _) => quoted(if *truth { yes } else { no }),
            (Value::String(text), Some(quote)) => self.lark.literal(&format!("{quote}{text}{quote}")),
            (value, _) => quoted(&value.to_string()),
        }
    }
}

/// A bare key.
const NAME: &str = "/[A-Za-z_][A-Za-z0-9_]{0,63}/";

/// The same in quotes.
const QUOTED_NAME: &str = "/\"[A-Za-z_][A-Za-z0-9_]{0,63}\"/";

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A rule, or nothing.
fn or_empty(rule: &str) -> &str {
    if rule.is_empty() { "\"\"" } else { rule }
}
