//! The tags of the formats that write arguments between tags, with the ways in which models misspell them.

use super::peek::{Miss, Peek};
use super::scanner::{Look, gap, literal};

/// How a format spells its tags.
#[derive(Debug)]
pub(super) struct TagSet {
    /// What opens and closes a block of functions, if there are blocks.
    pub(super) block: Option<(&'static str, &'static str)>,
    /// What comes before a function's name.
    pub(super) function_open: &'static str,
    pub(super) function_close: &'static str,
    /// What comes before a parameter's name.
    pub(super) parameter_open: &'static str,
    /// Without its `>`, which models leave out.
    pub(super) parameter_close: &'static str,
    pub(super) names: Names,
    /// Whether a newline after a parameter's opening tag and one before its closing tag belong to the tags.
    pub(super) value_lines: bool,
}

/// How an opening tag ends after the name.
#[derive(Debug)]
pub(super) enum Names {
    /// With `>`, perhaps after attributes: `<function=NAME>`, `<parameter name="NAME" string="true">`.
    InTag,
    /// The name follows the tag. A parameter's has an end tag, and the value an opening tag of its own:
    /// `<tool_call>NAME`, `<arg_key>NAME</arg_key><arg_value>`.
    AfterTag { name_close: &'static str, value_open: &'static str },
}

/// Bytes of a function's or parameter's name.
const LONGEST_NAME: usize = 128;

/// A tag, without its length. The comments show the Qwen3-Coder format's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// `<tool_call>`
    BlockOpen,
    /// `</tool_call>`
    BlockClose,
    /// `<function=NAME>`; the name stands in quotes sometimes, and the `>` may be missing at a line's end.
    FunctionOpen(String),
    /// `</function>`
    FunctionClose,
    /// `<parameter=NAME>`, likewise.
    ParameterOpen(Parameter),
    /// `</parameter>`, and what models make of it: `</parameter1>`, `</parameter_x>`, `</parameter`.
    ParameterClose,
}

/// What a parameter's opening tag says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameter {
    pub(super) name: String,
    /// Whether the value is a string, where the tag says so.
    pub(super) string: Option<bool>,
}

/// What comes next after white space.
#[derive(Debug)]
pub(super) enum Next {
    /// A tag; the text after it starts at this offset.
    Tag(Tag, usize),
    /// Anything else.
    Other,
    /// The end of the output.
    End,
}

/// Reads a tag after the part that is spelled the same in all of its kind.
type ReadTag = fn(&TagSet, Peek) -> Result<(Tag, usize), Miss>;

impl TagSet {
    /// The tag at the front, and its length.
    pub(super) fn tag(&self, text: &str, ended: bool) -> Look<(Tag, usize)> {
        let block = self.block.map(|(open, close)| [(open, Tag::BlockOpen), (close, Tag::BlockClose)]);
        let whole = block.into_iter().flatten().chain([(self.function_close, Tag::FunctionClose)]);
        let mut wait = false;
        for (spelling, tag) in whole {
            match literal(text, spelling, ended) {
                Look::Yes(()) => return Look::Yes((tag, spelling.len())),
                look => wait |= look == Look::Wait,
            }
        }
        let with_name: [(&str, ReadTag); 3] = [
            (self.function_open, Self::function),
            (self.parameter_open, Self::parameter),
            (self.parameter_close, Self::parameter_end),
        ];
        for (spelling, read) in with_name {
            let mut peek = Peek::new(text, ended);
            match peek.expect(spelling) {
                Ok(()) => return read(self, peek).into(),
                Err(miss) => wait |= miss == Miss::Wait,
            }
        }
        if wait { Look::Wait } else { Look::No }
    }

    /// What comes next after white space.
    pub(super) fn next(&self, text: &str, ended: bool) -> Look<Next> {
        let space = match gap(text, ended) {
            Look::Yes(space) => space,
            Look::Wait => return Look::Wait,
            Look::No => return Look::Yes(Next::Other),
        };
        match self.tag(&text[space..], ended) {
            Look::Yes((tag, length)) => Look::Yes(Next::Tag(tag, space + length)),
            Look::No if space == text.len() => Look::Yes(Next::End),
            Look::No => Look::Yes(Next::Other),
            Look::Wait => Look::Wait,
        }
    }

    /// A function's opening tag from the name on.
    fn function(&self, mut peek: Peek) -> Result<(Tag, usize), Miss> {
        let name = match self.names {
            Names::InTag => name_in_tag(&mut peek)?.0,
            Names::AfterTag { .. } => {
                let name = name_after_tag(&mut peek)?;
                // Only what can follow a name tells it from other text after the tag.
                let mut next = peek;
                next.gap()?;
                if !next.one_of(&[self.parameter_open, self.function_close])? && next.next()?.is_some() {
                    return Err(Miss::No);
                }
                name
            }
        };
        Ok((Tag::FunctionOpen(name), peek.at))
    }

    /// A parameter's opening tag from the name on.
    fn parameter(&self, mut peek: Peek) -> Result<(Tag, usize), Miss> {
        let parameter = match self.names {
            Names::InTag => {
                let (name, attributes) = name_in_tag(&mut peek)?;
                let said =
                    |word: &str| attributes.contains(&format!("string=\"{word}\"")).then_some(word == "true");
                Parameter { name, string: said("true").or(said("false")) }
            }
            Names::AfterTag { name_close, value_open } => {
                let name = name_after_tag(&mut peek)?;
                peek.optional(name_close)?;
                peek.gap()?;
                peek.expect(value_open)?;
                Parameter { name, string: None }
            }
        };
        Ok((Tag::ParameterOpen(parameter), peek.at))
    }

    /// A parameter's closing tag after the part that is spelled right.
    fn parameter_end(&self, mut peek: Peek) -> Result<(Tag, usize), Miss> {
        let drift = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'=');
        peek.at += peek.rest().bytes().take(LONGEST_NAME).take_while(drift).count();
        if peek.next()? == Some('>') {
            peek.at += 1;
        }
        Ok((Tag::ParameterClose, peek.at))
    }
}

/// The name in a tag, and its attributes, up to `>` or the line's end.
fn name_in_tag<'t>(peek: &mut Peek<'t>) -> Result<(String, &'t str), Miss> {
    let inside = until(peek, b">\n<")?;
    match peek.next()? {
        None | Some('<') => return Err(Miss::No),
        Some(close) => peek.at += usize::from(close == '>'),
    }
    let inside = inside.trim();
    let quoted = ['"', '\''].into_iter().find_map(|quote| inside.strip_prefix(quote)?.split_once(quote));
    let (name, attributes) = quoted.unwrap_or((inside, ""));
    if name.is_empty() { Err(Miss::No) } else { Ok((name.to_owned(), attributes)) }
}

/// The name after a tag, up to the next tag or the line's end.
fn name_after_tag(peek: &mut Peek) -> Result<String, Miss> {
    let name = until(peek, b"\n<")?.trim();
    if name.is_empty() { Err(Miss::No) } else { Ok(name.to_owned()) }
}

/// Passes text up to one of these bytes or the end of the output.
fn until<'t>(peek: &mut Peek<'t>, ends: &[u8]) -> Result<&'t str, Miss> {
    let rest = peek.rest();
    let length = rest.bytes().take(LONGEST_NAME + 1).take_while(|byte| !ends.contains(byte)).count();
    if length > LONGEST_NAME {
        return Err(Miss::No);
    }
    peek.at += length;
    peek.next()?;
    Ok(&rest[..length])
}
