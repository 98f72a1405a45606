//! Notices to render, and readers for what was rendered.

use std::collections::BTreeSet;

use jiff::Timestamp;
use stichtag::model::{
    CaseId, Claim, CustomerId, Environment, Language, Notice, NoticeId, NoticeItem, NoticeKind,
    NoticeState,
};
use stichtag::notify::{Region, Rendered, Settings, Templates, render};

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn settings() -> Settings {
    Settings {
        from: "Muster Hosting Domains <domains@muster.example>".to_owned(),
        reply_to: "domains+{code}@muster.example".to_owned(),
        bounce_domain: "bounce.muster.example".to_owned(),
        bounce_key: None,
        portal_path: "Domains > Inhaberdaten".to_owned(),
        check_host: "check.muster.example".to_owned(),
        confirm_url: "https://check.muster.example".to_owned(),
        phone: "+49 69 1234567".to_owned(),
        company: "Muster Hosting GmbH\nMusterweg 1\n60311 Frankfurt".to_owned(),
        review_workdays: 2,
        region: Region::Hessen,
        calendar_attachment: true,
    }
}

/// Only what a mail cannot do without.
pub fn bare_settings() -> Settings {
    Settings {
        from: "domains@muster.example".to_owned(),
        reply_to: String::new(),
        bounce_domain: String::new(),
        bounce_key: None,
        portal_path: String::new(),
        check_host: String::new(),
        confirm_url: String::new(),
        phone: String::new(),
        company: String::new(),
        review_workdays: 0,
        region: Region::Nationwide,
        calendar_attachment: false,
    }
}

pub fn item(domain: &str, case: i64) -> NoticeItem {
    NoticeItem {
        case: Some(CaseId(case)),
        domain: domain.parse().unwrap(),
        unicode: domain.to_owned(),
        holders: ["DENIC-1000002-MaybeGoodGuy", "DENIC-1000002-GoodGuy"]
            .map(|handle| handle.parse().unwrap())
            .into(),
        claims: Some(BTreeSet::from([Claim::Address, Claim::Name])),
        dedelegation_at: Some(at("2025-06-06T13:51:08Z")),
        deletion_at: Some(at("2025-06-13T13:51:08Z")),
        suspension_at: None,
        is_confirmation: false,
        at: at("2025-06-01T13:51:08Z"),
        flag: false,
        sequence: 0,
        first_notice_at: None,
        direction: None,
        is_address_at_risk: false,
        announced: None,
    }
}

pub fn notice(kind: NoticeKind) -> Notice {
    let created_at = at("2025-06-01T13:51:12Z");
    let mut first = item("beispiel.de", 81);
    if kind == NoticeKind::EmailConfirmation {
        first.suspension_at = Some(at("2025-06-15T22:10:00Z"));
        first.is_confirmation = true;
    }
    first.first_notice_at = (kind == NoticeKind::Reminder).then(|| at("2025-05-27T06:12:40Z"));
    Notice {
        id: NoticeId(310),
        environment: Environment::Live,
        kind,
        languages: vec![Language::De],
        customer: CustomerId("K-10482".to_owned()),
        salutation: "Erika Beispiel".to_owned(),
        timezone: None,
        recipient: "kunde@example.net".to_owned(),
        items: vec![first],
        code: "K7QF-2M9X".to_owned(),
        message_id: "n310.k7qf@bounce.muster.example".to_owned(),
        in_reply_to: None,
        created_at,
        due_at: created_at,
        state: NoticeState::Queued,
        attempts: 0,
        raw: None,
        sent_at: None,
        last_reply: None,
    }
}

pub fn written(notice: &Notice) -> Rendered {
    render(notice, &settings(), &Templates::stock()).unwrap()
}

/// All kinds, one and several domains, both languages, each fact known and unknown.
pub fn notices_with_and_without_facts() -> Vec<Notice> {
    let mut all = Vec::new();
    for kind in NoticeKind::ALL {
        for domains in 1..=2 {
            for facts in 0..64_u8 {
                let has = |bit: u8| facts & (1 << bit) != 0;
                let mut notice = notice(kind);
                notice.languages = vec![Language::De, Language::En];
                if !has(0) {
                    notice.salutation.clear();
                    notice.code.clear();
                }
                if has(5) {
                    notice.environment = Environment::Test;
                    notice.recipient = "info@beispiel.de".to_owned();
                }
                if domains == 2 {
                    notice.items.push(item("dänic.de", 82));
                    notice.items[1].claims = None;
                }
                let first = &mut notice.items[0];
                first.dedelegation_at = first.dedelegation_at.filter(|_| has(1));
                first.deletion_at = first.deletion_at.filter(|_| has(2));
                first.claims = first.claims.take().filter(|_| has(3));
                first.flag = has(4);
                if !has(4) {
                    first.holders.clear();
                    first.case = None;
                }
                all.push(notice);
            }
        }
    }
    all
}

/// What stands between the `<p>` tags, decoded.
pub fn paragraphs(html: &str) -> Vec<String> {
    html.split("<p>")
        .skip(1)
        .filter_map(|rest| rest.split_once("</p>"))
        .map(|(inner, _)| decode(&inner.replace("<strong>", "").replace("</strong>", "")))
        .collect()
}

/// The words a reader of the page sees, in order.
pub fn words_of_html(html: &str) -> Vec<String> {
    let (_, body) = html.split_once("<body>").unwrap();
    let mut body = body.replace("<strong>", "").replace("</strong>", "");
    // Where the cells carry the words of their columns, the head says them once more.
    for table in body
        .clone()
        .split("<table")
        .filter(|rest| rest.starts_with(" class=\"domains stacks\""))
    {
        let (start, _) = table.split_once("</thead>").unwrap();
        body = body.replace(start, ">");
    }
    let mut seen = String::new();
    let mut is_tag = false;
    for c in body.chars() {
        match c {
            '<' => is_tag = true,
            '>' => {
                is_tag = false;
                seen.push(' ');
            }
            _ if !is_tag => seen.push(c),
            _ => {}
        }
    }
    words(&decode(&seen))
}

/// Words in order; rules and dashes are none.
pub fn words(text: &str) -> Vec<String> {
    text.split_whitespace()
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .map(str::to_owned)
        .collect()
}

/// The names of all tags.
pub fn tags(html: &str) -> BTreeSet<String> {
    html.split('<')
        .skip(1)
        .map(|tag| {
            let name = tag.trim_start_matches('/');
            let end = name
                .find(|c: char| c == '>' || c.is_whitespace())
                .unwrap_or(name.len());
            name[..end].to_ascii_lowercase()
        })
        .collect()
}

fn decode(html: &str) -> String {
    html.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#x27;", "'")
        .replace("&#x2f;", "/")
        .replace("&amp;", "&")
}
