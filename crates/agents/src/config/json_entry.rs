//! Our entry in a JSON text: found, put in, taken out.

use jsonc_parser::ast::{Object, ObjectProp, Value as Node};
use jsonc_parser::common::Ranged;
use serde_json::{Map, Value, json};

use super::json_document::{Dialect, Document, pretty};
use super::text::{Problem, Refusal, edited, split_byte_order_mark};
use super::unknown_field;

/// Where our entry stands in a file, and how we know it again.
#[derive(Debug, Clone, Copy)]
pub struct JsonEntry {
    /// What the agent reads.
    pub dialect: Dialect,
    /// The names that lead to the entry, from the outermost object on.
    pub place: &'static [&'static str],
    /// JSON pointers, from the entry on, to the values by which we know it.
    pub marks: &'static [&'static str],
    /// The `$schema` that the agent would write into a new file itself.
    pub schema: Option<&'static str>,
}

impl JsonEntry {
    /// Our entry, if it is there; `known` has every field that we ever write. One with a field that we never write is not
    /// ours: what somebody added by hand would be lost in an update. Values of our fields may be any, but for the marks.
    pub fn find(&self, text: &str, known: &Value) -> Result<Option<Value>, Refusal> {
        let document = self.parse(split_byte_order_mark(text).1)?;
        let place = self.locate(&document, known)?;
        Ok(place.ours.map(|_| self.entry(&document).clone()))
    }

    /// The text with `entry` as our entry. The same text when it says that already.
    pub fn put(&self, text: &str, entry: &Value, known: &Value) -> Result<String, Refusal> {
        let (mark, text) = split_byte_order_mark(text);
        let document = self.parse(text)?;
        let place = self.locate(&document, known)?;
        let mut wanted = document.value.clone();
        let edited = match (place.objects.last(), place.ours) {
            (_, Some(ours)) => edited(text, document.change(&ours.value, self.entry(&document), entry)),
            (Some(object), None) => {
                let missing = &self.place[place.objects.len() - 1..];
                edited(text, document.append(object, missing[0], &nested(&missing[1..], entry)))
            }
            (None, None) => {
                wanted = self.new_document(entry);
                let newline = document.newline();
                let line_end = if text.is_empty() || text.ends_with('\n') { "" } else { newline };
                format!("{text}{line_end}{}", self.whole(entry).replace('\n', newline))
            }
        };
        *self.place.iter().fold(&mut wanted, |value, name| &mut value[*name]) = entry.clone();
        self.check(text, &edited, &wanted)?;
        Ok(format!("{mark}{edited}"))
    }

    /// The text without our entry.
    pub fn take_out(&self, text: &str, known: &Value) -> Result<String, Refusal> {
        let (mark, body) = split_byte_order_mark(text);
        let document = self.parse(body)?;
        let Place { objects, ours: Some(ours) } = self.locate(&document, known)? else {
            return Ok(text.to_owned());
        };
        let (Some(object), Some((name, above))) = (objects.last(), self.place.split_last()) else {
            return Ok(text.to_owned());
        };
        let edited = edited(body, document.remove(object, ours));
        let mut wanted = document.value.clone();
        let siblings = above.iter().fold(&mut wanted, |value, name| &mut value[*name]);
        siblings.as_object_mut().map(|siblings| siblings.remove(*name));
        self.check(body, &edited, &wanted)?;
        Ok(format!("{mark}{edited}"))
    }

    /// A whole file with this entry and nothing else.
    pub fn whole(&self, entry: &Value) -> String {
        pretty(&self.new_document(entry), "  ") + "\n"
    }

    fn new_document(&self, entry: &Value) -> Value {
        let mut document = Map::new();
        if let Some(schema) = self.schema {
            document.insert("$schema".to_owned(), json!(schema));
        }
        if let Value::Object(fields) = nested(self.place, entry) {
            document.extend(fields);
        }
        Value::Object(document)
    }

    fn parse<'a>(&self, text: &'a str) -> Result<Document<'a>, Problem> {
        Document::parse(text, self.dialect)
    }

    fn locate<'d, 'a>(&self, document: &'d Document<'a>, known: &Value) -> Result<Place<'d, 'a>, Refusal> {
        let object = |node: &'d Node<'a>, name: &str| {
            let problem =
                || Problem::at(document.text, node.range().start, format!("{name} is not an object"));
            node.as_object().ok_or_else(problem)
        };
        let Some(root) = &document.root else { return Ok(Place { objects: Vec::new(), ours: None }) };
        let mut objects = vec![object(root, "the outermost value")?];
        for (depth, name) in self.place.iter().enumerate() {
            let Some(property) = document.property(objects[depth], name)? else { break };
            if depth + 1 == self.place.len() {
                if let Some(difference) = self.difference(self.entry(document), known) {
                    let what = format!("`{}` is not as Shorn writes it: {difference}", self.place.join("."));
                    return Err(Refusal::NotOurs(Problem::at(document.text, property.range.start, what)));
                }
                return Ok(Place { objects, ours: Some(property) });
            }
            objects.push(object(&property.value, &format!("`{name}`"))?);
        }
        Ok(Place { objects, ours: None })
    }

    fn entry<'d>(&self, document: &'d Document) -> &'d Value {
        self.place.iter().fold(&document.value, |value, name| &value[*name])
    }

    /// What tells that an entry is not ours.
    fn difference(&self, entry: &Value, known: &Value) -> Option<String> {
        if let Some(field) = unknown_field(entry, known, "") {
            return Some(format!("it has `{field}`"));
        }
        let mark = self.marks.iter().find(|mark| entry.pointer(mark) != known.pointer(mark))?;
        let wanted = known.pointer(mark).unwrap_or(&Value::Null);
        Some(format!("its `{}` is not {wanted}", mark.trim_start_matches('/').replace('/', ".")))
    }

    /// The last look before a file of somebody else's is written: it says what it said, but for our entry.
    fn check(&self, text: &str, edited: &str, wanted: &Value) -> Result<(), Refusal> {
        match self.parse(edited) {
            Ok(document) if document.value == *wanted => Ok(()),
            _ => Err(Problem::at(text, 0, "laid out in a way that Shorn cannot edit safely").into()),
        }
    }
}

/// Where things are in a document.
struct Place<'d, 'a> {
    /// The objects on the way to our entry that are there, the outermost first.
    objects: Vec<&'d Object<'a>>,
    ours: Option<&'d ObjectProp<'a>>,
}

/// A value below some names.
fn nested(names: &[&str], value: &Value) -> Value {
    names.iter().rev().fold(value.clone(), |value, name| json!({*name: value}))
}

#[cfg(test)]
#[path = "json_entry_tests.rs"]
pub(crate) mod tests;
