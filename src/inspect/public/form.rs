//! The form that a page of ours sends.

use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;

use super::code::{self, Readings};
use super::page::Page;

/// The largest body.
const BODY_BYTES_MAX: usize = 4096;

/// Of a body that is too large, so much is read and thrown away: a browser that is cut off while it
/// sends does not show the answer.
const DISCARDED_BYTES_MAX: usize = 64 * 1024;

/// What was sent.
pub struct Form {
    /// The language of the page.
    pub lang: Option<String>,
    /// The code, from the hidden field or from the one to type in.
    pub code: Result<Readings, ()>,
}

/// Reads a form. An error: the page that says what is wrong.
pub async fn read(request: Request) -> Result<Form, Page> {
    Ok(parse(&body(request).await?))
}

/// The code as it was typed, and the language of the page; `None`: that is no form of ours.
pub async fn typed(request: Request) -> Option<(String, Option<String>)> {
    let bytes = body(request).await.ok()?;
    let text = std::str::from_utf8(&bytes).ok()?;
    Some((value(text, "code").unwrap_or_default(), value(text, "lang")))
}

async fn body(request: Request) -> Result<Bytes, Page> {
    let kind = request.headers().get(CONTENT_TYPE).cloned();
    let bytes = to_bytes(request.into_body(), DISCARDED_BYTES_MAX).await;
    let bytes = bytes.map_err(|_| Page::Large)?;
    if bytes.len() > BODY_BYTES_MAX {
        return Err(Page::Large);
    }
    let kind = kind.as_ref().map_or(&b""[..], |kind| kind.as_bytes());
    let kind = kind.split(|b| *b == b';').next().unwrap_or_default();
    if !(kind.trim_ascii()).eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
        return Err(Page::Enter { is_wrong: true });
    }
    Ok(bytes)
}

/// Browsers write a blank as `+` and a `+` as `%2B`.
fn parse(bytes: &[u8]) -> Form {
    let mut lang = None;
    let mut codes = Vec::new();
    for (name, value) in url::form_urlencoded::parse(bytes) {
        match name.as_ref() {
            "lang" => lang = Some(value.into_owned()),
            "trigger" => codes.push(code::hidden(&value)),
            "code" => codes.push(code::typed(&value)),
            _ => {}
        }
    }
    let is_one = codes.len() == 1;
    let code = codes.pop().filter(|_| is_one).unwrap_or(Err(()));
    Form { lang, code }
}

/// The value of that name in a query.
pub fn value(query: &str, name: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(body: &str) -> Option<String> {
        let readings = parse(body.as_bytes()).code.ok()?;
        Some(code::text(readings.first()?).to_owned())
    }

    #[test]
    fn a_browsers_plus_is_a_blank_and_its_code_stays_whole() {
        assert_eq!(
            code("lang=de&trigger=AB%2BCD%2FE%3D").as_deref(),
            Some("AB+CD/E=")
        );
        assert_eq!(code("code=AB+CD%0D%0AEFGH").as_deref(), Some("ABCDEFGH"));
        assert_eq!(parse(b"lang=en&trigger=A").lang.as_deref(), Some("en"));
    }

    #[test]
    fn a_form_holds_one_code() {
        for body in [
            "",
            "lang=de",
            "trigger=",
            "code=%3C",
            "trigger=AAAA&trigger=BBBB",
        ] {
            assert_eq!(code(body), None, "{body}");
        }
    }
}
