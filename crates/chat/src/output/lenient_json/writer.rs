//! The valid JSON that is written while broken JSON is read: commas where they belong, no key twice.

use std::collections::HashSet;

use crate::output::json::{escape, string};

/// One field of an object that is written field by field.
#[derive(Debug)]
pub(in crate::output) struct Field {
    pub(in crate::output) key: String,
    /// JSON text of the value so far. Whoever follows the field may take from the front.
    pub(in crate::output) json: String,
    pub(in crate::output) complete: bool,
}

/// Writes one JSON value, whole or, if it is an object, field by field.
#[derive(Debug, Default)]
pub(super) struct Writer {
    stack: Vec<Container>,
    /// Set when the outermost object's fields are kept apart.
    pub(super) fields: Option<Vec<Field>>,
    pub(super) out: String,
    /// The keys so far of the object in which no key may come twice: the outermost, or each field's.
    keys: HashSet<String>,
    /// Inside a field whose key came before: of equal ones the first counts.
    muted: bool,
}

#[derive(Debug)]
struct Container {
    object: bool,
    empty: bool,
}

impl Writer {
    /// A writer that keeps the fields of the outermost object apart.
    pub(super) fn by_field() -> Self {
        Self { fields: Some(Vec::new()), ..Self::default() }
    }

    /// Containers open.
    pub(super) fn depth(&self) -> usize {
        self.stack.len()
    }

    pub(super) fn in_object(&self) -> bool {
        self.stack.last().is_some_and(|container| container.object)
    }

    pub(super) fn in_array(&self) -> bool {
        self.stack.last().is_some_and(|container| !container.object)
    }

    /// Whether an object, or an array, is open.
    pub(super) fn is_inside(&self, object: bool) -> bool {
        self.stack.iter().any(|container| container.object == object)
    }

    /// A key. Its value comes next.
    pub(super) fn key(&mut self, key: String) {
        if let Some(fields) = self.fields.as_mut().filter(|_| self.stack.len() == 1) {
            fields.push(Field { key, json: String::new(), complete: false });
            self.keys.clear();
            return;
        }
        if self.stack.len() == self.depth_of_unique_keys() {
            self.muted = !self.keys.insert(key.clone());
        }
        if !self.muted {
            self.comma();
            self.raw(&string(&key));
            self.raw(":");
        }
    }

    /// Says that a value begins.
    pub(super) fn begin_value(&mut self) {
        if self.in_array() {
            self.comma();
        }
    }

    /// Says that a value is complete.
    pub(super) fn end_value(&mut self) {
        if self.stack.len() == self.depth_of_unique_keys() {
            self.muted = false;
        }
        let fields = self.fields.as_mut().filter(|_| self.stack.len() == 1);
        if let Some(field) = fields.and_then(|fields| fields.last_mut()) {
            field.complete = true;
        }
    }

    /// Opens a container, which is a value that has begun.
    pub(super) fn open(&mut self, object: bool) {
        if !self.is_apart() {
            self.raw(if object { "{" } else { "[" });
        }
        self.stack.push(Container { object, empty: true });
    }

    /// Closes the innermost container.
    pub(super) fn close(&mut self) {
        let Some(container) = self.stack.pop() else { return };
        if !self.is_apart() {
            self.raw(if container.object { "}" } else { "]" });
        }
    }

    /// A piece of the inside of a string.
    pub(super) fn text(&mut self, text: &str) {
        let mut json = String::new();
        escape(text, &mut json);
        self.raw(&json);
    }

    /// JSON text as it is.
    pub(super) fn raw(&mut self, json: &str) {
        match &mut self.fields {
            _ if self.muted => {}
            None => self.out.push_str(json),
            Some(fields) => fields.last_mut().into_iter().for_each(|field| field.json.push_str(json)),
        }
    }

    /// Whether we are outside the object whose fields are kept apart; its brackets are no field's.
    fn is_apart(&self) -> bool {
        self.stack.is_empty() && self.fields.is_some()
    }

    fn depth_of_unique_keys(&self) -> usize {
        if self.fields.is_some() { 2 } else { 1 }
    }

    fn comma(&mut self) {
        if self.stack.last_mut().is_some_and(|container| !std::mem::take(&mut container.empty)) {
            self.raw(",");
        }
    }
}
