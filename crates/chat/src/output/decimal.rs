//! Decimal numbers as models write them, kept digit for digit.

use serde_json::value::RawValue;

/// A decimal number in its parts, of any length.
pub(super) struct Decimal<'t> {
    text: &'t str,
    negative: bool,
    integer: &'t str,
    fraction: &'t str,
    exponent: i32,
}

impl<'t> Decimal<'t> {
    pub(super) fn parse(text: &'t str) -> Option<Self> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(unsigned) => (true, unsigned),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse().ok()?),
            None => (unsigned, 0),
        };
        let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        // Beyond what a double holds, JSON parsers fail or differ.
        let finite = text.parse().is_ok_and(f64::is_finite);
        let sound = digits(integer) && digits(fraction) && integer.len() + fraction.len() > 0 && finite;
        sound.then_some(Self { text, negative, integer, fraction, exponent })
    }

    /// The digits of the integer that this is exactly.
    pub(super) fn whole(&self) -> Option<String> {
        // A negative exponent leaves an integer only of zeros at the end.
        let Ok(shift) = usize::try_from(self.exponent) else { return self.shifted_right() };
        let fraction = self.fraction.trim_end_matches('0');
        // A finite number that is not zero has at most 309 digits before the point.
        let zeros = shift.checked_sub(fraction.len()).filter(|zeros| *zeros <= 309)?;
        Some(self.signed(&[self.integer, fraction, &"0".repeat(zeros)].concat()))
    }

    fn shifted_right(&self) -> Option<String> {
        let drop = usize::try_from(self.exponent.unsigned_abs()).ok()?;
        let kept = self.integer.len().checked_sub(drop)?;
        let (kept, dropped) = self.integer.split_at(kept);
        let zeros = dropped.bytes().chain(self.fraction.bytes()).all(|byte| byte == b'0');
        zeros.then(|| self.signed(kept))
    }

    fn signed(&self, digits: &str) -> String {
        let digits = digits.trim_start_matches('0');
        match (digits, self.negative) {
            ("", _) => "0".to_owned(),
            (digits, false) => digits.to_owned(),
            (digits, true) => format!("-{digits}"),
        }
    }

    /// The number as JSON writes it: the text itself, or with what JSON does not allow (`+5`, `.5`, `5.`, `007`)
    /// put right.
    pub(super) fn to_json(&self) -> String {
        if serde_json::from_str::<&RawValue>(self.text).is_ok() {
            return self.text.to_owned();
        }
        let integer = self.integer.trim_start_matches('0');
        let mut json = String::from(if self.negative { "-" } else { "" });
        json.push_str(if integer.is_empty() { "0" } else { integer });
        if !self.fraction.is_empty() {
            json.push('.');
            json.push_str(self.fraction);
        }
        if self.exponent != 0 {
            json.push_str(&format!("e{}", self.exponent));
        }
        json
    }
}
