//! Opens the store, starts listeners and workers, stops them in order.

mod admin;
mod alerts;
mod gate;
mod metrics;
mod public;
pub mod sender;
mod watch;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use jiff::SignedDuration;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::authenticate::Policy;
use crate::clock::Clock;
use crate::config::{Config, ConfigError, NoticeMode, Notices, OwnerMail};
use crate::evidence::{self, Gatherer, Resolvers, openpgp};
use crate::inspect::public::Visits;
use crate::model::{Channel, NoticeState, PinnedKey};
use crate::notify::Templates;
use crate::process::{self, Rules, Telling};
use crate::receive::Keeper;
use crate::receive::smtp::SmtpServer;
use crate::send::{self, Alerts, Smarthost, Webhook};
use crate::store::{self, Store};

pub use alerts::{AlertDesk, channels, webhook};
pub use gate::{Desk, DiskSpace};
use metrics::{Meters, Metrics};
pub use watch::{Watch, WatchRules, is_overdue};

/// How often workers look for work that nobody told them of (another process, a due date).
const LOOK_AROUND: Duration = Duration::from_millis(500);

/// How often what waits for a person is looked after.
const WATCH_EVERY: Duration = Duration::from_secs(2);

/// How often it is looked for alarms that people have not heard of.
const ALERT_EVERY: Duration = Duration::from_secs(1);

/// Mails committed together at most.
const KEEP_BATCH: usize = 256;

/// How often and how long the database's lock is waited for.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// After a signal, what is still under way gets this long; the whole stop stays below 10 s.
const DRAIN: Duration = Duration::from_secs(8);

/// Where a running server can be reached.
#[derive(Clone, Debug)]
pub struct Bound {
    /// Registry mail.
    pub smtp: Vec<std::net::SocketAddr>,
    /// Health pages and the HTTP API, if they are on.
    pub admin: Option<std::net::SocketAddr>,
    /// The website on which owners confirm their mail addresses, if it is on.
    pub verify: Option<std::net::SocketAddr>,
    /// The listener for everybody, if it is on.
    pub public: Option<std::net::SocketAddr>,
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let smtp: Vec<_> = self.smtp.iter().map(ToString::to_string).collect();
        write!(f, "smtp={}", smtp.join(","))?;
        if let Some(admin) = self.admin {
            write!(f, " admin={admin}")?;
        }
        if let Some(verify) = self.verify {
            write!(f, " verify={verify}")?;
        }
        match self.public {
            Some(public) => write!(f, " public={public}"),
            None => Ok(()),
        }
    }
}

/// A server that runs in this process.
pub struct Running {
    /// Where it listens.
    pub bound: Bound,
    /// Its store.
    pub store: Arc<dyn Store>,
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
    keeper: tokio::task::JoinHandle<()>,
    _lock: Option<File>,
}

impl Running {
    /// Stops: listeners first, then what is under way, workers last.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, all).await.is_err() {
            tracing::warn!("not everything ended in time; what was kept is safe");
            // A worker within a batch cannot be stopped; what it has not committed comes up again.
            self.tasks.abort_all();
        }
        // Every sender of mail is gone; what the keeper still has was promised to nobody.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.keeper).await;
    }
}

/// Whom to trust, from the configuration.
pub fn policy(config: &Config) -> Policy {
    Policy {
        routes: config.routes.clone(),
        authserv_ids: config.authenticate.authserv_ids.clone(),
        authserv_hops: config.authenticate.authserv_hops,
        replay_window: SignedDuration::try_from(config.authenticate.replay_window)
            .unwrap_or(SignedDuration::MAX),
        notice_host: notice_host(config),
        bounce_key: None,
    }
}

/// What stands behind the `@` in the Message-IDs of our notices.
pub fn notice_host(config: &Config) -> String {
    let settings = &config.notices.settings;
    let from_host = settings
        .from
        .rsplit_once('@')
        .map(|(_, host)| host.trim_end_matches('>').to_owned());
    [Some(settings.bounce_domain.clone()), from_host]
        .into_iter()
        .flatten()
        .find(|host| !host.is_empty())
        .unwrap_or_else(|| config.server.hostname.clone())
}

/// The rules of processing, with what the store adds to the configuration.
pub async fn rules_with(config: &Config, store: &dyn Store) -> anyhow::Result<Rules> {
    let mut rules = rules(config);
    rules.policy.bounce_key = Some(process::bounce_key(store).await?);
    Ok(rules)
}

/// The rules of processing, from the configuration.
pub fn rules(config: &Config) -> Rules {
    Rules {
        policy: policy(config),
        creates_unknown: config.creates_unknown,
        retry_for: SignedDuration::try_from(config.authenticate.retry_for)
            .unwrap_or(SignedDuration::MAX),
        telling: Telling {
            state: match config.notices.mode {
                NoticeMode::Observe => Some(NoticeState::Observed),
                NoticeMode::On => Some(NoticeState::Queued),
                NoticeMode::Off => None,
            },
            languages: config.notices.languages.clone(),
            coalesce: SignedDuration::try_from(config.notices.coalesce).unwrap_or_default(),
            message_id_host: notice_host(config),
            timetable: config.notices.timetable.clone(),
            writes_to_owners: config.verify_site.owner_mail == OwnerMail::Ours,
        },
        interrupt: config.verify_site.interrupt_nameservers.clone(),
        steps: process::Steps::default(),
    }
}

/// What asks DNS and checks signatures, from the configuration.
pub fn gatherer(config: &Config) -> Result<Gatherer, evidence::DnsError> {
    let settings = &config.authenticate;
    Gatherer::new(evidence::Settings {
        routes: config.routes.clone(),
        edge_hostname: settings.edge_hostname.clone(),
        resolvers: match &settings.resolvers {
            None => Resolvers::None,
            Some(servers) if servers.is_empty() => Resolvers::System,
            Some(servers) => Resolvers::Named(servers.clone()),
        },
        dns_static: settings.dns_static.clone(),
    })
}

/// The stock texts with the operator's own over them, and the settings they are filled with.
pub fn desk(notices: &Notices) -> anyhow::Result<Desk> {
    let folder = notices.templates.as_deref();
    let own = folder.map_or_else(|| Ok(BTreeMap::new()), own_texts)?;
    Ok(Desk {
        settings: notices.settings.clone(),
        templates: Templates::with_overrides(own)?,
        window: notices.timetable.window,
    })
}

/// The operator's own texts in a folder, by name; where there is no folder there are none.
pub fn own_texts(folder: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut own = BTreeMap::new();
    for name in Templates::names() {
        let path = folder.join(format!("{name}.txt"));
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                own.insert(name.to_owned(), text);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        }
    }
    Ok(own)
}

/// Everything that could be wrong with a configuration and would only be found out later.
pub fn check(config: &Config) -> Result<(), ConfigError> {
    let wrong = |key: &str, why: String| {
        let origin = config.origin(key);
        ConfigError::new(&origin, format!("`{key}`: {why}"))
    };
    desk(&config.notices).map_err(|error| wrong("notices.templates", format!("{error:#}")))?;
    Smarthost::new(config.notices.smarthost.expose(), &config.server.hostname)
        .map_err(|error| wrong("notices.smarthost", error.to_string()))?;
    webhook(config)?;
    let now = Clock::system().now();
    for route in &config.all_routes {
        for pinned in &route.pgp_keys {
            if let Some(why) = openpgp::fault(pinned, now) {
                let PinnedKey {
                    file, fingerprint, ..
                } = pinned;
                let why = format!("{file}: {fingerprint}: {why}");
                return Err(wrong(&format!("route.{}.pgp_keys", route.name), why));
            }
        }
    }
    let admin = config.server.admin_listen.iter();
    let verify = (config.verify_site.site.iter()).map(|_| &config.verify_site.listen);
    let public = config.server.public_listen.iter();
    for (key, address) in config
        .server
        .smtp_listen
        .iter()
        .map(|address| ("server.smtp_listen", address))
        .chain(admin.map(|address| ("server.admin_listen", address)))
        .chain(verify.map(|address| ("verify_site.listen", address)))
        .chain(public.map(|address| ("server.public_listen", address)))
    {
        let has_port = address
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        if !has_port {
            let why = format!("`{address}` is not an address such as 127.0.0.1:10027");
            return Err(wrong(key, why));
        }
    }
    Ok(())
}

/// The disk that the store is on.
pub fn disk_space(config: &Config, clock: Clock) -> DiskSpace {
    let folder = store::database_file(&config.store.url)
        .and_then(|file| file.parent().map(Path::to_owned))
        .unwrap_or_default();
    DiskSpace::new(folder, config.store.min_free, clock)
}

/// Opens the store and starts everything; returns when all listeners are open.
pub async fn start(config: &Config, clock: Clock) -> anyhow::Result<Running> {
    start_with(config, clock, rules(config)).await
}

/// The same by other rules than the configuration's.
pub async fn start_with(config: &Config, clock: Clock, rules: Rules) -> anyhow::Result<Running> {
    check(config)?;
    for name in &config.ignored {
        tracing::warn!("the variable {name} is not a key and is ignored");
    }
    for key in &config.unused {
        tracing::warn!("`{key}` is set, but this version does not use it yet");
    }
    if config.routes.is_empty() {
        tracing::warn!("no route has recipients: every recipient gets 550");
    }
    let lock = lock(&config.store.url, "lock", "stichtag serve").await?;
    let store = store::open(&config.store.url)
        .await
        .with_context(|| format!("store {}", config.store.url))?;
    if config.server.admin_listen.is_some() && store.users().await?.is_empty() {
        tracing::warn!(
            "nobody can look in on the web yet: add the first user with `stichtag user add NAME --role admin`"
        );
    }
    store.forget_leases().await?;
    let channels = channels(config);
    store.keep_channels(&channels).await?;
    let shutdown = CancellationToken::new();
    let mut tasks = JoinSet::new();

    let kept = Arc::new(Notify::new());
    let decided = Arc::new(Notify::new());
    let planned = Arc::new(Notify::new());
    let disk = || disk_space(config, clock.clone());
    let shelf = gate::Shelf::new(store.clone(), kept.clone(), disk());
    let max_batch = if config.smtp.group_commit {
        KEEP_BATCH
    } else {
        1
    };
    let (keeper, keeping) = Keeper::start(Arc::new(shelf), max_batch);
    let server = smtp_server(config, Arc::new(keeper), &clock);
    let mut bound = Bound {
        smtp: Vec::new(),
        admin: None,
        verify: None,
        public: None,
    };
    for address in &config.server.smtp_listen {
        let listener = bind(address).await?;
        bound.smtp.push(listener.local_addr()?);
        tasks.spawn(server.clone().serve(listener, shutdown.clone()));
    }
    let meters = Meters::new(server.connections(), Visits::default())?;
    drop(server);
    if let Some(address) = &config.server.admin_listen {
        let listener = bind(address).await?;
        bound.admin = Some(listener.local_addr()?);
        let readiness = admin::Readiness {
            store: store.clone(),
            disk: Arc::new(disk()),
            shutdown: shutdown.clone(),
        };
        let metrics = Metrics::new(config, store.clone(), clock.clone(), meters.clone());
        let (clock, config) = (clock.clone(), config.clone());
        tasks.spawn(async move {
            if let Err(error) = admin::serve(listener, readiness, metrics, clock, &config).await {
                tracing::error!("the admin listener ended: {error}");
            }
        });
    }
    let visits = meters.visits.clone();
    let public = public::open(config, &store, &clock, visits, &shutdown, &mut tasks).await?;
    (bound.public, bound.verify) = (public.public, public.verify);

    let mut rules = rules;
    rules.policy.bounce_key = Some(process::bounce_key(&*store).await?);
    let rules = Arc::new(rules);
    let gatherer = Arc::new(gatherer(config)?);
    for _ in 0..config.workers {
        let worker = Worker {
            store: store.clone(),
            clock: clock.clone(),
            wake: kept.clone(),
            shutdown: shutdown.clone(),
        };
        // Reading a batch keeps a thread busy for a while; it must not be one that sessions need.
        let deciding = worker.decide(
            rules.clone(),
            gatherer.clone(),
            meters.clone(),
            decided.clone(),
        );
        let runtime = tokio::runtime::Handle::current();
        tasks.spawn_blocking(move || runtime.block_on(deciding));
    }
    let watching = Worker {
        store: store.clone(),
        clock: clock.clone(),
        wake: kept,
        shutdown: shutdown.clone(),
    }
    .watch(Watch::new(WatchRules::new(config)));
    // Thousands of cases keep a thread busy, too; sessions and pages must not wait for that.
    let runtime = tokio::runtime::Handle::current();
    tasks.spawn_blocking(move || runtime.block_on(watching));
    for channel in channels {
        // A worker for each: one way that hangs must not hold up the others.
        let worker = Worker {
            store: store.clone(),
            clock: clock.clone(),
            wake: Arc::new(Notify::new()),
            shutdown: shutdown.clone(),
        };
        let desk = AlertDesk::new(config);
        let webhook = match channel {
            Channel::Webhook => webhook(config)?,
            Channel::Mail(_) => None,
        };
        tasks.spawn(worker.alert(desk, smarthost(config)?, webhook, channel));
    }
    if config.notices.mode != NoticeMode::Off {
        // The settings may have changed since the plans were made.
        store.plan_again().await?;
        let worker = Worker {
            store: store.clone(),
            clock: clock.clone(),
            wake: decided.clone(),
            shutdown: shutdown.clone(),
        };
        tasks.spawn(worker.plan(rules.clone(), planned.clone()));
    }
    if config.notices.mode == NoticeMode::On {
        let worker = Worker {
            store: store.clone(),
            clock: clock.clone(),
            wake: planned,
            shutdown: shutdown.clone(),
        };
        let mut desk = desk(&config.notices)?;
        desk.settings.bounce_key = rules.policy.bounce_key.clone();
        tasks.spawn(worker.deliver(desk, smarthost(config)?, config.notices.max_per_hour));
    }
    Ok(Running {
        bound,
        store,
        shutdown,
        tasks,
        keeper: keeping,
        _lock: lock,
    })
}

/// `stichtag serve`: start, say where, stop at SIGTERM or SIGINT.
pub async fn run(config: &Config) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    allow_connections();
    // Before anything can be lost by a signal.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let running = start(config, Clock::system()).await?;
    println!("ready {}", running.bound);
    tracing::info!("ready {}", running.bound);
    // Outside systemd there is nobody to notify.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            // A terminal that closes, or a reload: neither may end a server without its drain.
            _ = hangup.recv() => {
                tracing::warn!("SIGHUP: the configuration is read at the start only; restart to change it");
            }
        }
    }
    tracing::info!("stopping");
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    running.stop().await;
    Ok(())
}

/// Every connection is a descriptor, and the usual limit of 1,024 is below `smtp.max_connections`.
fn allow_connections() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!("the limit of open files stays at {limit:?}: {error}");
    }
}

/// The way to the smarthost.
pub fn smarthost(config: &Config) -> anyhow::Result<Smarthost> {
    Smarthost::new(config.notices.smarthost.expose(), &config.server.hostname)
        .with_context(|| format!("notices.smarthost `{}`", config.notices.smarthost))
}

async fn bind(address: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))
}

fn smtp_server(config: &Config, inbox: Arc<Keeper>, clock: &Clock) -> Arc<SmtpServer> {
    let gate = gate::Gate {
        routes: config.routes.clone(),
        refuses: config.smtp.refuses,
    };
    let clock = clock.clone();
    SmtpServer::new(
        Arc::new(config.smtp.session.clone()),
        Arc::new(gate),
        inbox,
        Arc::new(move || clock.now()),
    )
}

/// One server, and one sender, per SQLite database: a second one would take the first one's work for
/// its own. `program` holds the file beside the database that ends in `ending`.
async fn lock(url: &str, ending: &str, program: &str) -> anyhow::Result<Option<File>> {
    let Some(database) = store::database_file(url) else {
        return Ok(None);
    };
    if let Some(folder) = database.parent().filter(|path| *path != Path::new("")) {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let path = database.with_extension(ending);
    let file = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .with_context(|| path.display().to_string())?;
    // `stichtag status` looks at the lock for a moment; only one that stays belongs to a server.
    for _ in 0..LOCK_TRIES {
        if file.try_lock().is_ok() {
            return Ok(Some(file));
        }
        tokio::time::sleep(LOCK_PAUSE).await;
    }
    bail!(
        "{} is locked: another `{program}` runs on this database",
        path.display()
    )
}

/// A worker's turn. One that breaks is in trouble like one that fails: the worker goes on.
async fn whole<T>(turn: impl Future<Output = Result<T, store::StoreError>>) -> Result<T, String> {
    match process::caught_async(turn).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(panic) => Err(panic.to_string()),
    }
}

struct Worker {
    store: Arc<dyn Store>,
    clock: Clock,
    wake: Arc<Notify>,
    shutdown: CancellationToken,
}

impl Worker {
    async fn decide(
        self,
        rules: Arc<Rules>,
        gatherer: Arc<Gatherer>,
        meters: Meters,
        decided: Arc<Notify>,
    ) {
        while !self.shutdown.is_cancelled() {
            let (now, begun) = (self.clock.now(), Instant::now());
            let turn = process::process_batch(&*self.store, &rules, &gatherer, now);
            match whole(turn).await {
                Ok(sources) if sources.is_empty() => self.rest().await,
                Ok(sources) => {
                    meters.processed(&sources, begun.elapsed());
                    decided.notify_one();
                }
                Err(error) => self.trouble("processing", &error).await,
            }
        }
    }

    async fn plan(self, rules: Arc<Rules>, planned: Arc<Notify>) {
        while !self.shutdown.is_cancelled() {
            match whole(process::plan_next(&*self.store, &rules, self.clock.now())).await {
                Ok(0) => {
                    // What was decided may be a mail of its own, with nothing to plan.
                    planned.notify_one();
                    self.rest().await;
                }
                Ok(_) => planned.notify_one(),
                Err(error) => self.trouble("planning", &error).await,
            }
        }
    }

    async fn deliver(self, desk: Desk, smarthost: Smarthost, max_per_hour: usize) {
        let clock = self.clock.clone();
        let now = move || clock.now();
        while !self.shutdown.is_cancelled() {
            let outbox = send::Outbox {
                store: &*self.store,
                writer: &desk,
                transport: &smarthost,
                now: &now,
                is_stopping: &|| self.shutdown.is_cancelled(),
                max_per_hour,
            };
            match whole(send::deliver_due(&outbox)).await {
                Ok(0) => self.rest().await,
                Ok(_) => {}
                Err(error) => self.trouble("sending", &error).await,
            }
        }
    }

    async fn alert(
        self,
        desk: AlertDesk,
        smarthost: Smarthost,
        webhook: Option<Webhook>,
        channel: Channel,
    ) {
        let clock = self.clock.clone();
        let now = move || clock.now();
        while !self.shutdown.is_cancelled() {
            let alerts = Alerts {
                store: &*self.store,
                writer: &desk,
                transport: &smarthost,
                webhook: webhook.as_ref(),
                channels: std::slice::from_ref(&channel),
                now: &now,
                is_stopping: &|| self.shutdown.is_cancelled(),
            };
            match whole(send::alert_due(&alerts)).await {
                Ok(0) => self.rest_for(ALERT_EVERY).await,
                Ok(_) => {}
                Err(error) => self.trouble("alerting", &error).await,
            }
        }
    }

    async fn watch(self, mut watch: Watch) {
        while !self.shutdown.is_cancelled() {
            let begun = Instant::now();
            if let Err(error) = whole(watch.look(&*self.store, self.clock.now())).await {
                self.trouble("watching", &error).await;
            }
            // Whoever has ten thousand cases needs the machine for something else too.
            self.rest_for(WATCH_EVERY.max(begun.elapsed() * 10)).await;
        }
    }

    async fn rest(&self) {
        tokio::select! {
            () = self.wake.notified() => {}
            () = self.rest_for(LOOK_AROUND) => {}
        }
    }

    async fn rest_for(&self, time: Duration) {
        tokio::select! {
            () = self.shutdown.cancelled() => {}
            () = tokio::time::sleep(time) => {}
        }
    }

    async fn trouble(&self, what: &str, error: &str) {
        tracing::error!("{what} stopped for a moment: {error}");
        tokio::select! {
            () = self.shutdown.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}
