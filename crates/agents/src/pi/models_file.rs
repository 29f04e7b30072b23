//! Our entry in the text of Pi's `models.json`: found, put in, taken out.

use jsonc_parser::ast::{Object, ObjectProp, Value as Node};
use jsonc_parser::common::Ranged;
use serde_json::{Value, json};

use super::document::{Document, Problem};
use super::provider::{PROVIDER, PiProvider, models_json};

/// Why a text is left alone.
#[derive(Debug, PartialEq)]
pub enum Refusal {
    /// Pi cannot read it, or we cannot tell where the entry belongs.
    Invalid(Problem),
    /// There is an entry of our name that we did not write.
    NotOurs(Problem),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Invalid(problem)
    }
}

/// Our entry and what it says, if it is there.
pub fn find(text: &str) -> Result<Option<(Value, PiProvider)>, Refusal> {
    let document = Document::parse(split_byte_order_mark(text).1)?;
    Ok(Place::find(&document)?.ours.map(|(_, provider)| (entry(&document).clone(), provider)))
}

/// The text with `entry` as our entry. The same text when it says that already.
pub fn put(text: &str, entry: &Value) -> Result<String, Refusal> {
    let (mark, text) = split_byte_order_mark(text);
    let document = Document::parse(text)?;
    let edited = match Place::find(&document)? {
        Place { root: None, .. } => {
            let newline = document.newline();
            let line_end = if text.is_empty() || text.ends_with('\n') { "" } else { newline };
            format!("{text}{line_end}{}", models_json(entry).replace('\n', newline))
        }
        Place { root: Some(root), providers: None, .. } => {
            document.edited(document.append(root, "providers", &json!({ PROVIDER: entry })))
        }
        Place { providers: Some(providers), ours: None, .. } => {
            document.edited(document.append(providers, PROVIDER, entry))
        }
        Place { ours: Some((ours, _)), .. } => {
            document.edited(document.change(&ours.value, self::entry(&document), entry))
        }
    };
    let mut wanted = document.value.clone();
    wanted["providers"][PROVIDER] = entry.clone();
    check(text, &edited, &wanted)?;
    Ok(format!("{mark}{edited}"))
}

/// The text without our entry.
pub fn take_out(text: &str) -> Result<String, Refusal> {
    let (mark, body) = split_byte_order_mark(text);
    let document = Document::parse(body)?;
    let Place { providers: Some(providers), ours: Some((ours, _)), .. } = Place::find(&document)? else {
        return Ok(text.to_owned());
    };
    let edited = document.edited(document.remove(providers, ours));
    let mut wanted = document.value.clone();
    if let Some(providers) = wanted["providers"].as_object_mut() {
        providers.remove(PROVIDER);
    }
    check(body, &edited, &wanted)?;
    Ok(format!("{mark}{edited}"))
}

/// Where things are in a document.
struct Place<'d, 'a> {
    root: Option<&'d Object<'a>>,
    providers: Option<&'d Object<'a>>,
    ours: Option<(&'d ObjectProp<'a>, PiProvider)>,
}

impl<'d, 'a> Place<'d, 'a> {
    fn find(document: &'d Document<'a>) -> Result<Self, Refusal> {
        let object = |node: &'d Node<'a>, name: &str| {
            let problem =
                || Problem::at(document.text, node.range().start, format!("{name} is not an object"));
            node.as_object().ok_or_else(problem)
        };
        let Some(root) = &document.root else { return Ok(Self { root: None, providers: None, ours: None }) };
        let root = object(root, "the outermost value")?;
        let Some(property) = document.property(root, "providers")? else {
            return Ok(Self { root: Some(root), providers: None, ours: None });
        };
        let providers = object(&property.value, "`providers`")?;
        let ours = match document.property(providers, PROVIDER)? {
            Some(ours) => {
                let not_ours = |why| Refusal::NotOurs(Problem::at(document.text, ours.range.start, why));
                Some((ours, PiProvider::read(entry(document)).map_err(not_ours)?))
            }
            None => None,
        };
        Ok(Self { root: Some(root), providers: Some(providers), ours })
    }
}

fn entry<'d>(document: &'d Document) -> &'d Value {
    &document.value["providers"][PROVIDER]
}

/// The last look before a file of somebody else's is written: it says what it said, but for our entry.
fn check(text: &str, edited: &str, wanted: &Value) -> Result<(), Refusal> {
    match Document::parse(edited) {
        Ok(document) if document.value == *wanted => Ok(()),
        _ => Err(Problem::at(text, 0, "laid out in a way that Shorn cannot edit safely").into()),
    }
}

/// Pi skips a byte order mark, too.
fn split_byte_order_mark(text: &str) -> (&str, &str) {
    text.split_at(if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 })
}

#[cfg(test)]
#[path = "models_file_tests.rs"]
pub(super) mod tests;
