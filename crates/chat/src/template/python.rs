//! Values as Python writes them: `str()`, `repr()` and `json.dumps()`.
//!
//! Templates are written and tested against Jinja2 on Python, so what they print must be what Python prints.

use std::fmt::{self, Write};
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};

/// A number that the engine would not print as Python does: an integer beyond 128 bits, or a float whose Python
/// form has an exponent. Held as the text that Python prints.
#[derive(Debug)]
pub(super) struct PrintedNumber(pub(super) String);

impl Object for PrintedNumber {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A number written in JSON as the value a template sees, digit for digit.
pub(super) fn number(json: &str) -> Value {
    if json.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit()) {
        return match json.parse::<i128>() {
            Ok(integer) => Value::from(integer),
            Err(_) => Value::from_object(PrintedNumber(json.to_owned())),
        };
    }
    // Rust parses every JSON number; what overflows becomes infinite, as in Python.
    float(json.parse().unwrap_or(f64::NAN))
}

fn float(number: f64) -> Value {
    let printed = float_repr(number);
    if printed.contains(['e', 'i', 'n']) {
        Value::from_object(PrintedNumber(printed))
    } else {
        Value::from(number)
    }
}

/// `repr(float)`: the shortest digits that read back the same, with an exponent outside 1e-4 to 1e16.
fn float_repr(number: f64) -> String {
    if !number.is_finite() {
        return if number.is_nan() { "nan" } else { if number > 0.0 { "inf" } else { "-inf" } }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = number.to_string();
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// Text under the template's fuel: a container that holds itself a million times over stops here, not in memory.
struct Metered<'a> {
    text: String,
    state: &'a State<'a, 'a>,
    charged: usize,
}

/// Bytes written between two charges.
const CHARGE_EVERY: usize = 4096;

/// Bytes of printed text that one unit of fuel pays for. The engine's own rate for what it serializes is the same
/// order of magnitude.
const BYTES_PER_FUEL: usize = 16;

impl<'a> Metered<'a> {
    fn new(state: &'a State<'_, '_>) -> Self {
        Self { text: String::new(), state, charged: 0 }
    }

    fn push(&mut self, text: &str) -> Result<(), Error> {
        self.text.push_str(text);
        if self.text.len() - self.charged >= CHARGE_EVERY {
            self.state.consume_fuel(((self.text.len() - self.charged) / BYTES_PER_FUEL) as u64)?;
            self.charged = self.text.len();
        }
        Ok(())
    }
}

/// How deep a value may be nested to be printed; Python's own limit is near 1,000.
const DEEPEST: usize = 500;

fn too_deep() -> Error {
    Error::new(ErrorKind::InvalidOperation, "maximum recursion depth exceeded while printing a value")
}

/// `str(value)`, where undefined is the empty text.
pub(super) fn str(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    let mut out = Metered::new(state);
    match value.as_str() {
        Some(text) => return Ok(text.to_owned()),
        None => write_repr(&mut out, value, 0)?,
    }
    Ok(out.text)
}

/// Whether printing `value` can take more than a few bytes.
pub(super) fn is_container(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Map | ValueKind::Iterable)
}

fn write_repr(out: &mut Metered<'_>, value: &Value, depth: usize) -> Result<(), Error> {
    if depth > DEEPEST {
        return Err(too_deep());
    }
    match value.kind() {
        ValueKind::String => out.push(&string_repr(value.as_str().unwrap_or_default())),
        ValueKind::Map => {
            out.push("{")?;
            for (index, key) in value.try_iter()?.enumerate() {
                if index > 0 {
                    out.push(", ")?;
                }
                write_repr(out, &key, depth + 1)?;
                out.push(": ")?;
                write_repr(out, &value.get_item(&key)?, depth + 1)?;
            }
            out.push("}")
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let tuple = value.is_tuple();
            out.push(if tuple { "(" } else { "[" })?;
            let mut length = 0;
            for item in value.try_iter()? {
                if length > 0 {
                    out.push(", ")?;
                }
                write_repr(out, &item, depth + 1)?;
                length += 1;
            }
            out.push(match (tuple, length) {
                (true, 1) => ",)",
                (true, _) => ")",
                (false, _) => "]",
            })
        }
        ValueKind::Number => out.push(&number_repr(value)),
        _ => out.push(&value.to_string()),
    }
}

fn number_repr(value: &Value) -> String {
    match f64::try_from(value.clone()) {
        Ok(number) if !value.is_integer() => float_repr(number),
        _ => value.to_string(),
    }
}

/// `repr(str)`.
fn string_repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            _ if character == quote => {
                out.push('\\');
                out.push(quote);
            }
            _ if character != ' ' && (character.is_control() || character.is_whitespace()) => {
                // A write into a String cannot fail.
                let _ = match u32::from(character) {
                    code @ 0..=0xff => write!(out, "\\x{code:02x}"),
                    code @ 0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    code => write!(out, "\\U{code:08x}"),
                };
            }
            _ => out.push(character),
        }
    }
    out.push(quote);
    out
}

/// How `json.dumps` was asked to write.
#[derive(Debug, Default)]
pub(super) struct JsonStyle {
    /// `\u` escapes for everything beyond ASCII.
    pub(super) ensure_ascii: bool,
    /// What one level is indented by; `None` writes one line.
    pub(super) indent: Option<String>,
    /// Between items, and between key and value; Python's defaults where not given.
    pub(super) separators: Option<(String, String)>,
    /// Keys in order of their text.
    pub(super) sort_keys: bool,
}

/// `json.dumps(value)` with the given style.
pub(super) fn json_dumps(state: &State<'_, '_>, value: &Value, style: &JsonStyle) -> Result<String, Error> {
    let item = if style.indent.is_some() { "," } else { ", " };
    let (item, key) = match &style.separators {
        Some((item, key)) => (item.as_str(), key.as_str()),
        None => (item, ": "),
    };
    let mut json = Json { out: Metered::new(state), style, item, key };
    json.write(value, 0)?;
    Ok(json.out.text)
}

struct Json<'a> {
    out: Metered<'a>,
    style: &'a JsonStyle,
    item: &'a str,
    key: &'a str,
}

impl Json<'_> {
    fn write(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        if depth > DEEPEST {
            return Err(too_deep());
        }
        match value.kind() {
            ValueKind::None => self.out.push("null"),
            ValueKind::Bool => self.out.push(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => self.number(&number_repr(value)),
            ValueKind::String => self.string(value.as_str().unwrap_or_default()),
            ValueKind::Seq | ValueKind::Iterable => self.list(value, depth),
            ValueKind::Map => self.object(value, depth),
            ValueKind::Plain if value.downcast_object_ref::<PrintedNumber>().is_some() => {
                self.number(&value.to_string())
            }
            kind => {
                Err(Error::new(ErrorKind::BadSerialization, format!("{kind} value is not JSON serializable")))
            }
        }
    }

    fn number(&mut self, repr: &str) -> Result<(), Error> {
        self.out.push(match repr {
            "inf" => "Infinity",
            "-inf" => "-Infinity",
            "nan" => "NaN",
            number => number,
        })
    }

    fn list(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        self.out.push("[")?;
        let mut empty = true;
        for item in value.try_iter()? {
            self.begin_item(empty, depth)?;
            empty = false;
            self.write(&item, depth + 1)?;
        }
        self.end_container(empty, depth, "]")
    }

    fn object(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        self.out.push("{")?;
        let mut keys: Vec<Value> = value.try_iter()?.collect();
        if self.style.sort_keys {
            keys.sort_by_key(Value::to_string);
        }
        for (index, key) in keys.iter().enumerate() {
            self.begin_item(index == 0, depth)?;
            let name = match key.kind() {
                ValueKind::None => "null".to_owned(),
                ValueKind::Bool => key.to_string().to_lowercase(),
                _ => key.to_string(),
            };
            self.string(&name)?;
            self.out.push(self.key)?;
            self.write(&value.get_item(key)?, depth + 1)?;
        }
        self.end_container(keys.is_empty(), depth, "}")
    }

    fn begin_item(&mut self, first: bool, depth: usize) -> Result<(), Error> {
        if !first {
            self.out.push(self.item)?;
        }
        self.new_line(depth + 1)
    }

    fn end_container(&mut self, empty: bool, depth: usize, close: &str) -> Result<(), Error> {
        if !empty {
            self.new_line(depth)?;
        }
        self.out.push(close)
    }

    fn new_line(&mut self, depth: usize) -> Result<(), Error> {
        let Some(indent) = &self.style.indent else { return Ok(()) };
        self.out.push("\n")?;
        (0..depth).try_for_each(|_| self.out.push(indent))
    }

    fn string(&mut self, text: &str) -> Result<(), Error> {
        self.out.push("\"")?;
        let mut plain = 0;
        for (at, character) in text.char_indices() {
            let Some(escape) = json_escape(character, self.style.ensure_ascii) else { continue };
            self.out.push(&text[plain..at])?;
            self.out.push(&escape)?;
            plain = at + character.len_utf8();
        }
        self.out.push(&text[plain..])?;
        self.out.push("\"")
    }
}

fn json_escape(character: char, ensure_ascii: bool) -> Option<String> {
    Some(match character {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        '\0'..='\u{1f}' => format!("\\u{:04x}", u32::from(character)),
        '\u{7f}'.. if ensure_ascii => {
            let mut units = [0; 2];
            character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect()
        }
        _ => return None,
    })
}
