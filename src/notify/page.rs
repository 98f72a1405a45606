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

/// Columns that fit beside each other on a telephone.
const COLUMNS_MAX: usize = 2;

/// Between two columns of a text.
const GAP: &str = "  ";

/// Before the facts of a domain where they do not fit on one line.
const INDENT: &str = "    ";

/// Heads and rows, all of the same length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Table {
    /// Characters of each column.
    fn widths(&self) -> Vec<usize> {
        let lines = || std::iter::once(&self.head).chain(&self.rows);
        let widest = |column: usize| {
            let cells = lines().filter_map(|line| line.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        (0..self.head.len()).map(widest).collect()
    }

    /// Too wide for a line of text, or for a telephone: its cells then stand below each other, each
    /// with the head of its column before it.
    fn is_wide(&self) -> bool {
        let widths = self.widths();
        if widths.len() > COLUMNS_MAX {
            return true;
        }
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        widths.iter().sum::<usize>() + gaps > LINE_CHARS_MAX
    }
}

/// A mail in one language.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) language: Language,
    paragraphs: Vec<Paragraph>,
}

#[derive(Clone, Debug)]
enum Paragraph {
    /// The first words of a letter, "Guten Tag …": where programs that read aloud jump to.
    Greeting(Vec<Span>),
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
    /// `mark` comes before the letter.
    pub(super) fn read(
        language: Language,
        mark: Option<&str>,
        body: &str,
        table: Option<&Table>,
    ) -> Self {
        let mut paragraphs = read_paragraphs(mark.unwrap_or_default(), table);
        let mut letter = read_paragraphs(body, table);
        if let Some(Paragraph::Words(spans)) = letter.first_mut() {
            letter[0] = Paragraph::Greeting(std::mem::take(spans));
        }
        paragraphs.append(&mut letter);
        Block {
            language,
            paragraphs,
        }
    }
}

fn read_paragraphs(text: &str, table: Option<&Table>) -> Vec<Paragraph> {
    let mut paragraphs = Vec::new();
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
    paragraphs
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
                Paragraph::Greeting(spans) | Paragraph::Words(spans) => {
                    let words: String = spans.iter().map(|span| span.text.as_str()).collect();
                    text.push_str(&wrap(&words, ""));
                }
                Paragraph::Table(table) if table.is_wide() => text.push_str(&stack(table)),
                Paragraph::Table(table) => text.push_str(&align(table)),
            }
            text.push('\n');
        }
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// Lines of bounded length, each with `indent` before it.
fn wrap(words: &str, indent: &str) -> String {
    let mut text = String::new();
    let mut width = 0;
    for word in words.split_whitespace() {
        let chars = word.chars().count();
        if width > 0 && width + 1 + chars > LINE_CHARS_MAX {
            text.push('\n');
            width = 0;
        }
        if width == 0 {
            text.push_str(indent);
            width = indent.len();
        } else {
            text.push(' ');
            width += 1;
        }
        text.push_str(word);
        width += chars;
    }
    text.push('\n');
    text
}

/// A table as columns, filled up with blanks.
fn align(table: &Table) -> String {
    let widths = table.widths();
    let mut text = String::new();
    for line in std::iter::once(&table.head).chain(&table.rows) {
        let cells: Vec<String> = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        text.push_str(cells.join(GAP).trim_end());
        text.push('\n');
    }
    text
}

/// A table as one entry a row: its first cell, and below it the others with their heads.
fn stack(table: &Table) -> String {
    let mut text = String::new();
    for row in &table.rows {
        let mut cells = row.iter().zip(&table.head);
        if let Some((first, _)) = cells.next() {
            text.push_str(&wrap(first, ""));
        }
        for (cell, head) in cells {
            text.push_str(&wrap(&format!("{}{cell}", label(head)), INDENT));
        }
    }
    text
}

/// What stands before a cell that has no column.
fn label(head: &str) -> String {
    format!("{head}: ")
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
    context! {
        lang => block.language.as_str(),
        paragraphs => block.paragraphs.iter().map(html_paragraph).collect::<Vec<Value>>(),
    }
}

fn html_paragraph(paragraph: &Paragraph) -> Value {
    match paragraph {
        Paragraph::Greeting(spans) => {
            context! { table => false, is_greeting => true, spans => html_spans(spans) }
        }
        Paragraph::Words(spans) => {
            context! { table => false, is_greeting => false, spans => html_spans(spans) }
        }
        Paragraph::Table(table) => {
            let is_wide = table.is_wide();
            let cell = |(text, head): (&String, &String)| {
                let label = if is_wide { label(head) } else { String::new() };
                context! { text => text.as_str(), label => label }
            };
            let row = |row: &Vec<String>| {
                let cells = row.iter().zip(&table.head).map(cell);
                cells.collect::<Vec<Value>>()
            };
            let rows: Vec<Vec<Value>> = table.rows.iter().map(row).collect();
            context! {
                table => context! { is_wide => is_wide, head => table.head.clone(), rows => rows },
            }
        }
    }
}

fn html_spans(spans: &[Span]) -> Vec<Value> {
    let span = |span: &Span| context! { text => span.text.as_str(), strong => span.is_strong };
    spans.iter().map(span).collect()
}
