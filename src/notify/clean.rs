//! Makes values safe to put into a line: whatever the registry, an import or a template gave.

/// Characters kept of one value; more is cut off with an ellipsis.
const VALUE_CHARS_MAX: usize = 200;

/// One line without control characters, marks that turn the reading direction or hide text, and
/// without double, leading or trailing blanks.
pub(super) fn line(text: &str) -> String {
    let visible: String = text
        .chars()
        .filter(|c| c.is_whitespace() || c.is_control() || !is_invisible(*c))
        .map(|c| {
            if c.is_whitespace() || c.is_control() {
                ' '
            } else {
                c
            }
        })
        .collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A [`line`] of bounded length.
pub(super) fn value(text: &str) -> String {
    let whole = line(text);
    match whole.char_indices().nth(VALUE_CHARS_MAX) {
        None => whole,
        Some((end, _)) => format!("{}…", whole[..end].trim_end()),
    }
}

/// Marks that are not seen but change what is: direction marks and overrides, zero-width blanks,
/// annotations, tags. The joiners U+200C and U+200D stay, some scripts need them in names.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_breaks_or_turns_a_line_is_left() {
        assert_eq!(line("a\r\nBcc: b\u{85}c\u{2028}d"), "a Bcc: b c d");
        assert_eq!(
            line("  \u{202e}ed.elpmaxe\u{202c}\u{200b} \0 x "),
            "ed.elpmaxe x"
        );
        assert_eq!(line("Zoë  Müller"), "Zoë Müller");
    }

    #[test]
    fn a_value_has_a_bounded_length() {
        assert_eq!(value(&"ä".repeat(200)), "ä".repeat(200));
        assert_eq!(value(&"ä".repeat(201)), format!("{}…", "ä".repeat(200)));
    }
}
