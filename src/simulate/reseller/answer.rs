//! Commands as they arrive, and answers as they leave (`centralnic.md` 2, 3).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A command of `KEY=VALUE` lines.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `COMMAND`, in lower case.
    pub name: String,
    fields: BTreeMap<String, String>,
}

impl Asked {
    /// `None`: there is no `COMMAND`.
    pub fn read(block: &str) -> Option<Self> {
        let mut fields: BTreeMap<String, String> = block
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key.trim().to_lowercase(), value.trim().to_owned()))
            .collect();
        let name = fields.remove("command")?.to_lowercase();
        Some(Asked { name, fields })
    }

    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// Is a flag set?
    pub fn is(&self, name: &str) -> bool {
        self.field(name) == Some("1")
    }

    /// The values of a numbered field, in order of their numbers.
    pub fn numbered(&self, name: &str) -> Vec<&str> {
        (0..=12)
            .filter_map(|index| self.field(&format!("{name}{index}")))
            .collect()
    }

    /// All fields.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    code: u16,
    text: String,
    lines: String,
}

impl Answer {
    pub fn new(code: u16, text: &str) -> Self {
        Answer {
            code,
            text: text.to_owned(),
            lines: String::new(),
        }
    }

    pub fn done() -> Self {
        Answer::new(200, "Command completed successfully")
    }

    /// Behind the fixed text.
    pub fn saying(mut self, detail: &str) -> Self {
        self.text = format!("{}; {detail}", self.text);
        self
    }

    pub fn put(&mut self, name: &str, index: usize, value: &str) {
        // Writing into a string cannot fail.
        let _ = writeln!(self.lines, "property[{name}][{index}] = {value}");
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.put(name, 0, value);
        self
    }

    /// The text, LF at the ends of lines.
    pub fn write(&self) -> String {
        format!(
            "[RESPONSE]\ncode = {}\ndescription = {}\nruntime = 0.02\nqueuetime = 0\n{}EOF\n",
            self.code, self.text, self.lines
        )
    }

    /// Does it say that something was done?
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.code)
    }
}

/// `YYYY-MM-DD HH:MM:SS`, UTC.
pub fn instant(at: Timestamp) -> String {
    let at = at.to_zoned(TimeZone::UTC);
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// 0 or 1.
pub fn flag(is: bool) -> &'static str {
    if is { "1" } else { "0" }
}
