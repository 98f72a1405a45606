//! The two formats that the registry speaks (`denic.md` 4.1).

/// How requests and replies are written; a reply comes in the format of its request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `Keyword: value`, a line each.
    #[default]
    KeyValue,
    /// XML, version 5.0.
    Xml,
}

impl Format {
    /// The format of a text, by its first character.
    pub fn of(text: &str) -> Self {
        let text = text.trim_start_matches('\u{feff}').trim_start();
        match text.starts_with('<') {
            true => Format::Xml,
            false => Format::KeyValue,
        }
    }
}
