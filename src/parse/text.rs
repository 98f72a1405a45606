//! Text as the registry meant it: blanks, line ends and composed letters put in order.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::notes::Notes;
use crate::model::reason;

/// Text with LF line ends and plain blanks, without byte order mark and zero-width characters, in
/// NFC. Special blanks are mentioned once (W06).
pub(super) fn clean(text: &str, notes: &mut Notes) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut clean = String::with_capacity(text.len());
    let mut has_special = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\r' => {
                letters.next_if_eq(&'\n');
                clean.push('\n');
            }
            '\t' => clean.push(' '),
            '\u{a0}' | '\u{2007}' | '\u{202f}' => {
                has_special = true;
                clean.push(' ');
            }
            '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => has_special = true,
            other => clean.push(other),
        }
    }
    if has_special {
        notes.warn(
            reason::SPECIAL_BLANKS,
            "special blanks (such as U+00A0) were read as blanks",
        );
    }
    if is_nfc_quick(clean.chars()) == IsNormalized::Yes {
        return clean;
    }
    clean.nfc().collect()
}

/// The bytes as UTF-8, else as windows-1252 (W10): what a registry without a documented character
/// set can be expected to send (`denic.md` 2.4).
pub(super) fn decode<'a>(bytes: &'a [u8], notes: &mut Notes) -> Cow<'a, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            notes.warn(
                reason::CHARSET,
                "the text is not UTF-8; it was read as windows-1252",
            );
            // Every byte has a meaning in windows-1252, so this loses nothing.
            encoding_rs::WINDOWS_1252
                .decode_without_bom_handling(bytes)
                .0
        }
    }
}

/// One blank between words, none around them.
pub(super) fn collapse(text: &str) -> String {
    let mut collapsed = String::with_capacity(text.len());
    for word in text.split_ascii_whitespace() {
        if !collapsed.is_empty() {
            collapsed.push(' ');
        }
        collapsed.push_str(word);
    }
    collapsed
}

/// A piece of a foreign text, short enough for a sentence.
pub(super) fn quote(text: &str) -> String {
    const SHOWN: usize = 80;
    let mut shown: String = text
        .chars()
        .take(SHOWN)
        .map(|letter| {
            if letter.is_control() {
                '\u{fffd}'
            } else {
                letter
            }
        })
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// Does the text seem to name a verification deadline? Errs on the side of yes: it decides how
/// loud the alarm is, never what is stored.
pub(super) fn names_deadline(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let has = |word: &str| text.contains(word);
    has("dedelegation")
        || has("16350000040")
        || has("verificationclaims")
        || has("verificationdeadline")
        || has("avoid deletion")
        || (has("deletion") && (has("verification") || has("deadline")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_line_ends_and_letters_are_put_in_order() {
        let mut notes = Notes::default();
        let text = "\u{feff}a\u{a0}b\r\nc\td\re\u{200b}f u\u{308}";
        assert_eq!(clean(text, &mut notes), "a b\nc d\nef \u{fc}");
        assert_eq!(notes.finish().1.len(), 1);
    }

    #[test]
    fn a_byte_order_mark_alone_is_no_oddity() {
        let mut notes = Notes::default();
        assert_eq!(clean("\u{feff}a\r\n", &mut notes), "a\n");
        assert!(notes.finish().1.is_empty());
    }
}
