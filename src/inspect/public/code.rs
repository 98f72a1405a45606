//! What a visitor brings: a code behind the `?`, in the hidden field, or typed.

use percent_encoding::percent_decode_str;

use crate::model::{TriggerCode, read_link, read_typed};
use crate::store::VisitorCode;

/// Letters and digits of a notice's code, such as `K7QF-2M9X`.
const NOTICE_CODE_LEN: usize = 8;

/// What a visitor's text may mean; the first where the store knows none of it.
pub type Readings = Vec<VisitorCode>;

/// Reads the query of a link; `None`: there is no code in it. An error: what there is is none.
///
/// A `+` is a letter of the code, and its `=` may stand raw or encoded, or have got lost.
pub fn in_query(raw: &str) -> Option<Result<Readings, ()>> {
    let mut texts = values(raw, "trigger").chain(values(raw, "code"));
    let text = texts.next()?;
    if texts.any(|other| other != text) {
        return Some(Err(()));
    }
    let notice = notice_code(&text).map(VisitorCode::Notice);
    let mut readings = match (read_link(raw), &notice) {
        (Ok((code, _)), _) => of_trigger(code),
        (Err(_), Some(_)) => Vec::new(),
        (Err(_), None) => match read_typed(&text) {
            Ok(code) => of_trigger(code),
            Err(_) => return Some(Err(())),
        },
    };
    readings.extend(notice);
    Some(Ok(readings))
}

/// Reads the hidden field of a form, which holds what [`text`] wrote.
pub fn hidden(field: &str) -> Result<Readings, ()> {
    let mut readings = field.parse().map(of_trigger).unwrap_or_default();
    readings.extend(notice_code(field).map(VisitorCode::Notice));
    match readings.is_empty() {
        true => Err(()),
        false => Ok(readings),
    }
}

/// Reads what a person typed.
pub fn typed(field: &str) -> Result<Readings, ()> {
    let mut readings = Vec::new();
    if let Some(code) = notice_code(field) {
        readings.push(VisitorCode::Notice(code));
    }
    if let Ok(code) = read_typed(field) {
        readings.push(VisitorCode::Trigger(code));
    }
    // As it was made, it may end without `=`.
    let plain: String = field.split_whitespace().collect();
    if let Ok(code) = plain.parse().map(VisitorCode::Trigger)
        && !readings.contains(&code)
    {
        readings.push(code);
    }
    match readings.is_empty() {
        true => Err(()),
        false => Ok(readings),
    }
}

/// A code for the hidden field of a form; for nothing else.
pub fn text(code: &VisitorCode) -> &str {
    match code {
        VisitorCode::Trigger(code) => code.expose(),
        VisitorCode::Notice(code) => code,
    }
}

/// A code with what it may have been before its `=` got lost.
fn of_trigger(code: TriggerCode) -> Readings {
    let mut readings = Vec::new();
    if !code.is_whole()
        && let Ok(mended) = read_typed(code.expose())
    {
        readings.push(VisitorCode::Trigger(mended));
    }
    let code = VisitorCode::Trigger(code);
    if !readings.contains(&code) {
        readings.push(code);
    }
    readings
}

fn notice_code(text: &str) -> Option<String> {
    let is_letter = |c: &char| !c.is_whitespace() && !"-\u{2010}\u{2011}\u{2013}".contains(*c);
    let code: String = text.chars().filter(is_letter).collect();
    let is_code = code.len() == NOTICE_CODE_LEN && code.bytes().all(|b| b.is_ascii_alphanumeric());
    is_code.then(|| code.to_ascii_uppercase())
}

/// The values of that name, decoded from percent signs alone.
fn values<'a>(raw: &'a str, name: &'a str) -> impl Iterator<Item = String> + 'a {
    raw.split('&').filter_map(move |part| {
        let (key, value) = part.split_once('=')?;
        let value = percent_decode_str(value).decode_utf8_lossy();
        (key == name).then(|| value.into_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "MTc5NDA5ODUzMC43NzEyIzc3MDAxMTIyMzM0NDUgTA==";

    fn first(readings: Option<Result<Readings, ()>>) -> Option<String> {
        Some(text(readings?.ok()?.first()?).to_owned())
    }

    #[test]
    fn cv_18_every_form_of_a_link_gives_the_code() {
        for query in [
            format!("trigger={CODE}"),
            format!("trigger={CODE}&email=ada@orchard-sample.com"),
            format!(
                "email=ada%40orchard-sample.com&trigger={}",
                CODE.replace('=', "%3D")
            ),
            format!("trigger={}", CODE.replace('=', "%3d")),
            format!("trigger={}", CODE.trim_end_matches('=')),
            format!("trigger={}&lang=en", &CODE[..CODE.len() - 1]),
            format!("code={CODE}"),
        ] {
            assert_eq!(first(in_query(&query)).as_deref(), Some(CODE), "{query}");
        }
        assert_eq!(
            first(in_query("trigger=AB+CD%2FE=")).as_deref(),
            Some("AB+CD/E=")
        );
    }

    #[test]
    fn a_query_without_a_code_is_none_and_one_with_a_wrong_code_an_error() {
        assert!(in_query("").is_none() && in_query("email=a@b.example&lang=de").is_none());
        for wrong in [
            "trigger=",
            "trigger=a%zz",
            "trigger=AAAA&trigger=BBBB",
            "code=a-b",
        ] {
            assert!(matches!(in_query(wrong), Some(Err(()))), "{wrong}");
        }
    }

    #[test]
    fn a_notices_code_is_taken_in_any_case_and_without_its_hyphen() {
        for written in ["K7QF-2M9X", "k7qf-2m9x", " k7qf2m9x ", "K7QF – 2M9X"] {
            let readings = typed(written).unwrap();
            assert!(
                readings[0] == VisitorCode::Notice("K7QF2M9X".to_owned()),
                "{written}"
            );
        }
        assert_eq!(
            first(in_query("code=k7qf-2m9x")).as_deref(),
            Some("K7QF2M9X")
        );
    }

    #[test]
    fn what_is_typed_may_mean_a_code_with_or_without_its_end() {
        let readings = typed(" AB CD\r\nEF ").unwrap();
        let texts: Vec<_> = readings.iter().map(text).collect();
        assert_eq!(texts, ["ABCDEF==", "ABCDEF"]);
        assert!(typed("").is_err() && typed("a-b").is_err() && typed("ä").is_err());
    }
}
