//! The authenticity check: did we send a mail or write a letter with this code? (`product.md`, chapter 5, `/check`)

use jiff::Timestamp;

use super::{Settings, dates, text};
use crate::model::{Environment, Language, Notice};

/// Letters that no code of ours holds, because they look like others, and which may be meant.
const ALIKE: [(&str, &str); 2] = [("0O", "0OQD"), ("1I", "1IL")];

/// Letters of a code, half of them on each side of the dash.
const CODE_LETTERS: usize = 8;

/// More readings than this are not tried.
const READINGS_MAX: usize = 64;

/// What is said of a notice to whoever has its code; nothing of it is personal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// When it was sent, or the letter written.
    pub sent_at: Timestamp,
    /// It never was a mail: a letter carries its code.
    pub is_letter: bool,
    /// What the first domain starts with.
    pub starts_with: char,
    /// By when we asked for an answer, if we did.
    pub reply_by: Option<Timestamp>,
    /// It concerns the registry's test system.
    pub is_test: bool,
}

/// The codes somebody may mean: as typed, in capitals, with the dash where it belongs, and with
/// letters that look alike taken for each other. The likeliest comes first.
pub fn readings(typed: &str) -> Vec<String> {
    let letters = typed.chars().filter(|c| c.is_alphanumeric());
    let plain: Vec<char> = letters.flat_map(char::to_uppercase).collect();
    if plain.len() != CODE_LETTERS {
        return vec![plain.into_iter().collect()];
    }
    let mut found = vec![String::new()];
    for (at, letter) in plain.iter().enumerate() {
        let alike = ALIKE.iter().find(|(typed, _)| typed.contains(*letter));
        let others = alike.map_or("", |(_, meant)| meant).chars();
        let others = others.filter(|other| other != letter);
        let meant: Vec<char> = std::iter::once(*letter).chain(others).collect();
        let dash = if at == CODE_LETTERS / 2 { "-" } else { "" };
        found = meant
            .iter()
            .flat_map(|letter| {
                found
                    .iter()
                    .map(move |start| format!("{start}{dash}{letter}"))
            })
            .take(READINGS_MAX)
            .collect();
    }
    found
}

/// What can be said of a notice; `None` where it never left us. `letter_at`: when a letter with its
/// code was written, if one was.
pub fn answer(
    notice: &Notice,
    letter_at: Option<Timestamp>,
    settings: &Settings,
) -> Option<Answer> {
    Some(Answer {
        sent_at: notice.sent_at.or(letter_at)?,
        is_letter: notice.sent_at.is_none(),
        starts_with: notice.items.first()?.domain.unicode().chars().next()?,
        reply_by: text::reply_by(notice, settings),
        is_test: notice.environment == Environment::Test,
    })
}

/// The answer as a sentence; dates in Europe/Berlin, with their year where it is not that of `now`.
pub fn say(answer: Option<&Answer>, now: Timestamp, language: Language) -> String {
    let Some(answer) = answer else {
        return match language {
            Language::De => "Das haben wir nicht gesendet. Bitte leiten Sie es an uns weiter.",
            Language::En => "We did not send this. Please forward it to us.",
        }
        .to_owned();
    };
    let zone = dates::berlin();
    let year = |at| zone.to_datetime(at).year();
    let date = |at: Timestamp| {
        let date = dates::short(at, &zone, language);
        if year(at) == year(now) {
            date
        } else {
            format!("{date} {}", year(at))
        }
    };
    let (sent, letter) = (date(answer.sent_at), answer.starts_with);
    let mut said = match language {
        Language::De => {
            let done = if answer.is_letter {
                format!("diesen Brief haben wir am {sent} geschrieben")
            } else {
                format!("das haben wir am {sent} gesendet")
            };
            format!("Ja, {done}, zu einer Domain, die mit {letter}… beginnt")
        }
        Language::En => {
            let done = if answer.is_letter {
                format!("we wrote this letter on {sent}")
            } else {
                format!("we sent this on {sent}")
            };
            format!("Yes, {done} about a domain starting with {letter}…")
        }
    };
    if let Some(reply_by) = answer.reply_by.map(date) {
        said.push_str(&match language {
            Language::De => format!(", Antwort bis {reply_by}"),
            Language::En => format!(", reply by {reply_by}"),
        });
    }
    said.push('.');
    if answer.is_test {
        said.push_str(match language {
            Language::De => " Es betrifft nur das Testsystem der Registrierungsstelle.",
            Language::En => " It concerns only the test system of the registry.",
        });
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_understood_however_it_is_typed() {
        for typed in [
            "K7QF-2M9X",
            "k7qf2m9x",
            " K7 QF – 2m 9X ",
            "k7qf.2m9x",
            "K7OF-2M9X",
            "k70f2m9x",
        ] {
            let meant = readings(typed);
            assert!(
                meant.contains(&"K7QF-2M9X".to_owned()),
                "{typed}: {meant:?}"
            );
        }
        assert_eq!(readings("abcd-efgh")[0], "ABCD-EFGH");
        assert!(readings("1BCD-EFG0").contains(&"LBCD-EFGD".to_owned()));
        assert_eq!(
            readings("IBCD-EFGH"),
            ["IBCD-EFGH", "1BCD-EFGH", "LBCD-EFGH"]
        );
    }

    #[test]
    fn what_is_no_code_has_few_readings() {
        assert_eq!(readings(""), [""]);
        assert_eq!(readings("?!"), [""]);
        for typed in [
            "00000000",
            "OOOO1111",
            "OOOO-1111-IIII",
            &"0".repeat(100_000),
        ] {
            assert!(readings(typed).len() <= READINGS_MAX);
        }
        assert_eq!(readings("00000000")[0], "0000-0000");
    }
}
