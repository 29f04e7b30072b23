//! Stop strings: texts at which the client wants the output to end.

/// Watches a stream of text for stop strings.
///
/// The output ends at the stop string that is complete first; of several that are complete at the same byte, at the
/// longest. Text comes out as soon as it cannot belong to a stop string any more, so how the text is cut into pieces
/// makes no difference. Time is linear in the text, for each stop string.
#[derive(Clone, Debug, Default)]
pub struct StopStrings {
    patterns: Vec<Pattern>,
    /// The end of the text so far that may be the beginning of a stop string.
    held: String,
    stopped_by: Option<usize>,
}

/// One stop string with its state in the Knuth-Morris-Pratt search.
#[derive(Clone, Debug)]
struct Pattern {
    text: String,
    /// For each length of a matched beginning, the length of its longest proper beginning that is also its end.
    fallback: Vec<usize>,
    matched: usize,
}

impl StopStrings {
    /// Watches for these; empty ones are left out.
    pub fn new(stop: impl IntoIterator<Item = String>) -> Self {
        let patterns = stop.into_iter().filter(|text| !text.is_empty()).map(Pattern::new).collect();
        Self { patterns, ..Self::default() }
    }

    /// The text that is free to go out after `text` has come in: all of it up to a stop string, less what may be the
    /// beginning of one. Nothing once stopped.
    pub fn push(&mut self, text: &str) -> String {
        if self.stopped_by.is_some() {
            return String::new();
        }
        let before = self.held.len();
        self.held.push_str(text);
        for (at, byte) in text.bytes().enumerate() {
            // Every pattern must see the byte, so no short-circuit.
            let complete = self.patterns.iter_mut().enumerate().filter_map(|(n, pattern)| {
                let complete = pattern.advance(byte);
                complete.then_some((n, pattern.text.len()))
            });
            if let Some((found, length)) = complete.max_by_key(|(_, length)| *length) {
                self.stopped_by = Some(found);
                self.held.truncate(before + at + 1 - length);
                return std::mem::take(&mut self.held);
            }
        }
        let undecided = self.patterns.iter().map(|pattern| pattern.matched).max().unwrap_or(0);
        let rest = self.held.split_off(self.held.len() - undecided);
        std::mem::replace(&mut self.held, rest)
    }

    /// The stop string that ended the output.
    pub fn stopped_by(&self) -> Option<&str> {
        self.stopped_by.map(|found| self.patterns[found].text.as_str())
    }

    /// What is still held back when the output has ended without a stop string.
    pub fn finish(&mut self) -> String {
        self.patterns.iter_mut().for_each(|pattern| pattern.matched = 0);
        std::mem::take(&mut self.held)
    }
}

impl Pattern {
    fn new(text: String) -> Self {
        let bytes = text.as_bytes();
        let mut fallback = vec![0; bytes.len() + 1];
        let mut length = 0;
        for at in 1..bytes.len() {
            while length > 0 && bytes[at] != bytes[length] {
                length = fallback[length];
            }
            length += usize::from(bytes[at] == bytes[length]);
            fallback[at + 1] = length;
        }
        Self { text, fallback, matched: 0 }
    }

    /// Takes one byte; true if it completes the pattern.
    fn advance(&mut self, byte: u8) -> bool {
        let bytes = self.text.as_bytes();
        while self.matched > 0 && bytes[self.matched] != byte {
            self.matched = self.fallback[self.matched];
        }
        self.matched += usize::from(bytes[self.matched] == byte);
        self.matched == bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What goes out, and the stop string that ended it, with the text cut into pieces of `size` bytes or a little
    /// more.
    fn run(stop: &[&str], text: &str, size: usize) -> (String, Option<String>) {
        let mut watch = StopStrings::new(stop.iter().map(ToString::to_string));
        let mut out = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at(rest.ceil_char_boundary(size.min(rest.len())));
            out.push_str(&watch.push(piece));
            rest = tail;
        }
        if watch.stopped_by().is_none() {
            out.push_str(&watch.finish());
        }
        (out, watch.stopped_by().map(str::to_owned))
    }

    fn stopped(out: &str, by: &str) -> (String, Option<String>) {
        (out.to_owned(), Some(by.to_owned()))
    }

    #[test]
    fn the_text_before_the_stop_string_goes_out() {
        assert_eq!(run(&["\nUser:"], "Hello.\nUser: hi", 100), stopped("Hello.", "\nUser:"));
    }

    #[test]
    fn a_partial_match_is_held_back_and_released() {
        let mut watch = StopStrings::new(["END".to_owned()]);
        assert_eq!(watch.push("the E"), "the ");
        assert_eq!(watch.push("N"), "");
        assert_eq!(watch.push("E!"), "ENE!");
    }

    #[test]
    fn a_partial_match_at_the_end_goes_out() {
        assert_eq!(run(&["END"], "the EN", 1), ("the EN".to_owned(), None));
    }

    #[test]
    fn a_match_that_begins_inside_a_failed_one_is_found() {
        assert_eq!(run(&["aab"], "aaab", 1), stopped("a", "aab"));
    }

    #[test]
    fn the_stop_string_complete_first_wins() {
        assert_eq!(run(&["abcd", "bc"], "abcd", 100), stopped("a", "bc"));
    }

    #[test]
    fn of_two_complete_at_once_the_longer_wins() {
        assert_eq!(run(&["c", "abc"], "abc", 100), stopped("", "abc"));
    }

    #[test]
    fn nothing_goes_out_after_the_stop() {
        let mut watch = StopStrings::new(["x".to_owned()]);
        assert_eq!(watch.push("axb"), "a");
        assert_eq!(watch.push("more"), "");
    }

    #[test]
    fn empty_stop_strings_stop_nothing() {
        assert_eq!(run(&[""], "text", 1), ("text".to_owned(), None));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_cut_gives_what_a_search_finds(
            stop in prop::collection::vec("[abé]{1,4}", 0..4),
            text in "[abcé]{0,40}",
            size in 1usize..8,
        ) {
            let stop: Vec<&str> = stop.iter().map(String::as_str).collect();
            let ends = |s: &&str| text.find(*s).map(|at| (at + s.len(), std::cmp::Reverse(s.len())));
            let first = stop.iter().filter_map(|s| Some((ends(s)?, *s))).min();
            let expected = match first {
                Some(((end, _), by)) => stopped(&text[..end - by.len()], by),
                None => (text.clone(), None),
            };
            prop_assert_eq!(run(&stop, &text, size), expected);
        }
    }
}
