//! What the demo prints: plain text for a terminal of 100 columns.

use std::io;

use jiff::Timestamp;

use super::super::Out;

/// Columns.
const WIDTH: usize = 100;

/// Where the text of a labelled line begins.
const TEXT_AT: usize = 12;

/// The output of the demo.
pub struct Page<'a>(pub &'a Out);

impl Page<'_> {
    /// A paragraph.
    pub fn say(&self, text: &str) -> io::Result<()> {
        wrapped(text, WIDTH)
            .into_iter()
            .try_for_each(|line| self.0.line(line))
    }

    /// A new chapter.
    pub fn chapter(&self, title: &str) -> io::Result<()> {
        self.0.line("")?;
        let title = format!("== {title} ");
        self.0.heading(&format!("{title:=<WIDTH$}"))?;
        Ok(())
    }

    /// A step: its number, the demo's time, and what it shows.
    pub fn step(&self, number: usize, at: Timestamp, title: &str) -> io::Result<()> {
        self.0.line("")?;
        let head = format!("[{number}] {}", self.0.time(at));
        self.0.heading(&head)?;
        wrapped(title, WIDTH - 4)
            .into_iter()
            .try_for_each(|line| self.0.line(format!("    {line}")))
    }

    /// A line with a label in front; what does not fit goes on below.
    pub fn labelled(&self, label: &str, text: &str) -> io::Result<()> {
        let text = self.0.with_times(text);
        for (number, line) in wrapped(&text, WIDTH - TEXT_AT).into_iter().enumerate() {
            let label = if number == 0 { label } else { "" };
            self.0.line(format!("  {label:<10}{line}"))?;
        }
        Ok(())
    }

    /// A reminder that left between two steps.
    pub fn reminder(&self, at: Timestamp, text: &str, subject: &str) -> io::Result<()> {
        self.0.line("")?;
        self.0.line(format!("     {}", self.0.time(at)))?;
        self.labelled("reminder", text)?;
        self.labelled("", &format!("\"{subject}\""))
    }

    /// One of several things under a label.
    pub fn item(&self, text: &str) -> io::Result<()> {
        // In the form they are printed in, which is longer.
        let text = self.0.with_times(text);
        for (number, line) in wrapped(&text, WIDTH - TEXT_AT - 2).into_iter().enumerate() {
            let mark = if number == 0 { "-" } else { " " };
            self.0.line(format!("{:TEXT_AT$}{mark} {line}", ""))?;
        }
        Ok(())
    }

    /// The text of a mail, marked at its left edge.
    pub fn quoted(&self, text: &str) -> io::Result<()> {
        for line in text.trim_end().lines() {
            let lines = wrapped(line, WIDTH - TEXT_AT - 2);
            if lines.is_empty() {
                self.0.line(format!("{:TEXT_AT$}|", ""))?;
            }
            for line in lines {
                self.0.line(format!("{:TEXT_AT$}| {line}", ""))?;
            }
        }
        Ok(())
    }

    /// The first line behind the greeting of a notice.
    pub fn excerpt(&self, text: &str) -> io::Result<()> {
        let text = text.replace('\r', "");
        let is_greeting = |paragraph: &&str| {
            let start = paragraph.trim_start();
            start.starts_with("Guten Tag") || start.starts_with("Hello")
        };
        let mut behind = text
            .split("\n\n")
            .skip_while(|paragraph| !is_greeting(paragraph));
        let paragraph = behind.nth(1).unwrap_or_default();
        match wrapped(paragraph, WIDTH - TEXT_AT - 6).into_iter().next() {
            Some(line) => self.0.line(format!("{:TEXT_AT$}| {line} …", "")),
            None => Ok(()),
        }
    }
}

/// Breaks text at blanks. A longer word stays whole, so that it can be copied.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        match lines.last_mut() {
            Some(line) if used + 1 + length <= width => {
                line.push(' ');
                line.push_str(word);
                used += 1 + length;
            }
            _ => {
                lines.push(word.to_owned());
                used = length;
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_at_blanks_and_long_words_stay_whole() {
        assert_eq!(wrapped("ää bb  cc\ndd", 5), ["ää bb", "cc dd"]);
        assert_eq!(
            wrapped("a /very/long/path b", 5),
            ["a", "/very/long/path", "b"]
        );
        assert!(wrapped(" \n", 5).is_empty());
    }
}
