//! SPDX licence expressions, as far as packages use them.

use anyhow::{Context, Result};

/// The licences that we take, the preferred one first: Apache's text is one for everybody, so it stands in the file once.
pub const ACCEPTED: &[&str] = &[
    "Apache-2.0",
    "MIT",
    "BSD-3-Clause",
    "BSD-2-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "MPL-2.0",
    "LAPACK",
    "GCC",
];

/// One licence for each part of the expression that must be met.
pub fn choose(expression: &str) -> Result<Vec<&'static str>> {
    let mut chosen = Vec::new();
    for part in split(&expression.replace('/', " OR "), " AND ") {
        match unwrapped(&part) {
            Some(inner) => chosen.extend(choose(inner)?),
            None => {
                let offered = split(&part, " OR ");
                let best =
                    ACCEPTED.iter().find(|accepted| offered.iter().any(|one| one.trim() == **accepted));
                chosen.push(*best.with_context(|| format!("none of `{}` is accepted", part.trim()))?);
            }
        }
    }
    Ok(chosen)
}

/// The parts between `separator`s that are not in parentheses.
fn split(expression: &str, separator: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for piece in expression.split_inclusive(separator) {
        let last = parts.len() - 1;
        parts[last] += piece;
        let is_closed = parts[last].matches('(').count() == parts[last].matches(')').count();
        if is_closed && let Some(whole) = parts[last].strip_suffix(separator) {
            parts[last] = whole.to_owned();
            parts.push(String::new());
        }
    }
    parts
}

fn unwrapped(part: &str) -> Option<&str> {
    part.trim().strip_prefix('(')?.strip_suffix(')')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_the_offered_licences_is_chosen_for_each_part() {
        assert_eq!(choose("MIT OR Apache-2.0").unwrap(), ["Apache-2.0"]);
        assert_eq!(choose("Unlicense/MIT").unwrap(), ["MIT"]);
        assert_eq!(choose("Apache-2.0 / MIT").unwrap(), ["Apache-2.0"]);
        assert_eq!(choose("MIT AND BSD-3-Clause").unwrap(), ["MIT", "BSD-3-Clause"]);
        assert_eq!(choose("(MIT OR Apache-2.0) AND Unicode-3.0").unwrap(), ["Apache-2.0", "Unicode-3.0"]);
        assert_eq!(choose("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT").unwrap(), ["Apache-2.0"]);
    }

    #[test]
    fn a_licence_that_is_not_accepted_is_an_error() {
        assert!(choose("GPL-3.0").is_err());
        assert!(choose("MIT AND GPL-3.0").is_err());
    }
}
