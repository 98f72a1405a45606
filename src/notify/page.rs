//! One list of paragraphs, written twice: as text and as HTML. So both carry the same words.

use minijinja::{Value, context};

use super::clean;
use super::templates::{LAYOUT, TemplateError, Templates};
use crate::model::Language;

/// Stands in a filled-in text for the table of domains. Control characters cannot come from a
/// value (see [`clean`]), so no value can pretend to be one of these marks.
pub(super) const TABLE: char = '\u{1}';
pub(super) const STRONG_START: char = '\u{2}';
pub(super) const STRONG_END: char = '\u{3}';

/// Characters of a text line, where a word is not longer.
const LINE_CHARS_MAX: usize = 72;

/// Widest column that is filled up with blanks.
const COLUMN_CHARS_MAX: usize = 40;

/// Heads and rows, all of the same length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

/// A mail in one language.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) language: Language,
    paragraphs: Vec<Paragraph>,
}

#[derive(Clone, Debug)]
enum Paragraph {
    Words(Vec<Span>),
    Table(Table),
}

#[derive(Clone, Debug)]
struct Span {
    text: String,
    is_strong: bool,
}

impl Block {
    /// Reads filled-in texts: paragraphs stand between empty lines, `table` goes where its mark is.
    pub(super) fn read(language: Language, texts: &[String], table: Option<&Table>) -> Self {
        let mut paragraphs = Vec::new();
        for text in texts {
            let mut lines: Vec<&str> = Vec::new();
            // The empty line at the end closes the last paragraph.
            for line in text.lines().chain([""]) {
                if !line.trim().is_empty() {
                    lines.push(line);
                } else if !lines.is_empty() {
                    paragraphs.extend(read_paragraph(&lines.join(" "), table));
                    lines.clear();
                }
            }
        }
        Block {
            language,
            paragraphs,
        }
    }
}

fn read_paragraph(text: &str, table: Option<&Table>) -> Vec<Paragraph> {
    let mut found = Vec::new();
    for (index, part) in text.split(TABLE).enumerate() {
        if index > 0 {
            found.extend(table.cloned().map(Paragraph::Table));
        }
        let spans = read_spans(part);
        if !spans.is_empty() {
            found.push(Paragraph::Words(spans));
        }
    }
    found
}

fn read_spans(text: &str) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut is_strong = false;
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for piece in words.split_inclusive([STRONG_START, STRONG_END]) {
        let plain = piece.trim_end_matches([STRONG_START, STRONG_END]);
        // A blank at the edge of a span stays: it parts the words of two spans.
        let text: String = plain.chars().filter(|c| !c.is_control()).collect();
        if !text.is_empty() {
            spans.push(Span { text, is_strong });
        }
        is_strong = piece.ends_with(STRONG_START);
    }
    spans
}

/// A filled-in subject as one line.
pub(super) fn subject(text: &str) -> String {
    clean::line(&text.replace([TABLE, STRONG_START, STRONG_END], ""))
}

/// Plain text, lines ended by LF, the second language below a rule.
pub(super) fn to_text(blocks: &[Block]) -> String {
    let mut text = String::new();
    for (index, block) in blocks.iter().enumerate() {
        if index > 0 {
            text.push_str(&"-".repeat(LINE_CHARS_MAX));
            text.push_str("\n\n");
        }
        for paragraph in &block.paragraphs {
            match paragraph {
                Paragraph::Words(spans) => {
                    let words: String = spans.iter().map(|span| span.text.as_str()).collect();
                    text.push_str(&wrap(&words));
                }
                Paragraph::Table(table) => text.push_str(&align(table)),
            }
            text.push('\n');
        }
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn wrap(words: &str) -> String {
    let mut text = String::new();
    let mut width = 0;
    for word in words.split_whitespace() {
        let chars = word.chars().count();
        if width > 0 && width + 1 + chars > LINE_CHARS_MAX {
            text.push('\n');
            width = 0;
        } else if width > 0 {
            text.push(' ');
            width += 1;
        }
        text.push_str(word);
        width += chars;
    }
    text.push('\n');
    text
}

fn align(table: &Table) -> String {
    let lines: Vec<&Vec<String>> = std::iter::once(&table.head).chain(&table.rows).collect();
    let widths: Vec<usize> = (0..table.head.len())
        .map(|column| {
            let cells = lines.iter().filter_map(|line| line.get(column));
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
                .min(COLUMN_CHARS_MAX)
        })
        .collect();
    let mut text = String::new();
    for line in lines {
        let cells: Vec<String> = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A whole HTML page; every value is escaped by the template engine.
pub(super) fn to_html(
    blocks: &[Block],
    title: &str,
    templates: &Templates,
) -> Result<String, TemplateError> {
    let page = context! {
        lang => blocks.first().map_or("de", |block| block.language.as_str()),
        title => title,
        blocks => blocks.iter().map(html_block).collect::<Vec<Value>>(),
    };
    templates.fill(LAYOUT, &page)
}

/// The paragraphs for a page.
pub(super) fn html_block(block: &Block) -> Value {
    let paragraph = |paragraph: &Paragraph| match paragraph {
        Paragraph::Words(spans) => context! {
            table => false,
            spans => spans
                .iter()
                .map(|span| context! { text => span.text.as_str(), strong => span.is_strong })
                .collect::<Vec<Value>>(),
        },
        Paragraph::Table(table) => context! {
            table => context! { head => table.head.clone(), rows => table.rows.clone() },
        },
    };
    context! {
        lang => block.language.as_str(),
        paragraphs => block.paragraphs.iter().map(paragraph).collect::<Vec<Value>>(),
    }
}
