//! Our keys in a TOML text: found, put in, taken out.
//!
//! `toml_edit` says where things are. Its own editing takes the comments above a key away with the key, so edits are pieces
//! of text here, too.

use std::ops::Range;

use serde_json::{Map, Value, json};
use toml_edit::{Document, Item, Table, TableLike};

use super::text::{Edit, Problem, Refusal, edited, newline, split_byte_order_mark};

/// Some keys at the top of a file and one table in it. They are ours one by one: what somebody adds beside them, also in
/// that table, stays.
#[derive(Debug, Clone, Copy)]
pub struct TomlEntry {
    /// The names of the table.
    pub table: [&'static str; 2],
    /// Its key by which we know it.
    pub mark: &'static str,
}

impl TomlEntry {
    /// Our keys, if they are there; `known` has every key that we ever write.
    pub fn find(&self, text: &str, known: &Value) -> Result<Option<Value>, Refusal> {
        let body = split_byte_order_mark(text).1;
        let document = parse(body)?;
        let table = self.table_in(document.as_table());
        let [outer, inner] = self.table;
        if let Some(table) = table
            && table.get(self.mark).map(to_json).as_ref() == Some(&known[outer][inner][self.mark])
        {
            let all = Value::Object(table_to_json(document.as_table()));
            return Ok(Some(common(&all, known)));
        }
        let keys = known.as_object().into_iter().flat_map(Map::keys);
        let first = keys.filter(|key| *key != outer).find_map(|key| document.as_table().get_key_value(key));
        let foreign = match (table.is_some(), first) {
            (true, _) => format!("[{outer}.{inner}]"),
            (false, Some((key, _))) => key.get().to_owned(),
            (false, None) => return Ok(None),
        };
        let at = if table.is_some() {
            self.header(document.as_table())
        } else {
            first.and_then(|(key, _)| key.span())
        };
        let what = format!("`{foreign}` is here, and Shorn did not write it");
        Err(Refusal::NotOurs(Problem::at(body, at.map_or(0, |at| at.start), what)))
    }

    /// The text with the keys of `entry` as ours. The same text when it says that already.
    pub fn put(&self, text: &str, entry: &Value, known: &Value) -> Result<String, Refusal> {
        let (byte_order_mark, body) = split_byte_order_mark(text);
        let newline = newline(body);
        let document = parse(body)?;
        let [outer, inner] = self.table;
        let mut wanted = Value::Object(table_to_json(document.as_table()));
        let mut edits = Vec::new();
        if self.find(text, known)?.is_some() {
            let ours = self.table_in(document.as_table());
            // New keys go to where nothing but keys of their table can follow.
            let below_header =
                self.header(document.as_table()).map_or(0, |header| line_end(body, header.end));
            edits.extend(change(body, document.as_table(), entry, known, 0, newline));
            if let Some(ours) = ours {
                let (entry, known) = (&entry[outer][inner], &known[outer][inner]);
                edits.extend(change(body, ours, entry, known, below_header, newline));
            }
            remove_known(&mut wanted, known);
        } else {
            edits.push(Edit::insert(0, lines(entry, newline)));
            let gap =
                if body.is_empty() || body.ends_with('\n') { newline.to_owned() } else { newline.repeat(2) };
            let table = lines(&entry[outer][inner], newline);
            edits.push(Edit::insert(body.len(), format!("{gap}[{outer}.{inner}]{newline}{table}")));
        }
        merge(&mut wanted, entry);
        let edited = edited(body, edits);
        check(body, &edited, &wanted)?;
        Ok(format!("{byte_order_mark}{edited}"))
    }

    /// The text without our keys, and without the table if nothing else is in it.
    pub fn take_out(&self, text: &str, known: &Value) -> Result<String, Refusal> {
        let (byte_order_mark, body) = split_byte_order_mark(text);
        if self.find(text, known)?.is_none() {
            return Ok(text.to_owned());
        }
        let document = parse(body)?;
        let [outer, inner] = self.table;
        let mut wanted = Value::Object(table_to_json(document.as_table()));
        remove_known(&mut wanted, known);
        let nothing = json!({});
        let mut edits = change(body, document.as_table(), &nothing, known, 0, "");
        if let Some(table) = self.table_in(document.as_table()) {
            edits.extend(change(body, table, &nothing, &known[outer][inner], 0, ""));
        }
        if wanted[outer].get(inner).is_none()
            && let Some(header) = self.header(document.as_table())
        {
            edits.extend(cut_line(body, header));
        }
        let edited = edited(body, edits);
        check(body, &edited, &wanted)?;
        Ok(format!("{byte_order_mark}{edited}"))
    }

    /// A whole file with these keys and nothing else.
    pub fn whole(&self, entry: &Value) -> String {
        let [outer, inner] = self.table;
        format!("{}\n[{outer}.{inner}]\n{}", lines(entry, "\n"), lines(&entry[outer][inner], "\n"))
    }

    fn table_in<'d>(&self, root: &'d Table) -> Option<&'d dyn TableLike> {
        root.get(self.table[0])?.as_table_like()?.get(self.table[1])?.as_table_like()
    }

    /// Where the header of our table stands, if it has one.
    fn header(&self, root: &Table) -> Option<Range<usize>> {
        root.get(self.table[0])?.as_table_like()?.get(self.table[1])?.as_table()?.span()
    }
}

fn parse(text: &str) -> Result<Document<&str>, Problem> {
    Document::parse(text).map_err(|error| {
        let what = error.message().trim().replace('\n', ", ");
        Problem::at(text, error.span().map_or(0, |span| span.start), what)
    })
}

/// Edits that make the values of a table those of `entry`, and take out keys that only `known` has. Keys that are missing
/// are put in at `start`.
fn change(
    text: &str,
    table: &dyn TableLike,
    entry: &Value,
    known: &Value,
    start: usize,
    newline: &str,
) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut missing = Map::new();
    for (name, _) in scalars(known) {
        let found = table.get_key_value(name).and_then(|(key, item)| Some((key.span()?, item, item.span()?)));
        match (found, entry.get(name)) {
            (Some((_, item, value)), Some(wanted)) if to_json(item) != *wanted => {
                edits.push(Edit::replace(value, in_toml(wanted)));
            }
            (Some((key, _, value)), None) => edits.extend(cut_line(text, key.start..value.end)),
            (None, Some(wanted)) => _ = missing.insert(name.clone(), wanted.clone()),
            _ => {}
        }
    }
    if !missing.is_empty() {
        edits.push(Edit::insert(start, lines(&Value::Object(missing), newline)));
    }
    edits
}

/// Cuts out what stands alone on its line with the line, and otherwise only it.
fn cut_line(text: &str, bytes: Range<usize>) -> Option<Edit> {
    let before = text[..bytes.start].trim_end_matches([' ', '\t']);
    let end = line_end(text, bytes.end);
    let alone = (before.is_empty() || before.ends_with('\n')) && text[bytes.end..end].trim().is_empty();
    Some(Edit::remove(if alone { before.len()..end } else { bytes }))
}

/// Where the line of a byte ends, with its newline.
fn line_end(text: &str, byte: usize) -> usize {
    text[byte..].find('\n').map_or(text.len(), |newline| byte + newline + 1)
}

/// The keys of an entry that are no tables.
fn scalars(entry: &Value) -> impl Iterator<Item = (&String, &Value)> {
    entry.as_object().into_iter().flatten().filter(|(_, value)| !value.is_object())
}

/// Those keys, a line for each.
fn lines(entry: &Value, newline: &str) -> String {
    scalars(entry).map(|(key, value)| format!("{key} = {}{newline}", in_toml(value))).collect()
}

/// A text as TOML writes it; we write nothing else.
fn in_toml(value: &Value) -> String {
    toml_edit::Value::from(value.as_str().unwrap_or_default()).to_string()
}

fn table_to_json(table: &dyn TableLike) -> Map<String, Value> {
    table.iter().map(|(key, item)| (key.to_owned(), to_json(item))).collect()
}

fn to_json(item: &Item) -> Value {
    if let Some(table) = item.as_table_like() {
        return Value::Object(table_to_json(table));
    }
    if let Some(tables) = item.as_array_of_tables() {
        return tables.iter().map(|table| Value::Object(table_to_json(table))).collect();
    }
    match item.as_value() {
        Some(toml_edit::Value::String(text)) => json!(text.value()),
        Some(toml_edit::Value::Integer(number)) => json!(number.value()),
        Some(toml_edit::Value::Boolean(yes)) => json!(yes.value()),
        Some(toml_edit::Value::Array(array)) => {
            array.iter().map(|value| to_json(&Item::Value(value.clone()))).collect()
        }
        // As it is written: JSON has no dates and not every number.
        Some(other) => json!({"toml": other.to_string().trim()}),
        None => Value::Null,
    }
}

/// What of `all` is in `known`, too.
fn common(all: &Value, known: &Value) -> Value {
    match (all, known) {
        (Value::Object(all), Value::Object(known)) => {
            let both =
                known.iter().filter_map(|(key, known)| Some((key.clone(), common(all.get(key)?, known))));
            Value::Object(both.collect())
        }
        _ => all.clone(),
    }
}

/// Takes out of `all` what is in `known`, and objects that are empty then.
fn remove_known(all: &mut Value, known: &Value) {
    let (Value::Object(all), Value::Object(known)) = (all, known) else { return };
    for (key, known) in known {
        let Some(value) = all.get_mut(key) else { continue };
        if known.is_object() {
            remove_known(value, known);
        }
        if !known.is_object() || value.as_object().is_some_and(Map::is_empty) {
            all.remove(key);
        }
    }
}

/// Puts what `more` says into `all`.
fn merge(all: &mut Value, more: &Value) {
    match (all, more) {
        (Value::Object(all), Value::Object(more)) => {
            for (key, more) in more {
                merge(all.entry(key).or_insert(Value::Null), more);
            }
        }
        (all, more) => *all = more.clone(),
    }
}

/// The last look before a file of somebody else's is written: it says what it said, but for our keys.
fn check(text: &str, edited: &str, wanted: &Value) -> Result<(), Refusal> {
    match parse(edited) {
        Ok(document) if Value::Object(table_to_json(document.as_table())) == *wanted => Ok(()),
        _ => Err(Problem::at(text, 0, "laid out in a way that Shorn cannot edit safely").into()),
    }
}

#[cfg(test)]
#[path = "toml_entry_tests.rs"]
mod tests;
