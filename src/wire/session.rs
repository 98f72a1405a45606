//! A session of RRI: login first, logout last (`denic.md` 1.4, 4.3).

use secrecy::{ExposeSecret, SecretSlice};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::rri::{RriConnection, RriError, Trust};
use super::text;
use super::{Format, ReplyHead};

/// The version of the format that we write (`denic.md` 1.6).
pub const VERSION: &str = "5.0";

/// Where and as whom.
#[derive(Clone)]
pub struct RriLogin {
    /// The host, as its certificate names it.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Who may vouch for it.
    pub trust: Trust,
    /// The login.
    pub user: SecretSlice<u8>,
    /// Its password.
    pub password: SecretSlice<u8>,
    /// How requests are written; the registry answers in the same format.
    pub format: Format,
}

/// A connection that is logged in.
pub struct RriSession {
    connection: RriConnection<TlsStream<TcpStream>>,
    format: Format,
}

/// Why there is no session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// The way to the registry; later it may be another.
    #[error("{0}")]
    Way(String),
    /// The registry does not take a session now; it counts as a wrong login all the same if that is
    /// what it was.
    #[error("{0}")]
    Busy(String),
    /// Trying again cannot help: ten wrong logins in a row block the user for an hour, also for the
    /// right password.
    #[error("{0}; put it right before you try again, for ten wrong ones block it")]
    Refused(String),
}

impl RriSession {
    /// Connects and logs in; tried once.
    pub async fn open(login: &RriLogin) -> Result<Self, LoginError> {
        let text = login_text(login).map_err(LoginError::Refused)?;
        let way = |error: RriError| LoginError::Way(error.to_string());
        let mut connection = RriConnection::open(&login.host, login.port, &login.trust)
            .await
            .map_err(way)?;
        let reply = connection
            .ask(&text)
            .await
            .map_err(|error| LoginError::Way(format!("the login was not answered: {error}")))?;
        let head = ReplyHead::read(&reply);
        if head.is_success() {
            return Ok(RriSession {
                connection,
                format: login.format,
            });
        }
        // Whoever echoes a login must not put it into our log.
        let why = without_password(login, &head.why());
        Err(match is_busy(&head) {
            true => LoginError::Busy(format!("there is no session: {why}")),
            false => LoginError::Refused(format!("the login was refused: {why}")),
        })
    }

    /// Sends one request and reads its reply.
    pub async fn ask(&mut self, request: &str) -> Result<String, RriError> {
        self.connection.ask(request).await
    }

    /// Says goodbye; the server may close at once in place of a reply.
    pub async fn close(mut self) {
        let _ = self.connection.ask(&text::logout(self.format)).await;
    }
}

fn without_password(login: &RriLogin, text: &str) -> String {
    let password = String::from_utf8_lossy(login.password.expose_secret());
    match password.trim() {
        "" => text.to_owned(),
        password => text.replace(password, crate::model::HIDDEN),
    }
}

fn login_text(login: &RriLogin) -> Result<String, String> {
    let word = |name: &str, secret: &SecretSlice<u8>| {
        let text = std::str::from_utf8(secret.expose_secret()).ok();
        let text = text.map(|text| text.trim_end_matches(['\r', '\n']).to_owned());
        text.filter(|text| {
            (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
        })
        .ok_or_else(|| {
            format!(
                "the {name} has 1 to 255 visible ASCII characters, and the credential holds \
                 something else"
            )
        })
    };
    let (user, password) = (
        word("user", &login.user)?,
        word("password", &login.password)?,
    );
    Ok(text::login(login.format, &user, &password))
}

/// Is the refusal about the moment, such as too many sessions, and not about who we are? No code is
/// documented for it; the first position tells what may pass (`denic.md` 6.1).
fn is_busy(head: &ReplyHead) -> bool {
    let is_unauthorized = |error: &String| error.starts_with("53000020002");
    !head.errors.is_empty()
        && head
            .errors
            .iter()
            .all(|error| error.starts_with(['5', '7']))
        && !head.errors.iter().any(is_unauthorized)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::rri::trust;

    #[test]
    fn a_login_is_written_in_the_format_of_the_session() {
        let word = |text: &str| SecretSlice::from(text.as_bytes().to_vec());
        let mut login = RriLogin {
            host: "localhost".to_owned(),
            port: 51131,
            trust: trust(None).unwrap(),
            user: word("DENIC-1000888-RRI\n"),
            password: word("Kp7<m&2"),
            format: Format::KeyValue,
        };
        assert_eq!(
            login_text(&login).unwrap(),
            "version: 5.0\naction: LOGIN\nuser: DENIC-1000888-RRI\npassword: Kp7<m&2\n"
        );
        login.format = Format::Xml;
        assert_eq!(
            login_text(&login).unwrap(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <registry-request xmlns=\"http://registry.denic.de/global/5.0\"><login>\
             <user>DENIC-1000888-RRI</user><password>Kp7&lt;m&amp;2</password></login>\
             </registry-request>"
        );
    }
}
