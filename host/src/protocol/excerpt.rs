//! What others wrote, fit to be shown to a person.

/// A text in one line and no longer than so many letters, with escapes for what a terminal would act on.
pub fn excerpt(text: &str, most: usize) -> String {
    let mut shown = String::new();
    for (count, letter) in text.chars().enumerate() {
        if count == most {
            shown.push('…');
            break;
        }
        if is_acted_on(letter) { shown.extend(letter.escape_default()) } else { shown.push(letter) }
    }
    shown
}

/// A message, or what was to be one, as it is quoted in a line: its beginning.
pub fn quote(text: &str) -> String {
    excerpt(text, 200)
}

/// Controls, and the marks that end lines or turn the direction of writing.
fn is_acted_on(letter: char) -> bool {
    let is_mark =
        matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    letter.is_control() || is_mark
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn what_is_shown_is_short_and_changes_no_terminal() {
        assert_eq!(excerpt("café\n\u{1b}[2J\u{202e}", 99), r"café\n\u{1b}[2J\u{202e}");
        assert_eq!(excerpt("ééé", 2), "éé…");
        assert_eq!(excerpt("éé", 2), "éé");
    }
}
