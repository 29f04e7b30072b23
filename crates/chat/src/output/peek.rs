//! Looking ahead over several parts of a marker: `name`, then `[ARGS]`, then `{`.

use super::scanner::{Look, gap, literal};

/// Bytes of a tool's name.
const LONGEST_NAME: usize = 128;

/// Why looking ahead has come to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Miss {
    /// Something else stands there, whatever follows.
    No,
    /// What follows decides.
    Wait,
}

impl<T> From<Result<T, Miss>> for Look<T> {
    fn from(result: Result<T, Miss>) -> Self {
        match result {
            Ok(found) => Self::Yes(found),
            Err(Miss::No) => Self::No,
            Err(Miss::Wait) => Self::Wait,
        }
    }
}

/// The answer as a result, for `?`.
pub(super) fn hit<T>(look: Look<T>) -> Result<T, Miss> {
    match look {
        Look::Yes(found) => Ok(found),
        Look::No => Err(Miss::No),
        Look::Wait => Err(Miss::Wait),
    }
}

/// A place in text that may still grow. Nothing is taken: what was found is so many bytes long ([`Peek::at`]).
#[derive(Clone, Copy, Debug)]
pub(super) struct Peek<'t> {
    text: &'t str,
    pub(super) ended: bool,
    /// Bytes passed.
    pub(super) at: usize,
}

impl<'t> Peek<'t> {
    pub(super) fn new(text: &'t str, ended: bool) -> Self {
        Self { text, ended, at: 0 }
    }

    /// What follows.
    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// Passes this, which has to stand here.
    pub(super) fn expect(&mut self, spelling: &str) -> Result<(), Miss> {
        hit(literal(self.rest(), spelling, self.ended))?;
        self.at += spelling.len();
        Ok(())
    }

    /// Passes this if it stands here.
    pub(super) fn optional(&mut self, spelling: &str) -> Result<bool, Miss> {
        match self.expect(spelling) {
            Err(Miss::No) => Ok(false),
            found => found.map(|()| true),
        }
    }

    /// Passes one of these if it stands here.
    pub(super) fn one_of(&mut self, spellings: &[&str]) -> Result<bool, Miss> {
        let mut wait = false;
        for spelling in spellings {
            match self.expect(spelling) {
                Ok(()) => return Ok(true),
                Err(miss) => wait |= miss == Miss::Wait,
            }
        }
        if wait { Err(Miss::Wait) } else { Ok(false) }
    }

    /// Passes white space.
    pub(super) fn gap(&mut self) -> Result<(), Miss> {
        self.at += hit(gap(self.rest(), self.ended))?;
        Ok(())
    }

    /// Passes a name that a tool could have.
    pub(super) fn name(&mut self) -> Result<&'t str, Miss> {
        self.word(is_name_byte, LONGEST_NAME)
    }

    /// Passes one to `longest` of these bytes, which have to be ASCII.
    pub(super) fn word(&mut self, member: fn(u8) -> bool, longest: usize) -> Result<&'t str, Miss> {
        let rest = self.rest();
        let length = rest.bytes().take(longest + 1).take_while(|byte| member(*byte)).count();
        if length == rest.len() && length <= longest && !self.ended {
            return Err(Miss::Wait);
        }
        if length == 0 || length > longest {
            return Err(Miss::No);
        }
        self.at += length;
        Ok(&rest[..length])
    }

    /// The next character; `None` at the end of the output.
    pub(super) fn next(&self) -> Result<Option<char>, Miss> {
        match self.rest().chars().next() {
            None if !self.ended => Err(Miss::Wait),
            next => Ok(next),
        }
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':' | b'/')
}

/// Whether a tool could have this name.
pub(super) fn is_plausible(name: &str) -> bool {
    name.bytes().all(is_name_byte)
}
