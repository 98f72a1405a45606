//! File + environment → [`Config`], or an error that names the key, its origin and what to do.

mod centralnic;
mod credential;
mod layers;
mod routes;
mod sender;
mod values;
mod verify_site;
mod watch;
mod web;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;

use crate::model::{DomainName, Environment, Language, Route, Secret};
use crate::notify;
use crate::receive::smtp::{SmtpSettings, Xforward};

pub use centralnic::{Centralnic, EventWay, fault as centralnic_fault};
pub use credential::{CredentialError, Credentials};
pub use layers::{ConfigError, DEFAULTS, Layers, Origin, Setting};
use routes::{routes, take_bounces};
pub use sender::{Rri, Sender, fault as sender_fault};
pub use verify_site::{OwnerMail, Rate, Site, VerifySite};
pub use watch::AlertWays;
pub use web::Web;

/// Where the configuration is looked for when nothing names a file.
pub const DEFAULT_FILE: &str = "/etc/stichtag/stichtag.toml";

/// Where resolvers listen.
const DNS_PORT: u16 = 53;

/// Where the store goes when the default folder cannot be written.
const LOCAL_DATA: &str = "stichtag-data";

/// The whole configuration, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[smtp]`
    pub smtp: Smtp,
    /// `[route.…]`, those that are switched on.
    pub routes: Vec<Route>,
    /// All of them, for reading a message offline.
    pub all_routes: Vec<Route>,
    /// `[authenticate]`
    pub authenticate: Authenticate,
    /// `process.workers`; 0: only keep.
    pub workers: usize,
    /// `[store]`
    pub store: Store,
    /// `domains.unknown_domain = "create"`
    pub creates_unknown: bool,
    /// `[notices]`
    pub notices: Notices,
    /// `watch.unnotified_before`: a deadline nearer than this must have been told.
    pub unnotified_before: Duration,
    /// `watch.held_age`: a message held longer than this is alarmed.
    pub held_age: Duration,
    /// `watch.registry_silence`: a live route that hears nothing for so long is alarmed; `None`: none.
    pub registry_silence: Option<Duration>,
    /// What `stichtag-send` works with.
    pub sender: Sender,
    /// The registry's real-time interface, live and test.
    pub rri: [Rri; 2],
    /// `[verify_site]`
    pub verify_site: VerifySite,
    /// `[web]`
    pub web: Web,
    /// CentralNic Reseller, live and test.
    pub centralnic: [Centralnic; 2],
    /// How alarms reach people.
    pub alerts: AlertWays,
    /// `[log]`
    pub log: Log,
    /// The secrets of this process.
    pub credentials: Credentials,
    /// Keys that somebody set and this version does not use yet.
    pub unused: Vec<String>,
    /// Variables that look like ours and name no key.
    pub ignored: Vec<String>,
    /// Every key as anybody may see it.
    pub settings: Vec<Setting>,
    /// Where the values come from that are checked only when everything is put together.
    origins: BTreeMap<String, Origin>,
}

/// `[authenticate]`
#[derive(Clone, Debug)]
pub struct Authenticate {
    /// Whose `Authentication-Results` are believed.
    pub authserv_ids: Vec<String>,
    /// How many `Received` fields may stand above them.
    pub authserv_hops: usize,
    /// Older mail was sent before.
    pub replay_window: Duration,
    /// What our own Postfix calls itself in `Received`.
    pub edge_hostname: String,
    /// Whom to ask; empty: whom the system asks; `None`: nobody.
    pub resolvers: Option<Vec<SocketAddr>>,
    /// TXT records that answer before any resolver.
    pub dns_static: BTreeMap<String, Vec<String>>,
    /// How long a mail waits for DNS before it is held.
    pub retry_for: Duration,
}

/// `[server]`
#[derive(Clone, Debug)]
pub struct Server {
    /// Our name in the greeting.
    pub hostname: String,
    /// Where mail comes in.
    pub smtp_listen: Vec<String>,
    /// Pages, API, `/metrics`, `/healthz`, `/readyz`; `None`: off.
    pub admin_listen: Option<String>,
    /// The authenticity check, and the verification website where there is one; `None`: off.
    pub public_listen: Option<String>,
    /// Where the store is, unless `store.url` says otherwise.
    pub data_dir: PathBuf,
}

/// `[smtp]`
#[derive(Clone, Debug)]
pub struct Smtp {
    /// What a session needs.
    pub session: SmtpSettings,
    /// Refuse doubtful senders with 5xx instead of holding their mail.
    pub refuses: bool,
    /// Mails that wait share a commit; off only to measure what that is worth.
    pub group_commit: bool,
}

/// `[store]`
#[derive(Clone, Debug)]
pub struct Store {
    /// `sqlite:///…`
    pub url: String,
    /// Bytes that must stay free on the disk.
    pub min_free: u64,
}

/// `notices.mode`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeMode {
    /// Written down, not sent.
    Observe,
    /// Sent.
    On,
    /// Not even written.
    Off,
}

/// `[notices]`
#[derive(Clone, Debug)]
pub struct Notices {
    /// Observe, on or off.
    pub mode: NoticeMode,
    /// Where mails go.
    pub smarthost: Secret,
    /// The order of languages for a customer whose language is not known.
    pub languages: Vec<Language>,
    /// One mail per customer for everything within this time.
    pub coalesce: Duration,
    /// When customers are reminded.
    pub timetable: notify::Timetable,
    /// More mails in an hour than this pause sending.
    pub max_per_hour: usize,
    /// What the texts need.
    pub settings: notify::Settings,
    /// Folder with texts that replace stock texts.
    pub templates: Option<PathBuf>,
}

/// `[log]`
#[derive(Clone, Debug)]
pub struct Log {
    /// `info`, `debug` or a filter such as `stichtag=debug`.
    pub level: String,
    /// JSON lines instead of text; `None`: text on a terminal, JSON elsewhere.
    pub is_json: Option<bool>,
}

/// Keys whose values are checked by the rooms that use them.
const CHECKED_LATER: [&str; 7] = [
    "watch.webhook_url",
    "notices.templates",
    "notices.smarthost",
    "server.smtp_listen",
    "server.admin_listen",
    "server.public_listen",
    "verify_site.listen",
];

/// Parts of the configuration that later versions use; set today, they change nothing.
const LATER: [&str; 3] = ["retention.", "backup.", "domains.order_by"];

impl Config {
    /// Reads the file that `named` gives, else the default file if it is there, and the
    /// environment variables of this process.
    pub fn load(named: Option<&Path>) -> Result<(Self, Layers), ConfigError> {
        let default = Path::new(DEFAULT_FILE);
        let file = named.or_else(|| default.exists().then_some(default));
        let mut layers = Layers::read(file, std::env::vars())?;
        if !layers.has_file {
            settle_defaults(&mut layers);
        }
        let config = Config {
            credentials: Credentials::of_this_process(),
            ..Config::from_layers(&layers)?
        };
        Ok((config, layers))
    }

    /// Where the value of a key comes from.
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// Why `stichtag-send` may send nothing with these settings: a sentence. A reseller alone is
    /// enough; requests to the registry wait then.
    pub fn sending_fault(&self) -> Option<String> {
        let is_reseller_used = (self.centralnic.iter()).any(Centralnic::is_used);
        let is_registry_used = self.sender.is_mail && !self.sender.from.is_empty()
            || (self.rri.iter()).any(|rri| !rri.host.is_empty());
        match is_reseller_used && !is_registry_used {
            true => centralnic_fault(&self.centralnic),
            false => {
                sender_fault(&self.sender, &self.rri).or_else(|| centralnic_fault(&self.centralnic))
            }
        }
    }

    /// Reads every key as what it should be; there are no credentials.
    pub fn from_layers(layers: &Layers) -> Result<Self, ConfigError> {
        let field = |key: &str| layers.field(key);
        let data_dir = PathBuf::from(field("server.data_dir").text());
        let url = field("store.url").text();
        if !url.is_empty() && !url.starts_with("sqlite:") {
            return Err(field("store.url").error(
                "a URL that begins with `sqlite:` (PostgreSQL comes with a later version)",
            ));
        }
        let hostname = match field("server.hostname").text() {
            unset if unset.is_empty() => system_name(),
            named => named,
        };
        let mut notices = notices(layers)?;
        let verify_site = verify_site::verify_site(layers)?;
        verify_site.fill(&mut notices);
        let mut all_routes = routes(layers)?;
        take_bounces(&mut all_routes, &notices.settings.bounce_domain);
        Ok(Config {
            server: Server {
                hostname: hostname.clone(),
                smtp_listen: field("server.smtp_listen").list()?,
                admin_listen: Some(field("server.admin_listen").text()).filter(|at| !at.is_empty()),
                public_listen: Some(field("server.public_listen").text())
                    .filter(|at| !at.is_empty()),
                data_dir: data_dir.clone(),
            },
            smtp: smtp(layers, &hostname)?,
            routes: all_routes
                .iter()
                .filter(|route| !route.recipients.is_empty())
                .cloned()
                .collect(),
            all_routes,
            authenticate: authenticate(layers, &hostname)?,
            workers: field("process.workers").count(0..=16)?,
            store: Store {
                url: if url.is_empty() {
                    sqlite_url(&data_dir.join("stichtag.db"))
                } else {
                    url
                },
                min_free: field("store.min_free").size()?,
            },
            creates_unknown: field("domains.unknown_domain")
                .choice(&[("hold", false), ("create", true)])?,
            notices,
            unnotified_before: field("watch.unnotified_before").duration()?,
            held_age: field("watch.held_age").duration()?,
            registry_silence: field("watch.registry_silence").optional_duration()?,
            verify_site,
            web: web::web(layers)?,
            alerts: watch::alert_ways(layers)?,
            sender: sender::sender(layers)?,
            rri: [
                sender::rri(layers, Environment::Live)?,
                sender::rri(layers, Environment::Test)?,
            ],
            centralnic: [
                centralnic::centralnic(layers, Environment::Live)?,
                centralnic::centralnic(layers, Environment::Test)?,
            ],
            credentials: Credentials::default(),
            log: Log {
                level: log_level(layers)?,
                is_json: field("log.format").choice(&[
                    ("auto", None),
                    ("text", Some(false)),
                    ("json", Some(true)),
                    ("journald", Some(true)),
                ])?,
            },
            unused: unused(layers),
            ignored: layers.ignored.clone(),
            settings: layers.settings(),
            origins: CHECKED_LATER
                .iter()
                .map(|key| (*key).to_owned())
                .chain(
                    layers
                        .routes()
                        .iter()
                        .map(|route| format!("route.{route}.pgp_keys")),
                )
                .map(|key| (key.clone(), layers.origin(&key)))
                .collect(),
        })
    }
}

/// A level, or a filter such as `info,stichtag::receive=debug`.
fn log_level(layers: &Layers) -> Result<String, ConfigError> {
    let field = layers.field("log.level");
    let text = field.text();
    let words = ["off", "error", "warn", "info", "debug", "trace"];
    let is_level = |part: &str| {
        let level = part.rsplit_once('=').map_or(part, |(_, level)| level);
        words.contains(&level.trim())
    };
    if text.split(',').all(is_level) {
        Ok(text)
    } else {
        Err(field.error("off, error, warn, info, debug or trace, also by part: \"info,stichtag::receive=debug\""))
    }
}

/// The URL of a file; characters that mean something in a URL are written as what they are.
fn sqlite_url(file: &Path) -> String {
    let plain = file.display().to_string();
    let path = plain
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23");
    format!("sqlite://{path}")
}

/// Without any file, the two registry routes are on for any recipient, and the store goes where
/// this user can write.
fn settle_defaults(layers: &mut Layers) {
    for route in ["denic-live", "denic-test"] {
        let any = toml::Value::Array(vec!["*".into()]);
        layers.default_to(&format!("route.{route}.recipients"), any);
    }
    let folder = PathBuf::from(layers.field("server.data_dir").text());
    if !is_writable(&folder) {
        layers.default_to("server.data_dir", LOCAL_DATA.into());
    }
}

fn is_writable(folder: &Path) -> bool {
    // Asking the system is not enough (read-only mounts, quotas): only a write shows it.
    let probe = folder.join(".stichtag-probe");
    let written = std::fs::write(&probe, b"").is_ok();
    written && std::fs::remove_file(&probe).is_ok()
}

fn system_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}

fn authenticate(layers: &Layers, hostname: &str) -> Result<Authenticate, ConfigError> {
    let field = |key: &str| layers.field(&format!("authenticate.{key}"));
    let resolvers = field("resolvers").list()?;
    let resolvers = if resolvers == ["none"] {
        None
    } else {
        let read = |text: &String| {
            let address = text.parse::<SocketAddr>().ok();
            address.or_else(|| Some(SocketAddr::new(text.parse().ok()?, DNS_PORT)))
        };
        let servers: Option<Vec<_>> = resolvers.iter().map(read).collect();
        Some(servers.ok_or_else(|| {
            field("resolvers")
                .error("addresses such as \"127.0.0.1:53\", or \"none\" alone to ask nobody")
        })?)
    };
    Ok(Authenticate {
        authserv_ids: field("authserv_ids").list()?,
        authserv_hops: field("authserv_hops").count(0..=20)?,
        replay_window: field("replay_window").duration()?,
        edge_hostname: match field("edge_hostname").text() {
            unset if unset.is_empty() => hostname.to_owned(),
            named => named,
        },
        resolvers,
        dns_static: field("dns_static").texts_by_name()?,
        retry_for: field("retry_for").duration()?,
    })
}

fn smtp(layers: &Layers, hostname: &str) -> Result<Smtp, ConfigError> {
    let field = |key: &str| layers.field(&format!("smtp.{key}"));
    let size = usize::try_from(field("max_message_size").size()?).unwrap_or(usize::MAX);
    if !(1_024..=64 << 20).contains(&size) {
        return Err(field("max_message_size").error("a size from 1KiB to 64MiB"));
    }
    let session = SmtpSettings {
        hostname: hostname.to_owned(),
        trusted_relays: field("trusted_relays").parsed_list("networks such as \"127.0.0.0/8\"")?,
        xforward: field("xforward").choice(&[
            ("use", Xforward::Use),
            ("require", Xforward::Require),
            ("ignore", Xforward::Ignore),
        ])?,
        max_message_size: size,
        max_connections: field("max_connections").count(1..=100_000)?,
        max_connections_per_peer: field("max_connections_per_peer").count(1..=100_000)?,
        // 512 octets is what RFC 5321 section 4.5.3.1.4 asks every server to take.
        max_line: field("max_line").count(512..=1 << 20)?,
        max_recipients: field("max_recipients").count(1..=1_000)?,
        max_commands: field("max_commands").count(5..=1_000_000)?,
        session_timeout: field("session_timeout").duration()?,
        command_timeout: field("command_timeout").duration()?,
    };
    Ok(Smtp {
        session,
        refuses: field("refuse_with").choice(&[("hold", false), ("reject", true)])?,
        group_commit: field("group_commit").truth(),
    })
}

fn notices(layers: &Layers) -> Result<Notices, ConfigError> {
    let field = |key: &str| layers.field(&format!("notices.{key}"));
    let mode = field("mode").choice(&[
        ("observe", NoticeMode::Observe),
        ("on", NoticeMode::On),
        ("off", NoticeMode::Off),
    ])?;
    if mode == NoticeMode::On {
        for key in ["from", "phone", "company"] {
            if field(key).text().is_empty() {
                return Err(field(key).error("a value: `notices.mode = \"on\"` needs it"));
            }
        }
    }
    let from = field("from").text();
    if !from.is_empty() && from.parse::<lettre::message::Mailbox>().is_err() {
        return Err(field("from").error("an address such as \"Domains <domains@example.net>\""));
    }
    let languages: Vec<Language> = field("languages")
        .list()?
        .iter()
        .map(|tag| Language::from_tag(tag))
        .collect::<Option<_>>()
        .filter(|languages: &Vec<_>| !languages.is_empty())
        .ok_or_else(|| field("languages").error("a list of \"de\" and \"en\", at least one"))?;
    let review = field("review_time").text();
    let review_workdays = review
        .strip_suffix("workdays")
        .or_else(|| review.strip_suffix("workday"))
        .and_then(|number| number.trim().parse().ok())
        .filter(|days| *days <= 30)
        .ok_or_else(|| field("review_time").error("working days, such as \"2 workdays\""))?;
    let templates = field("templates").text();
    let bounce_domain = field("bounce_domain").text();
    if !bounce_domain.is_empty() && bounce_domain.parse::<DomainName>().is_err() {
        return Err(field("bounce_domain").error("a domain such as \"bounce.example.net\""));
    }
    let reply_to = field("reply_to").text().replace("{code}", "CODE");
    if !reply_to.is_empty() && reply_to.parse::<lettre::message::Mailbox>().is_err() {
        return Err(field("reply_to").error("an address such as \"domains+{code}@example.net\""));
    }
    Ok(Notices {
        mode,
        smarthost: Secret::new(field("smarthost").text()),
        languages,
        coalesce: field("coalesce").duration()?,
        timetable: notify::Timetable {
            before_dedelegation: field("remind_before_dedelegation").durations()?,
            before_deletion: field("remind_before_deletion").durations()?,
            before_suspension: Vec::new(),
            min_gap: SignedDuration::try_from(field("min_gap").duration()?)
                .map_err(|_| field("min_gap").error("a shorter time"))?,
            window: field("send_window").parsed("hours such as \"08:00-18:00\"")?,
        },
        max_per_hour: field("max_per_hour").count(1..=1_000_000)?,
        settings: notify::Settings {
            from,
            reply_to: field("reply_to").text(),
            bounce_domain: field("bounce_domain").text(),
            bounce_key: None,
            portal_path: field("portal_path").text(),
            check_host: field("check_host").text(),
            confirm_url: String::new(),
            phone: field("phone").text(),
            company: field("company").text(),
            review_workdays,
            region: field("region").parsed("a German Land such as \"DE-HE\", or \"DE\"")?,
            calendar_attachment: field("calendar_attachment").truth(),
        },
        templates: Some(PathBuf::from(templates)).filter(|path| !path.as_os_str().is_empty()),
    })
}

fn unused(layers: &Layers) -> Vec<String> {
    layers
        .iter()
        .filter(|(_, _, origin)| **origin != Origin::Default)
        .map(|(key, _, _)| key)
        .filter(|key| {
            LATER.iter().any(|later| {
                key.starts_with(later) || (later.starts_with('.') && key.ends_with(later))
            })
        })
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let variables = variables
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Config::from_layers(&Layers::read(None, variables)?)
    }

    #[test]
    fn the_defaults_are_a_valid_configuration() {
        let config = with(&[]).unwrap();
        assert!(
            config.routes.is_empty(),
            "routes are off until they have recipients"
        );
        assert_eq!(config.smtp.session.max_message_size, 256 * 1024);
        assert_eq!(config.notices.mode, NoticeMode::Observe);
    }

    #[test]
    fn a_variable_reaches_into_a_route_with_a_hyphen() {
        let config = with(&[(
            "STICHTAG_ROUTE__DENIC_LIVE__RECIPIENTS",
            "[\"a@b.example\"]",
        )])
        .unwrap();
        assert_eq!(config.routes.len(), 1);
        assert_eq!(config.routes[0].name, "denic-live");
        assert_eq!(config.routes[0].recipients, ["a@b.example"]);
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let error = with(&[("STICHTAG_SMTP__MAX_LINES", "5")]).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("STICHTAG_SMTP__MAX_LINES"), "{text}");
        assert!(text.contains("did you mean `smtp.max_line`"), "{text}");
    }

    #[test]
    fn a_wrong_value_names_key_origin_and_what_was_expected() {
        for (name, text, expected) in [
            ("STICHTAG_SMTP__COMMAND_TIMEOUT", "soon", "a duration"),
            ("STICHTAG_SMTP__MAX_MESSAGE_SIZE", "256 potatoes", "a size"),
            ("STICHTAG_PROCESS__WORKERS", "many", "a whole number"),
            (
                "STICHTAG_NOTICES__MODE",
                "loud",
                "\"observe\" or \"on\" or \"off\"",
            ),
            ("STICHTAG_NOTICES__REVIEW_TIME", "2 days", "working days"),
            (
                "STICHTAG_SMTP__TRUSTED_RELAYS",
                "[\"localhost\"]",
                "networks",
            ),
            ("STICHTAG_ROUTE__DENIC_LIVE__REQUIRE", "dkim", "\"record\""),
            (
                "STICHTAG_ROUTE__DENIC_LIVE__SUBJECT_FORBIDS",
                "(",
                "a regular expression",
            ),
            ("STICHTAG_STORE__URL", "postgres://localhost/x", "sqlite:"),
        ] {
            let error = with(&[(name, text)]).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(expected), "{error}");
        }
    }

    #[test]
    fn dns_is_set_by_lists_and_tables() {
        let record = "{\"s1._domainkey.denic.de\": [\"v=DKIM1; p=\"], \"denic.de.\": []}";
        let config = with(&[
            ("STICHTAG_AUTHENTICATE__DNS_STATIC", record),
            (
                "STICHTAG_AUTHENTICATE__RESOLVERS",
                "[\"127.0.0.1:5353\", \"::1\"]",
            ),
            ("STICHTAG_SERVER__HOSTNAME", "mx.example.net"),
        ])
        .unwrap()
        .authenticate;
        assert_eq!(config.dns_static["s1._domainkey.denic.de"], ["v=DKIM1; p="]);
        let servers: Vec<_> = config
            .resolvers
            .iter()
            .flatten()
            .map(ToString::to_string)
            .collect();
        assert_eq!(servers, ["127.0.0.1:5353", "[::1]:53"]);
        assert_eq!(config.edge_hostname, "mx.example.net");
        assert_eq!(config.retry_for, Duration::from_secs(24 * 3_600));
        let nobody = with(&[("STICHTAG_AUTHENTICATE__RESOLVERS", "[\"none\"]")]).unwrap();
        assert_eq!(nobody.authenticate.resolvers, None);
        for (key, text, expected) in [
            ("RESOLVERS", "[\"dns.example.net\"]", "addresses such as"),
            (
                "RESOLVERS",
                "[\"none\", \"127.0.0.1\"]",
                "addresses such as",
            ),
            ("RETRY_FOR", "soon", "a duration"),
            ("DNS_STATIC", "[]", "a JSON object"),
            (
                "DNS_STATIC",
                "{\"denic.de\": \"v=spf1\"}",
                "TXT records by name",
            ),
            ("DNS_STATIC", "{\"denic..de\": []}", "TXT records by name"),
        ] {
            let name = format!("STICHTAG_AUTHENTICATE__{key}");
            let error = with(&[(&name, text)]).unwrap_err().to_string();
            assert!(error.contains(&name) && error.contains(expected), "{error}");
        }
    }

    #[test]
    fn notices_cannot_be_switched_on_without_a_telephone_number() {
        let error = with(&[
            ("STICHTAG_NOTICES__MODE", "on"),
            ("STICHTAG_NOTICES__FROM", "Domains <domains@example.net>"),
        ]);
        assert!(error.unwrap_err().to_string().contains("notices.phone"));
    }
}
