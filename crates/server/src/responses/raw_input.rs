//! The text of a custom tool's call, out of the JSON arguments that the model's call is parsed into.

use serde_json::Value;

use super::tools::INPUT;

/// Reads `{"input": "..."}` as it comes. A call that has another form gives its text at the end.
#[derive(Debug, Default)]
pub struct RawInput {
    json: String,
    /// Where the string goes on that has been read up to here.
    next: Option<usize>,
    closed: bool,
    /// What has been given out.
    text: String,
}

impl RawInput {
    /// Takes more of the arguments and returns the text that they add.
    pub fn push(&mut self, json: &str) -> String {
        self.json.push_str(json);
        self.next = self.next.or_else(|| string_start(&self.json));
        let Some(next) = self.next.filter(|_| !self.closed) else { return String::new() };
        let (text, length, closed) = unescaped(&self.json[next..]);
        self.closed = closed;
        self.next = Some(next + length);
        self.text.push_str(&text);
        text
    }

    /// What has been given out so far.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The end of the arguments: the text that is still to be given out.
    pub fn finish(&mut self) -> String {
        if self.next.is_some() {
            return String::new();
        }
        self.text = match serde_json::from_str(&self.json) {
            Ok(Value::Object(arguments)) => match (arguments.get(INPUT), arguments.values().next()) {
                (Some(Value::String(input)), _) => input.clone(),
                // The only argument is the input, whatever the model calls it.
                (None, Some(Value::String(only))) if arguments.len() == 1 => only.clone(),
                _ => self.json.clone(),
            },
            _ => self.json.clone(),
        };
        self.text.clone()
    }
}

/// Where the value of `input` begins, when it is the first field and a string.
fn string_start(json: &str) -> Option<usize> {
    let value = json.trim_start().strip_prefix('{')?.trim_start().strip_prefix('"')?.strip_prefix(INPUT)?;
    let string = value.strip_prefix('"')?.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    Some(json.len() - string.len())
}

/// The text of a JSON string's inside as far as its characters are whole, how much of it that is, and whether the string
/// ends there.
fn unescaped(inside: &str) -> (String, usize, bool) {
    let (mut text, mut at) = (String::new(), 0);
    loop {
        let rest = &inside[at..];
        let plain = rest.find(['"', '\\']).unwrap_or(rest.len());
        text.push_str(&rest[..plain]);
        at += plain;
        match &inside.as_bytes()[at..] {
            [b'"', ..] => return (text, at, true),
            [] => return (text, at, false),
            escape => {
                let end = at + escape_length(escape);
                let Some(end) = (end..=inside.len()).find(|end| inside.is_char_boundary(*end)) else {
                    return (text, at, false);
                };
                // Half a character of two escapes is no JSON: it stays as it is written.
                let escape = &inside[at..end];
                text.push_str(
                    &serde_json::from_str(&format!("\"{escape}\"")).unwrap_or_else(|_| escape.to_owned()),
                );
                at = end;
            }
        }
    }
}

/// Bytes of an escape, as far as its beginning tells. A character beyond the first 65,536 takes two escapes.
fn escape_length(escape: &[u8]) -> usize {
    let high_half = matches!(escape.get(2..4), Some([b'd' | b'D', b'8' | b'9' | b'a' | b'A' | b'b' | b'B']));
    let next_is_escape = escape.iter().skip(6).zip(b"\\u").all(|(found, expected)| found == expected);
    match escape.get(1) {
        Some(b'u') if high_half && next_is_escape => 12,
        Some(b'u') => 6,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PATCH: &str = "*** Begin Patch\n+\ta \"b\" \\ ünïcödé 日本語 🚀\\n\n*** End Patch";

    /// What comes out of pieces of so many characters, and the text in the end.
    fn read(json: &str, size: usize) -> (String, String) {
        let characters: Vec<char> = json.chars().collect();
        let mut input = RawInput::default();
        let mut given: String =
            characters.chunks(size).map(|piece| input.push(&String::from_iter(piece))).collect();
        given.push_str(&input.finish());
        (given, input.text().to_owned())
    }

    #[test]
    fn the_text_is_the_same_however_the_arguments_are_cut() {
        let escaped = r#" { "input" : "a\ud83d\ude80\u00e9\n\"\\" , "more": 1}"#;
        for (json, text) in [(json!({"input": PATCH}).to_string().as_str(), PATCH), (escaped, "a🚀é\n\"\\")]
        {
            for size in 1..20 {
                assert_eq!(read(json, size), (text.to_owned(), text.to_owned()), "pieces of {size}");
            }
        }
    }

    #[test]
    fn text_comes_out_as_it_is_generated() {
        let mut input = RawInput::default();
        assert_eq!(input.push(r#"{"input":"*** Be"#), "*** Be");
        assert_eq!(input.push(r"gin\"), "gin");
        assert_eq!(input.push("n"), "\n");
    }

    #[test]
    fn another_form_of_call_still_has_a_text() {
        for (json, text) in [
            (r#"{"patch": "x"}"#, "x"),
            (r#"{"path": 1, "input": "x"}"#, "x"),
            (r#"{"a": "x", "b": "y"}"#, r#"{"a": "x", "b": "y"}"#),
            (r#"{"input": 7}"#, r#"{"input": 7}"#),
            ("{}", "{}"),
        ] {
            assert_eq!(read(json, 3), (text.to_owned(), text.to_owned()), "{json}");
        }
    }

    #[test]
    fn half_a_character_is_given_as_it_is_written() {
        let json = r#"{"input": "\ud83d日本\ud83d\n\ud83d\u00e9"}"#;
        for size in 1..20 {
            assert_eq!(read(json, size).1, "\\ud83d日本\\ud83d\n\\ud83d\\u00e9", "pieces of {size}");
        }
    }
}
