//! `ui/src/backend/types.ts` is what Rust says: `cargo xtask types` writes it, this test compares.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::collections::BTreeMap;
use std::path::Path;

use shorn_desktop::{
    Added, AgentConfig, AgentConnection, AppSettings, AppSnapshot, ChatEvent, ChatMessage, Estimate,
    EvalRequest, EvalRun, EvalSetup, HubPage, LastEval, Library, LoadOptions, LoadRequest, PortCheck,
    RecommendedModel, Removed, SavedSettings, Search,
};
use ts_rs::{Config, TS, TypeVisitor};

/// Set to write the file.
const WRITE: &str = "SHORN_WRITE_TYPES";

const HEADER: &str = "\
// Generated from the Rust types by `cargo xtask types`; `npm test` fails when it is behind them.
// Sizes are bytes, times are seconds unless a name says otherwise, `null` means \"not known\" or \"not chosen\".
";

#[test]
fn the_windows_types_are_those_of_rust() {
    let mut declared = Declarations::new();
    declared.add::<AppSnapshot>();
    declared.add::<AppSettings>();
    declared.add::<LoadRequest>();
    declared.add::<LoadOptions>();
    declared.add::<SavedSettings>();
    declared.add::<Library>();
    declared.add::<Estimate>();
    declared.add::<Search>();
    declared.add::<HubPage>();
    declared.add::<RecommendedModel>();
    declared.add::<PortCheck>();
    declared.add::<AgentConnection>();
    declared.add::<AgentConfig>();
    declared.add::<Added>();
    declared.add::<Removed>();
    declared.add::<ChatMessage>();
    declared.add::<ChatEvent>();
    declared.add::<EvalRequest>();
    declared.add::<EvalSetup>();
    declared.add::<EvalRun>();
    declared.add::<LastEval>();
    let text = declared.text();

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/backend/types.ts");
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let present = std::fs::read_to_string(&path).unwrap();
    assert!(present == text, "ui/src/backend/types.ts is behind the Rust types: run `cargo xtask types`");
}

/// Declarations by name.
struct Declarations {
    config: Config,
    by_name: BTreeMap<String, String>,
}

impl Declarations {
    fn new() -> Self {
        // Bytes and ids stay below 2^53, and JSON has no other number.
        Self { config: Config::new().with_large_int("number"), by_name: BTreeMap::new() }
    }

    fn add<T: TS + 'static + ?Sized>(&mut self) {
        // Only a type that was derived has a file it would go to.
        if T::output_path().is_none() {
            T::visit_generics(self);
            T::visit_dependencies(self);
            return;
        }
        let declaration = format!("{}export {}\n", T::docs().unwrap_or_default(), T::decl(&self.config));
        let before = self.by_name.insert(T::ident(&self.config), declaration.clone());
        match before {
            None => T::visit_dependencies(self),
            Some(before) => assert_eq!(before, declaration, "two Rust types have one name"),
        }
    }

    fn text(&self) -> String {
        let declarations = self.by_name.values().map(String::as_str);
        std::iter::once(HEADER).chain(declarations).collect::<Vec<_>>().join("\n")
    }
}

impl TypeVisitor for Declarations {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        self.add::<T>();
    }
}
