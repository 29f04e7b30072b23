//! Arguments between tags.

use serde_json::{Value, json};

use super::arguments::{Strings, joined};
use super::lark::{Lark, TEXT, quoted};
use super::{GrammarRefusal, Written};
use crate::output::schema::ToolSchema;
use crate::output::tags::TagSet;
use crate::output::{dsml, glm, minimax, qwen_xml};

/// How a format writes an argument.
pub(super) struct Fields {
    tags: &'static TagSet,
    /// What stands before and after the name, and before the value.
    open: (&'static str, &'static str),
    /// What stands after the name where the tag says whether the value is a string, for one that is not.
    open_json: &'static str,
    close: &'static str,
}

impl Fields {
    pub(super) const QWEN: Self = Self {
        tags: &qwen_xml::TAGS,
        open: ("<parameter=", ">\n"),
        open_json: ">\n",
        close: "\n</parameter>\n",
    };
    pub(super) const GLM: Self = Self {
        tags: &glm::TAGS,
        open: ("<arg_key>", "</arg_key>\n<arg_value>"),
        open_json: "</arg_key>\n<arg_value>",
        close: "</arg_value>\n",
    };
    pub(super) const DSML: Self = Self {
        tags: &dsml::TAGS,
        open: ("<｜DSML｜parameter name=\"", "\" string=\"true\">"),
        open_json: "\" string=\"false\">",
        close: "</｜DSML｜parameter>\n",
    };
    pub(super) const MINIMAX: Self = Self {
        tags: &minimax::TAGS,
        open: ("<parameter name=\"", "\">"),
        open_json: "\">",
        close: "</parameter>\n",
    };

    /// The arguments, in the schema's order.
    pub(super) fn write(&self, written: &Written<'_>, lark: &mut Lark) -> Result<String, GrammarRefusal> {
        let kinds = ToolSchema::new(written.tool);
        let mut fields = Vec::new();
        for (name, schema, required) in written.properties()? {
            let part = format!("properties.{name}");
            let field = self.field(name, written, (schema, &part), &kinds, lark)?;
            fields.push(if required { field } else { format!("{field}?") });
        }
        if Written::is_open(&written.schema) {
            let text = self.any_text(lark);
            let value = lark.closed(&text, self.close);
            let (before, after) = self.open;
            let (before, after) = (lark.literal(before), lark.literal(after));
            fields
                .push(lark.rule(&format!("{before} /[A-Za-z_][A-Za-z0-9_]{{0,63}}/ {after} {value}")) + "*");
        }
        Ok(fields.join(" "))
    }

    fn field(
        &self,
        name: &str,
        written: &Written<'_>,
        (schema, part): (&Value, &str),
        kinds: &ToolSchema,
        lark: &mut Lark,
    ) -> Result<String, GrammarRefusal> {
        let kind = kinds.kind(name);
        let (before, after) = self.open;
        let opened = |lark: &Lark, after: &str| lark.literal(&format!("{before}{name}{after}"));
        // Where the tag says what is a string, all else is JSON; where not, and a string is allowed, only arrays and objects
        // are read as anything else.
        let says = self.open.1 != self.open_json;
        let mut ways = Vec::new();
        if kind.allows_string() {
            let readings = Readings { null: !says, container: !says && kind.allows_container() };
            let text = self.string(written, (schema, part), readings, lark)?;
            ways.push(format!("{} {text}", opened(lark, after)));
        }
        let only = |kinds: &[&str]| json!({"allOf": [schema, {"type": kinds}]});
        let others = match (kind.allows_string(), says) {
            (false, _) => Some(schema.clone()),
            (true, true) if kind.allows_more_than_string() => {
                Some(only(&["null", "boolean", "number", "array", "object"]))
            }
            (true, false) if kind.allows_container() => Some(only(&["array", "object"])),
            (true, _) => None,
        };
        if let Some(others) = others {
            let json = written.inline(&others, part)?;
            let json = lark.rule(&json);
            ways.push(format!("{} {json} {}", opened(lark, self.open_json), lark.literal(self.close)));
        }
        Ok(lark.rule(&ways.join(" | ")))
    }

    /// A string and its closing tag.
    fn string(
        &self,
        written: &Written<'_>,
        (schema, part): (&Value, &str),
        readings: Readings,
        lark: &mut Lark,
    ) -> Result<String, GrammarRefusal> {
        let fields = written.resolve(schema).as_object().cloned().unwrap_or_default();
        let combined = ["anyOf", "oneOf", "allOf"].into_iter().find(|keyword| fields.contains_key(*keyword));
        let strings = match combined {
            Some(keyword) => match union(written, &fields[keyword]) {
                Some(strings) => strings,
                None if written.strict => {
                    let why = "what it says of strings cannot be guaranteed between tags".to_owned();
                    return Err(written.refusal(&joined(part, keyword), why));
                }
                None => Strings { members: None, length: None, unknown: None },
            },
            None => Strings::of(&fields),
        };
        if let Some(keyword) = strings.unknown.filter(|_| written.strict) {
            let why = format!("{keyword} cannot be guaranteed: this model writes strings between tags");
            return Err(written.refusal(&joined(part, keyword), why));
        }
        if let Some(members) = &strings.members {
            let mut ways: Vec<String> = members.iter().map(|member| quoted(member)).collect();
            let nullable =
                fields.get("enum").and_then(Value::as_array).is_some_and(|all| all.contains(&Value::Null));
            ways.extend((nullable && readings.null).then(|| quoted("null")));
            let text = lark.terminal(&ways.join(" | "));
            return Ok(lark.closed(&text, self.close));
        }
        let mut text = self.any_text(lark);
        if let Some((least, most)) = strings.length {
            let most = most.map_or_else(String::new, |most| most.to_string());
            text = lark.terminal(&format!("{text} & /(?s:.){{{least},{most}}}/"));
        }
        if readings.container {
            text = lark.terminal(&format!("{text} & ~(/\\s*[\\[{{]/ {TEXT})"));
        }
        Ok(lark.closed(&text, self.close))
    }

    /// Text that holds none of the format's tags: nothing else tells them from those that close the value.
    fn any_text(&self, lark: &mut Lark) -> String {
        let tags = self.tags;
        let block = tags.block.into_iter().flat_map(|(open, close)| [open, close]);
        let others = [tags.function_open, tags.function_close, tags.parameter_open, tags.parameter_close];
        lark.text_without(&block.chain(others).collect::<Vec<_>>())
    }
}

/// As what else a text is read where a string is allowed.
#[derive(Clone, Copy)]
struct Readings {
    /// `null` as null.
    null: bool,
    /// What begins like an array or an object as that.
    container: bool,
}

/// What several schemas say of strings together, where that is any string or one of a list.
fn union(written: &Written<'_>, schemas: &Value) -> Option<Strings> {
    let (mut members, mut any) = (Vec::new(), false);
    for schema in schemas.as_array()? {
        let fields = written.resolve(schema).as_object()?;
        let says_string = |kind: &Value| {
            kind == "string" || kind.as_array().is_some_and(|all| all.contains(&json!("string")))
        };
        let strings = Strings::of(fields);
        match (strings.members, fields.get("type")) {
            (Some(listed), _) => members.extend(listed),
            (None, Some(kind)) if !says_string(kind) => {}
            (None, Some(_)) if strings.length.is_none() && strings.unknown.is_none() => any = true,
            _ => return None,
        }
    }
    let members = (!any && !members.is_empty()).then_some(members);
    Some(Strings { members, length: None, unknown: None })
}
