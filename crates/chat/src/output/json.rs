//! JSON text, written.

use serde_json::value::RawValue;

/// `text` as a JSON string.
pub(super) fn string(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    escape(text, &mut json);
    json.push('"');
    json
}

/// Appends `text` as it stands inside a JSON string. Pieces of a text, escaped one by one, make up the whole escaped.
pub(super) fn escape(text: &str, json: &mut String) {
    let mut plain = 0;
    for (at, byte) in
        text.bytes().enumerate().filter(|(_, byte)| *byte < 0x20 || matches!(byte, b'"' | b'\\'))
    {
        json.push_str(&text[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => json.push_str("\\\""),
            b'\\' => json.push_str("\\\\"),
            b'\n' => json.push_str("\\n"),
            b'\r' => json.push_str("\\r"),
            b'\t' => json.push_str("\\t"),
            byte => json.push_str(&format!("\\u{byte:04x}")),
        }
    }
    json.push_str(&text[plain..]);
}

/// A number that JSON allows and a double can hold.
pub(super) fn is_number(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    begins && serde_json::from_str::<&RawValue>(text).is_ok() && text.parse().is_ok_and(f64::is_finite)
}
