//! Writing grammars in llguidance's dialect of Lark.

use std::fmt::Write;

use crate::tokenizer::Tokenizer;

/// A grammar as far as it is written.
pub(super) struct Lark {
    /// Marks that the model has as one token each: text never is one of them, and a grammar names them by their ids.
    marks: Vec<(&'static str, u32)>,
    rules: String,
    count: usize,
}

impl Lark {
    /// Without a rule yet, for a model that writes these marks.
    pub(super) fn new(tokenizer: &Tokenizer, marks: impl Iterator<Item = &'static str>) -> Self {
        let marks = marks.filter_map(|mark| Some((mark, tokenizer.mark(mark)?))).collect();
        Self { marks, rules: String::new(), count: 0 }
    }

    /// Adds a rule and returns its name.
    pub(super) fn rule(&mut self, body: &str) -> String {
        let name = self.reserve();
        self.define(&name, "", body);
        name
    }

    /// Adds a rule for a terminal that ends as soon as it can, and returns its name.
    pub(super) fn lazy(&mut self, body: &str) -> String {
        let name = self.reserve();
        self.define(&name, "[lazy]", body);
        name
    }

    /// Adds a terminal, which is one regular expression, and returns its name.
    pub(super) fn terminal(&mut self, body: &str) -> String {
        let name = self.reserve().to_uppercase();
        self.define(&name, "", body);
        name
    }

    /// A name for a rule that has to be known before its body is.
    pub(super) fn reserve(&mut self) -> String {
        self.count += 1;
        format!("r{}", self.count)
    }

    /// Gives a name its body.
    pub(super) fn define(&mut self, name: &str, attributes: &str, body: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.rules, "{name}{attributes}: {body}");
    }

    /// One of these.
    pub(super) fn any_of(&mut self, alternatives: &[String]) -> String {
        match alternatives {
            [only] => only.clone(),
            _ => self.rule(&alternatives.join(" | ")),
        }
    }

    /// This text, its marks as tokens.
    pub(super) fn literal(&self, text: &str) -> String {
        let (mut parts, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            match self.next_mark(rest) {
                Some((at, mark, id)) => {
                    parts.extend((at > 0).then(|| quoted(&rest[..at])));
                    parts.push(format!("<[{id}]>"));
                    rest = &rest[at + mark.len()..];
                }
                None => {
                    parts.push(quoted(rest));
                    rest = "";
                }
            }
        }
        parts.join(" ")
    }

    /// The bytes of text before the first mark that is a token, if there is one.
    pub(super) fn before_mark(&self, text: &str) -> Option<usize> {
        self.next_mark(text).map(|(at, ..)| at)
    }

    fn next_mark(&self, text: &str) -> Option<(usize, &'static str, u32)> {
        let found = self.marks.iter().filter_map(|(mark, id)| Some((text.find(mark)?, *mark, *id)));
        found.min_by_key(|(at, mark, _)| (*at, usize::MAX - mark.len()))
    }

    /// A terminal for any text in which none of these stands.
    pub(super) fn text_without(&mut self, forbidden: &[&str]) -> String {
        let any = forbidden.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(" | ");
        self.terminal(&format!("{TEXT} & ~({TEXT} ({any}) {TEXT})"))
    }

    /// A terminal's text and what closes it. The closing text belongs to the terminal as far as it is text: a terminal
    /// takes all that it can, and would not leave its closing to another.
    pub(super) fn closed(&mut self, terminal: &str, close: &str) -> String {
        let text = self.next_mark(close).map_or(close.len(), |(at, ..)| at);
        if text == 0 {
            return format!("{terminal} {}", self.literal(close));
        }
        let whole = self.terminal(&format!("{terminal} {}", quoted(&close[..text])));
        format!("{whole} {}", self.literal(&close[text..]))
    }

    /// The whole grammar.
    pub(super) fn finish(mut self, start: &str) -> String {
        self.rules.insert_str(0, &format!("start: {start}\n"));
        self.rules
    }
}

/// Any text.
pub(super) const TEXT: &str = "/(?s:.*)/";

/// A string literal.
pub(super) fn quoted(text: &str) -> String {
    // Lark has no bare delete character.
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}
