//! What a crawler sees of a page.

use std::collections::BTreeSet;

use regex::Regex;

/// A form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Form {
    pub is_post: bool,
    pub action: String,
    /// Names and values, the token aside.
    pub fields: Vec<(String, String)>,
}

/// Text as a browser reads it.
fn unescaped(text: &str) -> String {
    [
        ("&#x2f;", "/"),
        ("&#x27;", "'"),
        ("&quot;", "\""),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#x3d;", "="),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (written, meant)| {
        text.replace(written, meant)
    })
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let pattern = Regex::new(&format!(r#"\s{name}="([^"]*)""#)).unwrap();
    pattern.captures(tag).map(|found| unescaped(&found[1]))
}

/// Addresses of this site, without what stands behind `#`.
pub fn links(html: &str) -> BTreeSet<String> {
    let pattern = Regex::new(r#"\s(?:href|src|action|formaction)="([^"]*)""#).unwrap();
    pattern
        .captures_iter(html)
        .map(|found| unescaped(&found[1]))
        .map(|link| link.split('#').next().unwrap().to_owned())
        .filter(|link| link.starts_with('/') && !link.starts_with("//"))
        .collect()
}

/// The forms of a page at `path`.
pub fn forms(html: &str, path: &str) -> Vec<Form> {
    let form = Regex::new(r"(?s)<form([^>]*)>(.*?)</form>").unwrap();
    let field = Regex::new(r"(?s)<(?:input|select|textarea|button)\b[^>]*>").unwrap();
    form.captures_iter(html)
        .map(|found| {
            let fields = field.find_iter(&found[2]).filter_map(|tag| {
                let name = attribute(tag.as_str(), "name")?;
                let value = attribute(tag.as_str(), "value").unwrap_or_default();
                (name != "token").then_some((name, value))
            });
            let head = &found[1];
            Form {
                is_post: attribute(head, "method").is_some_and(|method| method == "post"),
                action: attribute(head, "action").unwrap_or_else(|| path.to_owned()),
                fields: fields.collect(),
            }
        })
        .collect()
}

/// The shape of an address: numbers and names that stand for one of many are left out.
pub fn shape(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let parts = path.split('/').map(|part| {
        let is_one_of_many = part.contains(|c: char| c.is_ascii_digit()) || part.contains(".de");
        if is_one_of_many { "*" } else { part }
    });
    let keys = query.split('&').map(|pair| pair.split('=').next().unwrap());
    format!(
        "{}?{}",
        parts.collect::<Vec<_>>().join("/"),
        keys.collect::<Vec<_>>().join("&")
    )
}
