//! `StatusEvent`: the same event that mail and poll tell of.

use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use super::super::notes::Notes;
use super::super::reseller::{Told, is_class};
use super::asked::Asked;
use super::property::{Properties, refused};
use crate::model::{Facts, Reason, reason};

/// The facts of an event, and when it was.
pub(super) fn read(
    shown: &mut Properties<'_>,
    asked: &Asked,
    notes: &mut Notes,
) -> Result<(Facts, Option<Timestamp>), Reason> {
    let told = Told {
        class: word(shown, "class")?,
        subclass: word(shown, "subclass")?,
        object: shown.one("objectid")?,
        index: asked.value("event").map(str::to_owned),
        data: data(shown, notes),
        info: info(shown),
    };
    let facts = told.facts(notes)?;
    let at = shown.at("date", reason::NOT_UNDERSTOOD)?;
    Ok((facts, at))
}

fn word(shown: &mut Properties<'_>, name: &str) -> Result<String, Reason> {
    let word = shown
        .one(name)?
        .ok_or_else(|| refused(name, "it is missing or empty"))?;
    match is_class(&word) {
        true => Ok(word),
        false => Err(refused(name, "it is not a word in capitals")),
    }
}

/// `data[n]` is `key:value`; keys have blanks, and may repeat.
fn data(shown: &mut Properties<'_>, notes: &mut Notes) -> Vec<(String, String)> {
    let mut data = Vec::new();
    for line in shown.all("data") {
        match line.split_once(':') {
            Some((key, value)) => data.push((key.trim().to_owned(), value.trim().to_owned())),
            None => {
                notes.warn(reason::UNKNOWN_FIELD, "data without a key");
                data.push((String::new(), line.clone()));
            }
        }
    }
    data
}

/// `info` is percent-encoded.
fn info(shown: &mut Properties<'_>) -> Vec<String> {
    let decode = |text: &String| percent_decode_str(text).decode_utf8_lossy().into_owned();
    shown.all("info").iter().map(decode).collect()
}
