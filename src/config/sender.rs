//! `[sender]`: what the small sender, `stichtag-send`, works with.

use std::path::PathBuf;
use std::time::Duration;

use super::layers::{ConfigError, Layers};
use crate::model::Environment;
use crate::send::SignatureForm;
use crate::send::registry::Format;

/// `[sender]`
#[derive(Clone, Debug)]
pub struct Sender {
    /// `From` of requests.
    pub from: String,
    /// Where live requests go; empty: nowhere.
    pub to_live: String,
    /// Where test requests go; empty: nowhere.
    pub to_test: String,
    /// The credential that holds the secret key; its passphrase is the one of that name with
    /// [`Sender::PASSPHRASE`] behind it.
    pub key_credential: String,
    /// How a request carries its signature.
    pub form: SignatureForm,
    /// What waited longer since it was signed is signed again.
    pub signature_max_age: Duration,
    /// The way of requests.
    pub is_mail: bool,
    /// How long a request is left alone whose outcome is not known, before the registry is asked.
    pub ask_after: Duration,
}

impl Sender {
    /// Behind the name of the key's credential: its passphrase.
    pub const PASSPHRASE: &str = "-passphrase";

    /// The registry's address of an environment.
    pub fn to(&self, environment: Environment) -> &str {
        match environment {
            Environment::Live => &self.to_live,
            Environment::Test => &self.to_test,
        }
    }
}

/// `[rri.live]` and `[rri.test]`
#[derive(Clone, Debug)]
pub struct Rri {
    /// The host; empty: not used.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whose certificates are trusted; none: the system's.
    pub ca_file: Option<PathBuf>,
    /// The credential that holds the login.
    pub user_credential: String,
    /// The credential that holds its password.
    pub password_credential: String,
    /// How requests are written.
    pub format: Format,
    /// Is the message queue read?
    pub reads_queue: bool,
    /// A message that cannot be read is deleted from the queue once it is kept here.
    pub deletes_unreadable: bool,
}

/// Reads the settings of an environment.
pub fn rri(layers: &Layers, environment: Environment) -> Result<Rri, ConfigError> {
    let field = |key: &str| layers.field(&format!("rri.{environment}.{key}"));
    let port = field("port").count(1..=65_535)?;
    Ok(Rri {
        host: field("host").text(),
        port: u16::try_from(port).unwrap_or(u16::MAX),
        ca_file: Some(field("ca_file").text())
            .filter(|path| !path.is_empty())
            .map(PathBuf::from),
        user_credential: field("user_credential").text(),
        password_credential: field("password_credential").text(),
        format: field("format").choice(&[("kv", Format::KeyValue), ("xml", Format::Xml)])?,
        reads_queue: field("queue").truth(),
        deletes_unreadable: field("delete_unreadable").truth(),
    })
}

/// Reads all of it; whether it is enough to send with is asked by [`check`].
pub fn sender(layers: &Layers) -> Result<Sender, ConfigError> {
    let field = |key: &str| layers.field(key);
    Ok(Sender {
        from: field("sender.from").text(),
        to_live: field("sender.to_live").text(),
        to_test: field("sender.to_test").text(),
        key_credential: field("sender.key_credential").text(),
        form: field("sender.format").choice(&[
            ("clearsign", SignatureForm::Clearsign),
            ("mime", SignatureForm::Mime),
        ])?,
        signature_max_age: field("sender.signature_max_age").duration()?,
        is_mail: field("sender.transport").choice(&[("rri", false), ("mail", true)])?,
        ask_after: field("sender.ask_after").duration()?,
    })
}

/// Why nothing may be sent with these settings: a sentence. A request that reaches the wrong system
/// cannot be taken back.
pub fn fault(sender: &Sender, [live, test]: &[Rri; 2]) -> Option<String> {
    let wrong = |key: &str, why: &str| Some(format!("`sender.{key}` {why}"));
    let has_way = |rri: &Rri| !rri.host.is_empty();
    if has_way(live) && live.host.eq_ignore_ascii_case(&test.host) && live.port == test.port {
        return Some(
            "`rri.live` and `rri.test` are the same server: test requests would reach the live \
             registry"
                .to_owned(),
        );
    }
    if !sender.is_mail {
        return match has_way(live) || has_way(test) {
            true => None,
            false => wrong(
                "transport",
                "is \"rri\", and neither `rri.live.host` nor `rri.test.host` is set; or set it to \
                 \"mail\"",
            ),
        };
    }
    for (key, value) in [
        ("from", &sender.from),
        ("to_live", &sender.to_live),
        ("to_test", &sender.to_test),
    ] {
        if value.is_empty() {
            return wrong(key, "is not set; nothing is sent without it");
        }
    }
    if sender.to_live.eq_ignore_ascii_case(&sender.to_test) {
        return wrong(
            "to_test",
            "is the same as `sender.to_live`: test requests would reach the live registry",
        );
    }
    None
}
