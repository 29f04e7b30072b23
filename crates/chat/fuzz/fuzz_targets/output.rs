//! Any bytes as a model's output, cut anywhere: what comes of them is the same, arguments of calls that ended are JSON, the
//! partition makes up the text, and nothing panics or takes more memory or time than it should.
//!
//! `SHORN_FUZZ_FORMAT` says which format reads them. `cargo xtask fuzz` builds this with libFuzzer and runs it for every
//! format. Built without, it reads the files that it is given, to see again what was found.
#![cfg_attr(fuzzing, no_main)]

use std::sync::LazyLock;

use setup::Setup;
use shorn_chat::output::{End, Reasoning, ToolFormat};
use shorn_chat::{conversation, output};

#[cfg_attr(not(fuzzing), allow(dead_code, reason = "fragments are for the fuzzer"))]
#[path = "../../src/output/tests/marks.rs"]
mod marks;
#[allow(dead_code, reason = "tests use more of it")]
#[path = "../../src/output/tests/setup.rs"]
mod setup;
#[allow(dead_code, reason = "tests use more of it")]
#[path = "../../src/output/tests/written.rs"]
mod written;

static FORMAT: LazyLock<ToolFormat> =
    LazyLock::new(|| std::env::var("SHORN_FUZZ_FORMAT").expect("set SHORN_FUZZ_FORMAT").parse().unwrap());

/// Parses the text whole, character by character and in pieces, each with the checks of `setup`. The first byte says what
/// the prompt ends with and how the output ends, the second where it is cut; the others are the text.
fn check(data: &[u8]) {
    let [how, cuts, text @ ..] = data else { return };
    let text = String::from_utf8_lossy(text);
    let reasoning = match how % 4 {
        0 => Reasoning::None,
        1 => Reasoning::MayBegin,
        2 => Reasoning::Begun { newline: true },
        _ => Reasoning::Begun { newline: false },
    };
    let end = if how & 4 == 0 { End::Natural } else { End::CutOff };
    let setup = Setup { reasoning, end, ..setup::of(*FORMAT) };
    let whole = setup.parse_pieces(&[&text]);
    assert_eq!(setup.parse_pieces(&setup::pieces(&text, |_, _| true)), whole, "each character for itself");
    let mut random = u32::from(*cuts) + 1;
    let pieces = setup::pieces(&text, |_, _| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        random >> 30 == 0
    });
    assert_eq!(setup.parse_pieces(&pieces), whole, "in pieces");
}

#[cfg(not(fuzzing))]
fn main() {
    for path in std::env::args().skip(1) {
        check(&std::fs::read(path).unwrap());
    }
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| check(data));

// Marks of ten characters are hard to come by for a fuzzer that changes bytes: half of its changes put one in.
#[cfg(fuzzing)]
libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let call = written::call(*FORMAT, "write", serde_json::json!({"path": "a", "content": "b\n"}));
    let fragments = [marks::FRAGMENTS, marks::marks(*FORMAT), &[call.as_str()]].concat();
    let fragment = fragments[(seed >> 1) as usize % fragments.len()].as_bytes();
    let place = 2 + (seed.rotate_left(16) as usize) % size.saturating_sub(1).max(1);
    if seed & 1 == 0 || place > size || size + fragment.len() > max_size {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    }
    data.copy_within(place..size, place + fragment.len());
    data[place..place + fragment.len()].copy_from_slice(fragment);
    size + fragment.len()
});
