//! Reads a finished page again, tag by tag, without knowing how it was made.

/// Elements that have no end.
const VOID: [&str; 6] = ["meta", "hr", "br", "img", "input", "link"];

/// What a page in a mail must do without: whatever loads, runs or asks.
const FORBIDDEN: [&str; 10] = [
    "a", "img", "script", "link", "iframe", "form", "input", "button", "object", "svg",
];

/// One tag, or the text between two.
enum Piece<'p> {
    Open { name: &'p str, rest: &'p str },
    Close(&'p str),
    Text(&'p str),
}

/// Splits a page into tags and text; `Err` names what is no tag.
fn pieces(page: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut found = Vec::new();
    let mut left = page;
    while let Some(start) = left.find('<') {
        found.push(Piece::Text(&left[..start]));
        let (tag, after) = left[start + 1..]
            .split_once('>')
            .ok_or_else(|| "a tag has no end".to_owned())?;
        left = after;
        if tag.starts_with('!') {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            found.push(Piece::Close(name.trim()));
            continue;
        }
        let end = tag
            .find(|c: char| c.is_ascii_whitespace())
            .unwrap_or(tag.len());
        let (name, rest) = tag.split_at(end);
        if !name.chars().all(|c| c.is_ascii_alphanumeric()) || name.is_empty() {
            return Err(format!("`<{tag}>` is no tag"));
        }
        found.push(Piece::Open { name, rest });
        // Style sheets are not text.
        if name == "style" {
            left = left.find("</style>").map_or(left, |end| &left[end..]);
        }
    }
    found.push(Piece::Text(left));
    Ok(found)
}

/// What is wrong with the form of a page: it must be well-formed, name its languages, load nothing,
/// and be readable by programs that read aloud.
pub(super) fn faults(page: &str, languages: &[&str]) -> Vec<String> {
    let mut faults = Vec::new();
    if !page.starts_with("<!DOCTYPE html>") {
        faults.push("does not begin with <!DOCTYPE html>".to_owned());
    }
    let pieces = match pieces(page) {
        Ok(pieces) => pieces,
        Err(why) => {
            faults.push(why);
            return faults;
        }
    };
    let mut open: Vec<&str> = Vec::new();
    let mut named = Vec::new();
    let mut count = std::collections::BTreeMap::new();
    let mut title = String::new();
    // Of the tables around: is it for the layout only?
    let mut tables: Vec<bool> = Vec::new();
    for piece in &pieces {
        match piece {
            Piece::Open { name, rest } => {
                *count.entry(*name).or_insert(0) += 1;
                if FORBIDDEN.contains(name) || rest.contains("href") || rest.contains("src=") {
                    faults.push(format!(
                        "has <{name}{rest}>, and a mail loads and links nothing"
                    ));
                }
                match *name {
                    "html" | "div" => named.extend(attribute(rest, "lang")),
                    "table" => {
                        tables.push(attribute(rest, "role") == Some("presentation"));
                    }
                    "th" if attribute(rest, "scope").is_none() => {
                        faults.push("has a <th> without scope".to_owned());
                    }
                    "th" if tables.last() == Some(&true) => {
                        faults.push("has a <th> in a table for layout".to_owned());
                    }
                    _ => {}
                }
                if !VOID.contains(name) {
                    open.push(name);
                }
            }
            Piece::Close(name) => {
                if open.pop() != Some(*name) {
                    faults.push(format!("</{name}> ends what did not begin"));
                }
                if *name == "table" {
                    tables.pop();
                }
            }
            Piece::Text(text) if open.last() == Some(&"title") => title.push_str(text),
            Piece::Text(_) => {}
        }
    }
    if let Some(name) = open.last() {
        faults.push(format!("<{name}> has no end"));
    }
    if title.trim().is_empty() {
        faults.push("has no title".to_owned());
    }
    for name in ["html", "main", "h1"] {
        if count.get(name) != Some(&1) {
            faults.push(format!("needs one <{name}>, no more and no less"));
        }
    }
    let first = languages.iter().take(1);
    if !named.iter().eq(first.chain(languages)) {
        faults.push(format!(
            "names the languages {named:?} instead of {languages:?}"
        ));
    }
    faults
}

fn attribute<'t>(rest: &'t str, name: &str) -> Option<&'t str> {
    let (_, value) = rest.split_once(&format!(" {name}=\""))?;
    value.split_once('"').map(|(value, _)| value)
}

/// The words a person reads on a narrow screen, in order.
pub(super) fn words(page: &str) -> Vec<String> {
    let Ok(pieces) = pieces(page) else {
        return Vec::new();
    };
    let mut seen = String::new();
    let (mut is_body, mut is_head_hidden, mut is_hidden) = (false, false, false);
    for piece in pieces {
        match piece {
            Piece::Open { name, rest } => {
                is_body |= name == "body";
                if name == "table" {
                    // There each cell is labelled, so the row of heads is not shown.
                    is_head_hidden =
                        attribute(rest, "class").is_some_and(|class| class.contains("stacks"));
                }
                is_hidden |= name == "thead" && is_head_hidden;
                if !matches!(name, "strong" | "span") {
                    seen.push(' ');
                }
            }
            Piece::Close(name) => {
                is_hidden &= name != "thead";
                if !matches!(name, "strong" | "span") {
                    seen.push(' ');
                }
            }
            Piece::Text(text) if is_body && !is_hidden => seen.push_str(&decode(text)),
            Piece::Text(_) => {}
        }
    }
    seen.split_whitespace().map(str::to_owned).collect()
}

fn decode(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#x27;", "'")
        .replace("&#x2f;", "/")
        .replace("&amp;", "&")
}
