//! Secrets in settings, and what may be shown of them.

use std::borrow::Cow;
use std::fmt;

/// What is written in place of a secret.
pub const HIDDEN: &str = "***";

/// A setting that may hold a login, such as `smtps://user:password@host`. However it is printed, the
/// password does not appear.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The text itself, for whoever needs it to log in.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_logins(&self.0))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", without_logins(&self.0))
    }
}

/// The text with the password of every URL in it hidden (RFC 3986, section 3.2.1).
///
/// People write passwords as they are, though `/`, `?`, `#` and `@` ought to be written otherwise:
/// a password that holds them is hidden too.
pub fn without_logins(text: &str) -> Cow<'_, str> {
    const FRONT: &str = "://";
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(FRONT) {
        let (front, behind) = rest.split_at(at + FRONT.len());
        let is_end = |c: char| c.is_whitespace() || c.is_control() || "\"'`<>\\".contains(c);
        let url = behind.split(is_end).next().unwrap_or_default();
        let authority = url.split(['/', '?', '#']).next().unwrap_or_default();
        // `host:80/x@y` is no login: behind its colon stands a port.
        let has_port = authority.split_once(':').is_some_and(|(_, port)| {
            !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
        });
        // Rather too much is hidden than the end of a password shown.
        let end = match has_port {
            true => None,
            false => url.rfind('@'),
        };
        shown.push_str(front);
        rest = behind;
        if let Some(end) = end
            && let Some((user, _)) = behind[..end].split_once(':')
        {
            shown.push_str(user);
            shown.push(':');
            shown.push_str(HIDDEN);
            rest = &behind[end..];
        }
    }
    if shown.is_empty() {
        return Cow::Borrowed(text);
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_url_is_not_shown() {
        for (text, shown) in [
            ("smtp://127.0.0.1:25", "smtp://127.0.0.1:25"),
            ("smtps://a:b@host:465", "smtps://a:***@host:465"),
            ("smtps://a:b@c/d?e#f@host", "smtps://a:***@host"),
            ("smtps://a:b/c@host", "smtps://a:***@host"),
            ("smtps://a:@host", "smtps://a:***@host"),
            ("smtps://a@host", "smtps://a@host"),
            (
                "postgres://a:b@h/x, smtp://c:d@h",
                "postgres://a:***@h/x, smtp://c:***@h",
            ),
            (
                "`store.url` is \"postgres://a:b@h\", so",
                "`store.url` is \"postgres://a:***@h\", so",
            ),
            ("sqlite:///var/lib/a@b.db", "sqlite:///var/lib/a@b.db"),
            ("https://host:8080/?to=a@b", "https://host:8080/?to=a@b"),
            ("no URL: a:b@c", "no URL: a:b@c"),
            ("://", "://"),
            ("ä://ö:ü@ß", "ä://ö:***@ß"),
        ] {
            assert_eq!(without_logins(text), shown, "{text}");
            assert_eq!(format!("{}", Secret::new(text)), shown);
            assert_eq!(format!("{:?}", Secret::new(text)), format!("{shown:?}"));
        }
    }
}
