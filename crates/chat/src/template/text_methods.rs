//! Python's methods of a text that the engine's own collection lacks.

use minijinja::Value;
use minijinja::value::Tuple;

/// What a method makes of a text; `None` where there is no such method here, or not with these arguments.
pub(super) fn text_method(text: &str, name: &str, arguments: &[Value]) -> Option<Value> {
    let arguments: Vec<&Value> = arguments.iter().collect();
    match (name, &arguments[..]) {
        ("rsplit", [separator, most @ ..]) => {
            let most = most.first().and_then(|most| most.as_i64()).unwrap_or(-1);
            rsplit(text, separator.as_str()?, usize::try_from(most).unwrap_or(usize::MAX))
        }
        ("partition", [separator]) => {
            let separator = separator.as_str().filter(|separator| !separator.is_empty())?;
            let (before, after) = text.split_once(separator).map_or((text, None), |(a, b)| (a, Some(b)));
            let found = if after.is_some() { separator } else { "" };
            Some(tuple([before, found, after.unwrap_or_default()]))
        }
        ("rpartition", [separator]) => {
            let separator = separator.as_str().filter(|separator| !separator.is_empty())?;
            let (before, after) = text.rsplit_once(separator).map_or((None, text), |(a, b)| (Some(a), b));
            let found = if before.is_some() { separator } else { "" };
            Some(tuple([before.unwrap_or_default(), found, after]))
        }
        ("title", []) => Some(Value::from(title(text))),
        ("removeprefix", [prefix]) => Some(Value::from(text.strip_prefix(prefix.as_str()?).unwrap_or(text))),
        ("removesuffix", [suffix]) => Some(Value::from(text.strip_suffix(suffix.as_str()?).unwrap_or(text))),
        _ => None,
    }
}

fn tuple(parts: [&str; 3]) -> Value {
    Value::from_object(Tuple::from(parts.map(Value::from)))
}

/// At most so many cuts, from the end.
fn rsplit(text: &str, separator: &str, most: usize) -> Option<Value> {
    if separator.is_empty() {
        return None;
    }
    let mut parts: Vec<&str> = text.rsplitn(most.saturating_add(1), separator).collect();
    parts.reverse();
    Some(Value::from_iter(parts))
}

/// Every letter that no other stands before in upper case, all others in lower case.
fn title(text: &str) -> String {
    let mut after_letter = false;
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match after_letter {
            true => out.extend(letter.to_lowercase()),
            false => out.extend(letter.to_uppercase()),
        }
        after_letter = letter.is_alphabetic();
    }
    out
}
