//! `Range`, as far as a server has to understand it.

use std::ops::Range;

/// What a `Range` asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// All of it: there is no range, or none that has to be understood.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// None that the file has.
    NotSatisfiable,
}

/// Reads one range of bytes of a file of `bytes` bytes.
pub(crate) fn asked(range: Option<&str>, bytes: u64) -> Asked {
    let Some((from, to)) = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-')) else {
        return Asked::Whole;
    };
    let (start, end) = match (from.parse::<u64>(), to.parse::<u64>()) {
        (Ok(start), Ok(last)) if start <= last => (start, bytes.min(last + 1)),
        (Ok(start), Err(_)) if to.is_empty() => (start, bytes),
        (Err(_), Ok(last_bytes)) if from.is_empty() => (bytes.saturating_sub(last_bytes), bytes),
        _ => return Asked::Whole,
    };
    if start < end { Asked::Part(start..end) } else { Asked::NotSatisfiable }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_as_rfc_9110_has_it() {
        assert_eq!(asked(None, 10), Asked::Whole);
        assert_eq!(asked(Some("bytes=0-"), 10), Asked::Part(0..10));
        assert_eq!(asked(Some("bytes=3-4"), 10), Asked::Part(3..5));
        assert_eq!(asked(Some("bytes=3-400"), 10), Asked::Part(3..10));
        assert_eq!(asked(Some("bytes=-4"), 10), Asked::Part(6..10));
        assert_eq!(asked(Some("bytes=10-"), 10), Asked::NotSatisfiable);
        assert_eq!(asked(Some("bytes=5-3"), 10), Asked::Whole);
        assert_eq!(asked(Some("bytes=0-1,3-4"), 10), Asked::Whole);
    }
}
