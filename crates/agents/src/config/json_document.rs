//! A JSON text as an agent reads it, and edits that leave every other byte alone.
//!
//! `jsonc-parser` says where things are, and edits are pieces of text put in or cut out there. Its own editing (feature
//! `cst`) lays out anew the object that it inserts into, so that what it adds cannot be taken out again without a trace.

use std::ops::Range;

use jsonc_parser::ast::{Object, ObjectProp, Value as Node};
use jsonc_parser::common::Ranged;
use jsonc_parser::tokens::{Token, TokenAndRange};
use jsonc_parser::{CollectOptions, CommentCollectionStrategy, ParseOptions, parse_to_ast};
use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

use super::text::{Edit, Problem, newline};

/// What an agent takes beyond plain JSON.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Dialect {
    /// Nothing.
    Plain,
    /// Comments after `//`, and trailing commas.
    LineComments,
    /// Those, and comments between `/*` and `*/`.
    Jsonc,
}

/// Everything that one of them takes; what another does not is refused afterwards, with a message that says so.
const MOST_TAKEN: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// A text, what it says, and where it says it.
pub struct Document<'a> {
    /// The text.
    pub text: &'a str,
    /// The outermost value; `None` for a text of spaces and comments only.
    pub root: Option<Node<'a>>,
    /// The same as plain JSON, `null` where there is none.
    pub value: Value,
    /// Everything but whitespace, comments too.
    tokens: Vec<TokenAndRange<'a>>,
}

impl<'a> Document<'a> {
    /// Reads a text, without a byte order mark.
    pub fn parse(text: &'a str, dialect: Dialect) -> Result<Self, Problem> {
        let collect = CollectOptions { comments: CommentCollectionStrategy::AsTokens, tokens: true };
        let parsed = parse_to_ast(text, &collect, &MOST_TAKEN)
            .map_err(|error| Problem::at(text, error.range().start, error.kind().to_string()))?;
        let tokens = parsed.tokens.unwrap_or_default();
        let value = match &parsed.value {
            Some(_) => plain_json(text, dialect, &tokens)?,
            None => Value::Null,
        };
        Ok(Self { text, root: parsed.value, value, tokens })
    }

    /// The property of this name; an error when there are two, because then it is anyone's guess which one counts.
    pub fn property<'d>(
        &self,
        object: &'d Object<'a>,
        name: &str,
    ) -> Result<Option<&'d ObjectProp<'a>>, Problem> {
        let mut found = object.properties.iter().filter(|property| property.name.as_str() == name);
        let first = found.next();
        match found.next() {
            Some(second) => {
                Err(Problem::at(self.text, second.range.start, format!("there are two properties `{name}`")))
            }
            None => Ok(first),
        }
    }

    /// Adds a property after the others, laid out like them.
    pub fn append(&self, object: &Object, name: &str, value: &Value) -> Vec<Edit> {
        let close = object.range.end - 1;
        let last = self.token_before(close);
        let closing_line_ends = self.text[last.range.end..close].contains('\n');
        let Some(sibling) = object.properties.last() else {
            let outer = self.indent_at(object.range.start);
            let inner = format!("{outer}{}", self.indent());
            let end = if closing_line_ends { String::new() } else { format!("{}{outer}", self.newline()) };
            let text = format!("{}{inner}\"{name}\": {}{end}", self.newline(), self.laid_out(value, &inner));
            return vec![Edit::insert(last.range.end, text)];
        };
        let text = match self.own_line(sibling.range.start) {
            Some(indent) => {
                format!("{}{indent}\"{name}\": {}", self.newline(), self.laid_out(value, indent))
            }
            None if closing_line_ends => {
                let indent = format!("{}{}", self.indent_at(object.range.start), self.indent());
                format!("{}{indent}\"{name}\": {}", self.newline(), self.laid_out(value, &indent))
            }
            None => format!(" \"{name}\": {value}"),
        };
        match self.comma_after(sibling.range.end) {
            Some(_) => vec![Edit::insert(last.range.end, text + ",")],
            None => {
                vec![Edit::insert(sibling.range.end, ",".to_owned()), Edit::insert(last.range.end, text)]
            }
        }
    }

    /// Takes out a property, its line, and the comma that it needed. Comments stay.
    pub fn remove(&self, object: &Object, property: &ObjectProp) -> Vec<Edit> {
        let Range { start, end } = property.range.start..property.range.end;
        let comma = self.comma_after(end);
        let mut edits: Vec<Edit> = comma.clone().into_iter().map(Edit::remove).collect();
        let sibling = object.properties.iter().rev().find(|sibling| sibling.range.end <= start);
        if comma.is_none()
            && let Some(needless) = sibling.and_then(|sibling| self.comma_after(sibling.range.end))
        {
            edits.push(Edit::remove(needless));
        }
        let before = self.token_before(start);
        let lead = &self.text[before.range.end..start];
        let after = comma.map_or(end, |comma| comma.end);
        let rest = self.text[after..].trim_start_matches([' ', '\t']);
        // The newline that ends a comment must stay when more than a newline follows.
        let ends_comment = matches!(before.token, Token::CommentLine(_)) && lead.matches('\n').count() == 1;
        if rest.starts_with(['\r', '\n']) || rest.starts_with('}') && !ends_comment {
            let line = lead.rfind('\n').map_or(0, |newline| lead[..newline].trim_end_matches('\r').len());
            edits.push(Edit::remove(before.range.end + line..end));
        } else {
            edits.push(Edit::remove(start..end));
            edits.push(Edit::remove(after..self.text.len() - rest.len()));
        }
        edits
    }

    /// Turns what is said at `node`, which is `found`, into `wanted`: value by value where both have the same shape,
    /// so that comments and layout in between stay, else as a whole.
    pub fn change(&self, node: &Node, found: &Value, wanted: &Value) -> Vec<Edit> {
        let mut edits = Vec::new();
        if self.change_values(node, found, wanted, &mut edits) {
            return edits;
        }
        let range = node.range();
        let laid_out = match self.text[range.start..range.end].contains('\n') {
            true => self.laid_out(wanted, self.indent_at(range.start)),
            false => wanted.to_string(),
        };
        vec![Edit::replace(range.start..range.end, laid_out)]
    }

    /// False when the shapes differ.
    fn change_values(&self, node: &Node, found: &Value, wanted: &Value, edits: &mut Vec<Edit>) -> bool {
        match (node, found, wanted) {
            (Node::Object(object), Value::Object(found), Value::Object(wanted)) => {
                object.properties.len() == wanted.len()
                    && object.properties.iter().all(|property| {
                        let name = property.name.as_str();
                        let values = found.get(name).zip(wanted.get(name));
                        values.is_some_and(|(found, wanted)| {
                            self.change_values(&property.value, found, wanted, edits)
                        })
                    })
            }
            (Node::Array(array), Value::Array(found), Value::Array(wanted)) => {
                array.elements.len() == wanted.len()
                    && array
                        .elements
                        .iter()
                        .zip(found)
                        .zip(wanted)
                        .all(|((node, found), wanted)| self.change_values(node, found, wanted, edits))
            }
            (Node::Object(_) | Node::Array(_), ..) | (.., Value::Object(_) | Value::Array(_)) => false,
            _ => {
                if found != wanted {
                    let range = node.range();
                    edits.push(Edit::replace(range.start..range.end, wanted.to_string()));
                }
                true
            }
        }
    }

    /// How lines end here.
    pub fn newline(&self) -> &'static str {
        newline(self.text)
    }

    /// What one level is indented by: by what the first line inside the root is indented further, else two spaces.
    fn indent(&self) -> &'a str {
        let Some(Node::Object(root)) = &self.root else { return "  " };
        let outer = self.indent_at(root.range.start);
        let starts = root.properties.iter().map(|property| property.range.start);
        let inner = starts.filter_map(|start| self.own_line(start));
        let mut further = inner.filter_map(|inner| inner.strip_prefix(outer));
        further.find(|indent| !indent.is_empty()).unwrap_or("  ")
    }

    /// The spaces and tabs at the beginning of the line of this byte.
    fn indent_at(&self, byte: usize) -> &'a str {
        let line = &self.text[self.text[..byte].rfind('\n').map_or(0, |newline| newline + 1)..];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    /// The same, if nothing else stands before this byte on its line.
    fn own_line(&self, byte: usize) -> Option<&'a str> {
        let indent = self.indent_at(byte);
        let before = self.text[..byte].strip_suffix(indent)?;
        (before.is_empty() || before.ends_with('\n')).then_some(indent)
    }

    /// A value over several lines, the first of which stands at `indent`.
    fn laid_out(&self, value: &Value, indent: &str) -> String {
        // JSON has no newline inside a string, so each one here is of the layout.
        pretty(value, self.indent()).replace('\n', &format!("{}{indent}", self.newline()))
    }

    /// The token that ends last before this byte, which is inside an object.
    fn token_before(&self, byte: usize) -> &TokenAndRange<'a> {
        let following = self.tokens.partition_point(|token| token.range.end <= byte);
        &self.tokens[following - 1]
    }

    /// The comma that follows, if nothing but comments stands before it.
    fn comma_after(&self, byte: usize) -> Option<Range<usize>> {
        let following = self.tokens.partition_point(|token| token.range.start < byte);
        let next = self.tokens[following..].iter().find(|token| !is_comment(&token.token))?;
        (next.token == Token::Comma).then_some(next.range.start..next.range.end)
    }
}

/// A value over several lines, with `indent` for each level.
pub fn pretty(value: &Value, indent: &str) -> String {
    let mut bytes = Vec::new();
    let formatter = PrettyFormatter::with_indent(indent.as_bytes());
    value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter)).expect("values can be written");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

fn is_comment(token: &Token) -> bool {
    matches!(token, Token::CommentLine(_) | Token::CommentBlock(_))
}

/// What the agent gets: it strips comments and trailing commas and gives the rest to `JSON.parse` or the like, which is
/// stricter than `jsonc-parser` (control characters in strings, unusual spaces). Spaces in their place keep every position.
fn plain_json(text: &str, dialect: Dialect, tokens: &[TokenAndRange]) -> Result<Value, Problem> {
    let mut plain = text.to_owned().into_bytes();
    for (index, TokenAndRange { range, token }) in tokens.iter().enumerate() {
        let mut following = tokens[index + 1..].iter().map(|next| &next.token);
        let blank = match token {
            Token::CommentLine(_) | Token::CommentBlock(_) if dialect == Dialect::Plain => {
                return Err(Problem::at(text, range.start, "comments are not read in this file"));
            }
            Token::CommentBlock(_) if dialect == Dialect::LineComments => {
                let what = "comments are read after `//` only, not between `/*` and `*/`";
                return Err(Problem::at(text, range.start, what));
            }
            Token::CommentLine(_) | Token::CommentBlock(_) => true,
            Token::Comma if dialect != Dialect::Plain => matches!(
                following.find(|next| !is_comment(next)),
                Some(Token::CloseBrace | Token::CloseBracket)
            ),
            _ => false,
        };
        if blank {
            // A newline stays one: places are told by lines.
            plain[range.start..range.end]
                .iter_mut()
                .filter(|byte| **byte != b'\n')
                .for_each(|byte| *byte = b' ');
        }
    }
    serde_json::from_slice(&plain).map_err(|error| {
        let lines_before: usize =
            text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or(&what);
        Problem::at(text, lines_before + error.column().saturating_sub(1), what)
    })
}
