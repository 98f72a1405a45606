//! Addresses of pages: what is shown stands in them.

use std::str::FromStr;

use url::form_urlencoded;

use super::{Fault, Fields};

/// An address with its query; what is empty is left out.
pub fn address(path: &str, query: &[(&str, &str)]) -> String {
    let mut pairs = form_urlencoded::Serializer::new(String::new());
    for (name, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
        pairs.append_pair(name, value);
    }
    match pairs.finish().as_str() {
        "" => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

impl Fields {
    /// The value of that name, read; none where it is empty.
    pub fn read<T: FromStr<Err: std::fmt::Display>>(&self, name: &str) -> Result<Option<T>, Fault> {
        match self.get(name) {
            "" => Ok(None),
            text => (text.parse().map(Some)).map_err(|why| Fault::Wrong(format!("{name}: {why}"))),
        }
    }

    /// The same for what must be there.
    pub fn needed<T: FromStr<Err: std::fmt::Display>>(&self, name: &str) -> Result<T, Fault> {
        let found = self.read(name)?;
        found.ok_or_else(|| Fault::Wrong(format!("{name}: it is empty, expected a value")))
    }

    /// The word of that name, known to `from_word`; none where it is empty.
    pub fn word<T>(
        &self,
        name: &str,
        from_word: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        match self.get(name) {
            "" => Ok(None),
            word => match from_word(word) {
                Some(known) => Ok(Some(known)),
                None => Err(Fault::Wrong(format!("{name}: `{word}` is not known"))),
            },
        }
    }

    /// The text of that name; none where it is empty.
    pub fn text(&self, name: &str) -> Option<String> {
        Some(self.get(name).to_owned()).filter(|text| !text.is_empty())
    }
}

/// What a path names, such as `V-81`; where it cannot be one, there is no such page.
pub fn named<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Fault> {
    text.parse()
        .map_err(|why| Fault::Missing(format!("{text}: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_is_left_out_of_an_address() {
        assert_eq!(address("/cases", &[("state", ""), ("after", "")]), "/cases");
        let full = address("/domains", &[("text", "dä&b"), ("env", "live")]);
        assert_eq!(full, "/domains?text=d%C3%A4%26b&env=live");
    }
}
