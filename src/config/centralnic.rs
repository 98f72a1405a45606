//! `[centralnic.live]` and `[centralnic.test]`: the ways to CentralNic Reseller.

use std::path::PathBuf;
use std::time::Duration;

use url::{Position, Url};

use super::layers::{ConfigError, Layers};
use crate::model::Environment;
use crate::send::centralnic::{Dialect, Spelling, TimestampForm};

/// The documented hosts of the two systems (`centralnic.md` 1).
const LIVE_HOST: &str = "api.rrpproxy.net";
const TEST_HOST: &str = "api-ote.rrpproxy.net";

/// How events come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventWay {
    /// By the API's event commands.
    Api,
    /// By EPP poll.
    Epp,
    /// By mail alone.
    Off,
}

/// One system of the reseller.
#[derive(Clone, Debug)]
pub struct Centralnic {
    /// The address of the API; empty: not used.
    pub api_url: String,
    /// The host for EPP; empty: not used.
    pub epp_host: String,
    /// Its port.
    pub epp_port: u16,
    /// Whose certificates are trusted; none: the system's.
    pub ca_file: Option<PathBuf>,
    /// The credential that holds the login.
    pub login_credential: String,
    /// The credential that holds its password.
    pub password_credential: String,
    /// How events come.
    pub events: EventWay,
    /// How often the lists of suspended domains are read.
    pub sweep_every: Duration,
    /// How verification results are written.
    pub dialect: Dialect,
}

impl Centralnic {
    /// Is there a way, or should there be one?
    pub fn is_used(&self) -> bool {
        !self.api_url.is_empty() || self.events == EventWay::Epp
    }
}

/// Reads the settings of an environment.
pub fn centralnic(layers: &Layers, environment: Environment) -> Result<Centralnic, ConfigError> {
    let field = |key: &str| layers.field(&format!("centralnic.{environment}.{key}"));
    let port = field("epp_port").count(1..=65_535)?;
    Ok(Centralnic {
        api_url: field("api_url").text().trim().to_owned(),
        epp_host: field("epp_host").text().trim().to_owned(),
        epp_port: u16::try_from(port).unwrap_or(u16::MAX),
        ca_file: Some(field("ca_file").text())
            .filter(|path| !path.is_empty())
            .map(PathBuf::from),
        login_credential: field("login_credential").text(),
        password_credential: field("password_credential").text(),
        events: field("events").choice(&[
            ("api", EventWay::Api),
            ("epp", EventWay::Epp),
            ("off", EventWay::Off),
        ])?,
        sweep_every: field("sweep_every").duration()?,
        dialect: Dialect {
            spelling: field("trust_framework_spelling").choice(&[
                ("TRUSTFRAMEWORK", Spelling::Framework),
                ("TRUSTFAMEWORK", Spelling::Famework),
            ])?,
            timestamps: field("timestamp_format").choice(&[
                ("offset", TimestampForm::Offset),
                ("plain", TimestampForm::Plain),
            ])?,
        },
    })
}

/// Why nothing may be sent with these settings: a sentence. A command that reaches the wrong system
/// cannot be taken back, and may cost money.
pub fn fault([live, test]: &[Centralnic; 2]) -> Option<String> {
    if let Some(why) = epp_fault(live, test) {
        return Some(why);
    }
    let mut hosts = Vec::new();
    for (name, settings, foreign) in [("live", live, TEST_HOST), ("test", test, LIVE_HOST)] {
        if settings.api_url.is_empty() {
            continue;
        }
        let Ok(url) = Url::parse(&settings.api_url) else {
            return Some(format!(
                "`centralnic.{name}.api_url` is not a URL such as https://{TEST_HOST}/api/call"
            ));
        };
        let host = url.host_str().unwrap_or_default().trim_end_matches('.');
        if host == foreign {
            let own = if name == "live" { LIVE_HOST } else { TEST_HOST };
            return Some(format!(
                "`centralnic.{name}.api_url` names the host of the other system; the {name} one is \
                 {own}"
            ));
        }
        if url[Position::BeforeUsername..Position::BeforeHost].contains('@')
            || url.query().is_some()
        {
            return Some(format!(
                "`centralnic.{name}.api_url` holds a login or a query; credentials are given to the \
                 service, and nothing else belongs there"
            ));
        }
        hosts.push((host.to_owned(), url.port_or_known_default()));
    }
    match hosts.as_slice() {
        [live, test] if live == test => Some(
            "`centralnic.live.api_url` and `centralnic.test.api_url` are the same server: test \
             commands would reach the live system"
                .to_owned(),
        ),
        _ => None,
    }
}

/// Messages of one system must not be acknowledged as the other's.
fn epp_fault(live: &Centralnic, test: &Centralnic) -> Option<String> {
    for (name, settings) in [("live", live), ("test", test)] {
        if settings.events == EventWay::Epp && settings.epp_host.is_empty() {
            return Some(format!(
                "`centralnic.{name}.events` is \"epp\", and `centralnic.{name}.epp_host` is not \
                 set: the reseller's control panel names it"
            ));
        }
    }
    let is_one = live.events == EventWay::Epp
        && test.events == EventWay::Epp
        && live.epp_host.eq_ignore_ascii_case(&test.epp_host)
        && live.epp_port == test.epp_port;
    is_one.then(|| {
        "`centralnic.live.epp_host` and `centralnic.test.epp_host` are the same server: live \
         messages would be taken for test messages"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(api_url: &str) -> Centralnic {
        let layers = Layers::read(None, std::iter::empty()).unwrap();
        Centralnic {
            api_url: api_url.to_owned(),
            ..centralnic(&layers, Environment::Test).unwrap()
        }
    }

    #[test]
    fn a_command_cannot_reach_the_other_system_by_a_slip() {
        let live = "https://api.rrpproxy.net/api/call";
        let test = "https://api-ote.rrpproxy.net/api/call";
        for (one, other, why) in [
            (live, test, None),
            ("", test, None),
            (live, "", None),
            ("", "", None),
            (test, "", Some("centralnic.live.api_url")),
            ("", live, Some("centralnic.test.api_url")),
            ("", "https://API.rrpproxy.net:443/", Some("other system")),
            (
                "https://127.0.0.1:8443/a",
                "https://127.0.0.1:8443/b",
                Some("same server"),
            ),
            ("https://127.0.0.1:8443/a", "https://127.0.0.1:8444/a", None),
            ("https://a:b@example.net/", "", Some("login")),
            ("https://example.net/?s_pw=x", "", Some("login")),
            ("nonsense", "", Some("not a URL")),
        ] {
            let found = fault(&[settings(one), settings(other)]);
            match why {
                None => assert_eq!(found, None, "{one} {other}"),
                Some(why) => {
                    let found = found.unwrap_or_default();
                    assert!(found.contains(why), "{one} {other}: {found}");
                }
            }
        }
    }

    #[test]
    fn epp_needs_a_host_and_each_system_its_own() {
        let epp = |host: &str| Centralnic {
            events: EventWay::Epp,
            epp_host: host.to_owned(),
            ..settings("")
        };
        let off = || settings("");
        assert_eq!(fault(&[epp("epp.example.net"), off()]), None);
        assert_eq!(
            fault(&[epp("epp.example.net"), epp("epp-ote.example.net")]),
            None
        );
        let missing = fault(&[off(), epp("")]).unwrap();
        assert!(missing.contains("centralnic.test.epp_host"), "{missing}");
        let same = fault(&[epp("epp.example.net"), epp("EPP.example.net")]).unwrap();
        assert!(same.contains("same server"), "{same}");
        assert!(epp("epp.example.net").is_used() && !off().is_used());
    }
}
