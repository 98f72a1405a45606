//! Data on stdout, everything else on stderr; one object per line with `--json`.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use regex::Regex;
use serde_json::{Map, Value};

use crate::model::without_logins;

/// An instant as the program itself writes it into sentences.
static UTC_TIME: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z";
    // The pattern is part of the program; every line of text goes through it.
    Regex::new(pattern).expect("a valid pattern")
});

/// How results are printed.
#[derive(Clone, Debug)]
pub struct Out {
    json: Option<Vec<String>>,
    is_plain: bool,
    zone: TimeZone,
    has_colour: bool,
}

impl Out {
    /// From the flags: `json` is the text behind `--json=`, empty for all fields.
    pub fn new(json: Option<&str>, is_plain: bool, is_utc: bool, colour: Colour) -> Self {
        let zone = if is_utc {
            TimeZone::UTC
        } else {
            // The registry's own zone; it is bundled, so looking it up cannot fail in practice.
            TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC)
        };
        Out {
            json: json.map(|fields| {
                let fields = fields.split(',').map(str::trim);
                fields
                    .filter(|field| !field.is_empty())
                    .map(str::to_owned)
                    .collect()
            }),
            is_plain,
            zone,
            has_colour: colour.is_on(),
        }
    }

    /// One object per line was asked for.
    pub fn is_json(&self) -> bool {
        self.json.is_some()
    }

    /// Prints an object as a line, with `"v":1` and only the fields asked for.
    pub fn object(&self, object: Value) -> io::Result<()> {
        let Value::Object(fields) = object else {
            return Ok(());
        };
        let mut line = Map::new();
        line.insert("v".to_owned(), 1.into());
        let wanted = self.json.as_deref().unwrap_or_default();
        line.extend(
            fields
                .into_iter()
                .filter(|(name, _)| wanted.is_empty() || wanted.contains(name)),
        );
        writeln!(io::stdout(), "{}", escape(&Value::Object(line).to_string()))
    }

    /// Prints a line of text for people.
    pub fn line(&self, text: impl AsRef<str>) -> io::Result<()> {
        writeln!(io::stdout(), "{}", clean(&self.with_times(text.as_ref())))
    }

    /// Prints a heading; words carry the meaning, colour only helps.
    pub fn heading(&self, text: &str) -> io::Result<()> {
        let text = clean(text);
        if self.has_colour {
            writeln!(io::stdout(), "\u{1b}[1m{text}\u{1b}[0m")
        } else {
            writeln!(io::stdout(), "{text}")
        }
    }

    /// Prints a table: aligned for people, tab-separated without a heading for `--plain`.
    pub fn table(&self, heading: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
        let clean_rows: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                row.iter()
                    .map(|cell| clean(&self.with_times(cell)))
                    .collect()
            })
            .collect();
        if self.is_plain {
            for row in &clean_rows {
                writeln!(io::stdout(), "{}", row.join("\t"))?;
            }
            return Ok(());
        }
        let width = |column: usize| {
            let cells = clean_rows.iter().filter_map(|row| row.get(column));
            let longest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
            longest.max(heading[column].chars().count())
        };
        let widths: Vec<usize> = (0..heading.len()).map(width).collect();
        let line = |cells: Vec<&str>| {
            let padded: Vec<String> = cells
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:<width$}"))
                .collect();
            padded.join("  ").trim_end().to_owned()
        };
        self.heading(&line(heading.to_vec()))?;
        for row in &clean_rows {
            writeln!(
                io::stdout(),
                "{}",
                line(row.iter().map(String::as_str).collect())
            )?;
        }
        Ok(())
    }

    /// Instants that stand in a sentence, shown as all others are.
    pub fn with_times<'a>(&self, text: &'a str) -> Cow<'a, str> {
        with_times(text, |at| self.time(at))
    }

    /// An instant for people: weekday and zone.
    pub fn time(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone())
            .strftime("%a %d %b %Y %H:%M %Z")
            .to_string()
    }

    /// An instant for a table whose heading names the zone.
    pub fn short_time(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone())
            .strftime("%a %d %b %Y %H:%M")
            .to_string()
    }

    /// An optional instant for people.
    pub fn optional_time(&self, at: Option<Timestamp>) -> String {
        at.map_or_else(|| "-".to_owned(), |at| self.time(at))
    }
}

/// Instants that stand in a sentence, written by `write`.
pub fn with_times(text: &str, write: impl Fn(Timestamp) -> String) -> Cow<'_, str> {
    UTC_TIME.replace_all(text, |found: &regex::Captures<'_>| {
        let written = &found[0];
        written.parse().map_or_else(|_| written.to_owned(), &write)
    })
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Colour {
    /// On a terminal, unless `NO_COLOR` or `TERM=dumb` says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Colour {
    fn is_on(self) -> bool {
        let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        match self {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => io::stdout().is_terminal() && !is_unwanted,
        }
    }
}

/// An instant in JSON: RFC 3339, UTC.
pub fn json_time(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, |at| at.to_string().into())
}

/// An object as [`Out::object`] prints it with all its fields, with its line end.
pub fn json_line(object: Value) -> String {
    let mut line = Map::new();
    line.insert("v".to_owned(), 1.into());
    if let Value::Object(fields) = object {
        line.extend(fields);
    }
    escape(&Value::Object(line).to_string()) + "\n"
}

/// A value over many lines, for people who open the file.
pub fn json_page(value: &Value) -> String {
    // Line ends and blanks between the values are no treacherous ones: only those are escaped that
    // stand inside strings.
    let lines = format!("{value:#}");
    let lines: Vec<String> = lines.lines().map(escape).collect();
    lines.join("\n") + "\n"
}

/// Characters that steer terminals or turn text around.
fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Text from outside, made safe for a terminal.
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if is_treacherous(c) { '\u{fffd}' } else { c })
        .collect()
}

/// A writer for the lines of the log: one record stays one line, whatever a value in it holds, and no
/// login of a URL gets into it.
#[derive(Clone, Debug)]
pub struct CleanLines<W> {
    /// Where the lines go.
    pub inner: W,
    /// The log colours its lines itself.
    pub has_colour: bool,
}

impl<W: Write> Write for CleanLines<W> {
    /// Takes a whole record; the log writes each with one call.
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let line = record.strip_suffix(b"\n").unwrap_or(record);
        let line = String::from_utf8_lossy(line);
        let line = without_logins(&line);
        let is_wanted = |c: char| !is_treacherous(c) || self.has_colour && c == '\u{1b}';
        let mut safe: String = line
            .chars()
            .map(|c| if is_wanted(c) { c } else { '\u{fffd}' })
            .collect();
        safe.push('\n');
        self.inner.write_all(safe.as_bytes())?;
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// JSON text with every treacherous character escaped; they stand inside strings only.
fn escape(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if is_treacherous(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_can_steer_a_terminal() {
        assert_eq!(
            clean("a\u{1b}[2Jb\u{9b}c\u{202e}d\r\n"),
            "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d\u{fffd}\u{fffd}"
        );
        let json = Value::from("\u{1b}\u{9b}\u{202e}ä").to_string();
        let safe = escape(&json);
        assert_eq!(safe, "\"\\u001b\\u009b\\u202eä\"");
        assert_eq!(
            serde_json::from_str::<Value>(&safe).unwrap(),
            serde_json::from_str::<Value>(&json).unwrap()
        );
    }

    #[test]
    fn a_record_of_the_log_is_one_clean_line() {
        let mut log = CleanLines {
            inner: Vec::new(),
            has_colour: false,
        };
        let record = "INFO kept queue_id=a\r\nERROR forged\u{1b}[2J\u{9b}1m\u{202e}\u{2028}ä\n";
        log.write_all(record.as_bytes()).unwrap();
        log.write_all(b"next\n").unwrap();
        let written = String::from_utf8(log.inner).unwrap();
        assert_eq!(written.lines().count(), 2);
        assert!(
            !written
                .trim_end()
                .replace('\n', "")
                .chars()
                .any(is_treacherous)
        );
        assert!(written.contains('ä'));
    }
}
