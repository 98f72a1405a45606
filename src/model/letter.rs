//! Characters that deceive the eye: nobody sees them, or nobody can tell them apart.

/// Is `c` a control character, or one that has no width, turns the reading direction or ends a line
/// in some readers only? Line ends and tabs are control characters too.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}'
            | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Is `c` a letter or digit of another script than Latin, or a Latin one in disguise (full width,
/// mathematical, circled)? Registry mail has none of them, but forgeries do.
pub fn is_foreign(c: char) -> bool {
    !is_latin(c) && (c.is_alphanumeric() || is_disguised(c))
}

/// Is `c` within the blocks that hold the letters of the languages of Europe in Latin script?
fn is_latin(c: char) -> bool {
    c <= '\u{24f}' || matches!(c, '\u{1e00}'..='\u{1eff}')
}

/// ASCII letters and digits in another dress: what NFKC folds to them.
pub fn is_disguised(c: char) -> bool {
    matches!(c, '\u{2070}'..='\u{209c}' | '\u{2100}'..='\u{218b}' | '\u{2460}'..='\u{24ff}'
        | '\u{fb00}'..='\u{fb06}' | '\u{ff01}'..='\u{ff5e}' | '\u{1d400}'..='\u{1d7ff}'
        | '\u{1f100}'..='\u{1f1ff}')
}

/// What is wrong with a line of text that a fact is read from, if anything: hidden characters within
/// it, disguised letters, foreign digits, or words of two scripts. Blanks of any kind, a byte order
/// mark at the very start and zero-width characters between words are no deceit; they are no part
/// of what is read.
pub fn deceit(text: &str) -> Option<(char, &'static str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text
        .bytes()
        .all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n'))
    {
        return None;
    }
    let mut word = Word::default();
    let mut letters = text.chars().peekable();
    let mut is_after_blank = true;
    while let Some(c) = letters.next() {
        let is_blank = c.is_whitespace() && !is_hidden(c) || matches!(c, '\t' | '\r' | '\n');
        if is_blank {
            word = Word::default();
            is_after_blank = true;
            continue;
        }
        if is_zero_width(c) {
            let is_before_blank = letters.peek().is_none_or(|next| next.is_whitespace());
            if !is_after_blank && !is_before_blank {
                return Some((c, "within a word"));
            }
            continue;
        }
        is_after_blank = false;
        if is_hidden(c) {
            return Some((c, "that nobody sees"));
        }
        if is_disguised(c) || is_foreign(c) && c.is_numeric() {
            return Some((c, "that looks like another"));
        }
        if !c.is_alphanumeric() {
            // A mark that is written above a letter does not end the word; punctuation does.
            if c.is_ascii() {
                word = Word::default();
            }
            continue;
        }
        if is_foreign(c) {
            word.is_foreign = true;
        } else if c.is_alphabetic() {
            word.is_latin = true;
        }
        if word.is_foreign && word.is_latin {
            return Some((c, "in a word of two scripts"));
        }
    }
    None
}

/// The scripts of the word so far.
#[derive(Default)]
struct Word {
    is_latin: bool,
    is_foreign: bool,
}

fn is_zero_width(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_no_deceit() {
        for text in [
            "",
            "\u{feff}HANDLE: dänic.de [xn--dnic-loa.de]\r\n",
            "u\u{308}ber straße\u{a0}– „Müller“ 5 €",
            "\u{200b}HANDLE: x \u{200b} y\u{200b}",
            "Ελληνικά текст 中文",
        ] {
            assert_eq!(deceit(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_deceives_the_eye_is_found() {
        for text in [
            "succ\u{200b}ess",
            "a\u{202e}b",
            "\u{2066}a",
            "a\u{ad}b",
            "a\0b",
            "\u{1b}[2J",
            "a\u{85}b",
            "a\u{2028}b",
            "d\u{435}nic.de",
            "\u{ff33}TATUS",
            "\u{1d7d0}026",
            "\u{662}026",
            "a\u{fe0f}b",
        ] {
            assert!(deceit(text).is_some(), "{text:?}");
        }
    }
}
