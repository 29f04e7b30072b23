//! The text around a difference.

/// Characters before the first that is different.
const BEFORE: usize = 24;

/// Characters from there on.
const AFTER: usize = 48;

/// The text around the first difference of two texts, in each of them. Both are short.
pub fn around(before: &str, now: &str) -> (String, String) {
    let same = before.chars().zip(now.chars()).take_while(|(before, now)| before == now).count();
    (window(before, same), window(now, same))
}

/// The text around a character.
fn window(text: &str, at: usize) -> String {
    let start = at.saturating_sub(BEFORE);
    let mut characters = text.chars().skip(start);
    let mut window = String::from(if start > 0 { "…" } else { "" });
    window.extend(characters.by_ref().take(at - start + AFTER));
    if characters.next().is_some() {
        window.push('…');
    }
    window
}

/// Whether two texts are the same but for white space.
pub fn differ_in_space_only(before: &str, now: &str) -> bool {
    let characters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    before != now && characters(before) == characters(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_shows_where_texts_part_and_stays_short() {
        let text = |word: &str| format!("{}the date is {word}, so{}", "x".repeat(500), " y".repeat(500));
        let (before, now) = around(&text("Monday"), &text("Tuesday"));
        assert!(before.starts_with('…') && before.contains("the date is Monday"), "{before}");
        assert!(now.contains("the date is Tuesday") && now.ends_with('…'), "{now}");
        assert!(before.chars().count() <= BEFORE + AFTER + 2);
    }

    #[test]
    fn an_excerpt_cuts_between_characters() {
        let (before, now) = around(&"日".repeat(100), &format!("{}本", "日".repeat(100)));
        assert_eq!(before, format!("…{}", "日".repeat(BEFORE)));
        assert_eq!(now, format!("…{}本", "日".repeat(BEFORE)));
    }

    #[test]
    fn white_space_is_told_from_words() {
        assert!(differ_in_space_only("a b", "a  b\n"));
        assert!(!differ_in_space_only("a b", "a c") && !differ_in_space_only("a", "a"));
    }
}
