//! Text that may turn out to be a call of a format that writes the arguments as one object.

use super::lenient_json::{Field, LenientJson, Notation, Status};
use super::peek::{Miss, Peek};
use super::scanner::{Look, Scanner, Span};

/// Bytes of a tool's name, quotes included.
const LONGEST_NAME: usize = 130;

/// Bytes of a call in which, as a rule, its name and the beginning of its arguments stand.
const SHORT_PRELUDE: usize = 512;

/// How a format writes calls.
#[derive(Debug)]
pub(super) struct Dialect {
    /// Passes what opens a call or a block of them.
    pub(super) open: fn(&mut Peek) -> Result<(), Miss>,
    /// Passes a name and what stands between it and the arguments, where a call is not an object with a name in it.
    pub(super) head: Option<ReadHead>,
    pub(super) notation: Notation,
    /// What stands after a call or a block, in this order; any of it may be missing.
    pub(super) close: &'static [&'static str],
    /// What may follow a call without an opening of its own.
    pub(super) list: List,
}

/// What a list of calls consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    /// There are no lists, and no calls that are objects.
    No,
    /// Objects with a name in them.
    Objects,
    /// Calls of any kind.
    Calls,
}

/// Passes what stands before the arguments.
pub(super) type ReadHead = fn(&mut Peek) -> Result<Head, Miss>;

/// What stands before the arguments.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) name: String,
    pub(super) given: Given,
}

/// How the arguments begin after a [`Head`].
#[derive(Debug)]
pub(super) enum Given {
    /// With a bracket.
    Object,
    /// The bracket has been passed.
    Opened,
    /// With a quote: they are JSON text in a string.
    Text,
    /// There are none.
    Nothing,
}

impl Given {
    /// The arguments that begin here.
    pub(super) fn next(peek: &Peek) -> Result<Self, Miss> {
        match peek.next()? {
            Some('{') => Ok(Self::Object),
            Some('"') => Ok(Self::Text),
            _ => Err(Miss::No),
        }
    }
}

/// Text that may turn out to be a call. It only looks; nothing is taken until it is one.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) dialect: &'static Dialect,
    pub(super) json: LenientJson,
    /// The name, if it stands before arguments in a string.
    name: Option<String>,
    /// Bytes looked at, and how many of them are a head.
    seen: usize,
    head: usize,
}

/// What a [`Candidate`] turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) arguments: Arguments,
}

/// Where a call's arguments come from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arguments {
    /// The field at this place in the object, which is being read.
    Field(usize),
    /// The object itself.
    Object,
    /// All there will be.
    Whole(String),
}

impl Candidate {
    pub(super) fn new(dialect: &'static Dialect) -> Self {
        Self { dialect, json: LenientJson::by_field(&dialect.notation), name: None, seen: 0, head: 0 }
    }

    /// Reads on in `text`, which begins where the call begins. `callable` says which names make a call. Looking far
    /// ahead in vain costs patience.
    pub(super) fn look(
        &mut self,
        text: &str,
        ended: bool,
        callable: impl Fn(&str) -> bool,
        patience: &mut usize,
    ) -> Look<Found> {
        let look = match self.look_ahead(text, ended, *patience > 0) {
            Look::Yes(found) if !callable(&found.name) => Look::No,
            look => look,
        };
        if look == Look::No && self.seen > SHORT_PRELUDE {
            *patience = patience.saturating_sub(1);
        }
        look
    }

    fn look_ahead(&mut self, text: &str, ended: bool, far: bool) -> Look<Found> {
        if text.is_empty() && !ended {
            return Look::Wait;
        }
        if self.seen == 0 && (!text.starts_with('{') || self.dialect.list == List::No) {
            match self.look_at_head(text, ended) {
                Look::No if self.name.is_some() => {}
                look => return look,
            }
        }
        // Step by step: whether this is a call must not depend on how much of the text has come in.
        loop {
            let (read, status) = self.json.step(&text[self.seen..], ended);
            self.seen += read;
            let guessed = self.json.guessed;
            if status == Some(Status::Cut) {
                self.json.close();
            }
            let complete = matches!(status, Some(Status::Done | Status::Cut));
            match self.find(complete) {
                // What took a guess to read may be no JSON at all.
                _ if guessed => return Look::No,
                _ if !far && self.seen > SHORT_PRELUDE => return Look::No,
                Look::Wait if complete => return Look::No,
                Look::Wait if status == Some(Status::Wait) => return Look::Wait,
                Look::Wait => {}
                decided => return decided,
            }
        }
    }

    /// Looks for a name before the arguments. `No` also, with `name` set, if the arguments have to be seen first.
    fn look_at_head(&mut self, text: &str, ended: bool) -> Look<Found> {
        let Some(head) = self.dialect.head else { return Look::No };
        let mut peek = Peek::new(text, ended);
        Look::from(head(&mut peek)).and_then(|Head { name, given }| {
            (self.seen, self.head) = (peek.at, peek.at);
            let notation = &self.dialect.notation;
            let (json, arguments) = match given {
                Given::Object => (LenientJson::whole(notation), Arguments::Object),
                Given::Opened => (LenientJson::opened(notation), Arguments::Object),
                Given::Nothing => (LenientJson::done(notation), Arguments::Whole("{}".to_owned())),
                Given::Text => {
                    (self.json, self.name) = (LenientJson::whole(notation), Some(name));
                    return Look::No;
                }
            };
            self.json = json;
            Look::Yes(Found { name, arguments })
        })
    }

    /// What has been found so far.
    fn find(&mut self, complete: bool) -> Look<Found> {
        match &self.name {
            None => find_call(self.json.fields(), complete),
            Some(_) if !complete => Look::Wait,
            Some(name) => match whole_arguments(&self.json.take()) {
                Some(json) => Look::Yes(Found { name: name.clone(), arguments: Arguments::Whole(json) }),
                None => Look::No,
            },
        }
    }

    /// Takes `before` bytes and what has been looked at.
    pub(super) fn take(&self, before: usize, scanner: &mut Scanner) {
        scanner.take(before + self.head, Span::Markup);
        scanner.take(self.seen - self.head, Span::Argument);
    }
}

/// Name and arguments among an object's fields.
fn find_call(fields: &[Field], complete: bool) -> Look<Found> {
    if let Some(inner) = fields.iter().find(|field| field.key == "function" && field.json.starts_with('{')) {
        return if inner.complete { find_inner_call(&inner.json) } else { Look::Wait };
    }
    let Some(name) = fields.iter().find(|field| field.key == "name") else { return Look::Wait };
    if name.json.len() > LONGEST_NAME {
        return Look::No;
    }
    if !name.complete {
        return Look::Wait;
    }
    let Ok(name) = serde_json::from_str::<String>(&name.json) else { return Look::No };
    let is_arguments = |field: &Field| matches!(field.key.as_str(), "arguments" | "parameters" | "input");
    let arguments = match fields.iter().position(is_arguments) {
        None if complete => Arguments::Whole("{}".to_owned()),
        None => return Look::Wait,
        Some(at) => match fields[at].json.as_bytes().first() {
            Some(b'{') => Arguments::Field(at),
            _ if !fields[at].complete => return Look::Wait,
            _ => match whole_arguments(&fields[at].json) {
                Some(json) => Arguments::Whole(json),
                None => return Look::No,
            },
        },
    };
    if name.is_empty() { Look::No } else { Look::Yes(Found { name, arguments }) }
}

/// The call in `{"function": {"name": ..., "arguments": ...}}`.
fn find_inner_call(json: &str) -> Look<Found> {
    let mut inner = LenientJson::by_field(&Notation::JSON);
    inner.advance(json, true);
    match find_call(inner.fields(), true) {
        Look::Yes(Found { name, arguments: Arguments::Field(at) }) => {
            let json = std::mem::take(&mut inner.fields_mut()[at].json);
            Look::Yes(Found { name, arguments: Arguments::Whole(json) })
        }
        Look::Wait => Look::No,
        look => look,
    }
}

/// Arguments that are no object: nothing, or the JSON text of an object in a string.
fn whole_arguments(json: &str) -> Option<String> {
    if json == "null" {
        return Some("{}".to_owned());
    }
    let text: String = serde_json::from_str(json).ok()?;
    let text = text.trim();
    if text.is_empty() {
        return Some("{}".to_owned());
    }
    LenientJson::repair(text).filter(|json| json.starts_with('{'))
}
