//! Lists and their pages (`centralnic.md` 3).

use super::answer::{Answer, Asked, instant};
use super::book::Book;
use super::event::Event;

/// Rows of a page where the command says nothing.
pub(super) const LIMIT: usize = 1000;

type Row = Vec<(&'static str, String)>;

impl Book {
    pub(super) fn query_domains(&self, asked: &Asked) -> Answer {
        let kind = asked.field("type").unwrap_or_default().to_uppercase();
        self.page(asked, self.domain_rows(&kind))
            .with("column", "domain")
    }

    pub(super) fn query_contacts(&self, asked: &Asked) -> Answer {
        let is_asked = |address: &str| {
            let known = self.addresses.get(address);
            known.is_some_and(|it| it.is_requested && !it.is_verified)
        };
        let rows = self.contacts.iter().filter_map(|(handle, contact)| {
            let address = contact.address();
            let known = self
                .addresses
                .get(&address)
                .filter(|_| is_asked(&address))?;
            let (first, _) = known.history.first()?;
            let (last, _) = known.history.last()?;
            let history: Vec<String> = known
                .history
                .iter()
                .map(|(at, way)| format!("{} [{way}];", instant(*at)))
                .collect();
            Some(vec![
                ("contact", handle.clone()),
                ("verification created date", instant(*first)),
                ("verification last requested", instant(*last)),
                ("verification history", history.join(" ")),
            ])
        });
        self.page(asked, rows.collect())
    }

    pub(super) fn query_events(&self, asked: &Asked) -> Answer {
        let is = |field: &str, value: &str| {
            let wanted = asked.field(field);
            wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(value))
        };
        let is_wanted = |event: &&Event| {
            (!event.is_deleted || asked.is("history"))
                && is("class", event.class)
                && is("subclass", event.subclass)
        };
        let row = |event: &Event| -> Row {
            vec![
                ("event", event.number.to_string()),
                ("eventclass", event.class.to_owned()),
                ("eventsubclass", event.subclass.to_owned()),
                ("event date", format!("{}.0", instant(event.at))),
                ("object id", event.object.clone()),
            ]
        };
        let rows = self.events().iter().filter(is_wanted).map(row);
        self.page(asked, rows.collect())
    }

    /// The page that the command asks for.
    fn page(&self, asked: &Asked, rows: Vec<Row>) -> Answer {
        let number = |field: &str| asked.field(field).and_then(|text| text.parse().ok());
        let first = number("first").unwrap_or(0);
        let limit = number("limit").unwrap_or(self.page_limit);
        let total = rows.len();
        let mut answer = Answer::done();
        let mut count = 0;
        for (index, row) in rows.iter().skip(first).take(limit).enumerate() {
            for (name, value) in row {
                answer.put(name, index, value);
            }
            count += 1;
        }
        answer.put("first", 0, &first.to_string());
        // An empty page has no last row.
        if count > 0 {
            answer.put("last", 0, &(first + count - 1).to_string());
        }
        answer
            .with("count", &count.to_string())
            .with("limit", &limit.to_string())
            .with("total", &total.to_string())
    }
}
