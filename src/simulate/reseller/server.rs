//! The API over HTTPS on this machine, as far as a client of ours needs it.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::super::desk::certificate;
use super::answer::{Answer, Asked, instant};
use super::book::Book;
use super::fault::{Fault, Faults};

/// Octets of a request; ours have some hundred.
const REQUEST_BYTES_MAX: usize = 1 << 20;

/// Who may ask, and how often.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The account, or `account:user`.
    pub login: String,
    /// Its password.
    pub password: String,
    /// It is the test system: commands say `s_opmode=OTE`. In the live one they do not.
    pub is_test: bool,
    /// Commands that follow each other faster are abuse (422); `None`: they are not counted.
    pub pace: Option<Duration>,
    /// A session ends by itself after so long.
    pub session_life: SignedDuration,
}

/// The present instant.
type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

struct House {
    rules: Rules,
    now: Now,
    desk: Mutex<Desk>,
}

#[derive(Default)]
struct Desk {
    book: Book,
    faults: Faults,
    /// Sessions, and when they end.
    sessions: BTreeMap<String, Timestamp>,
    opened: u32,
    asked_at: Option<Instant>,
    heard: Vec<String>,
}

/// The server; it ends when this is dropped.
pub struct ResellerServer {
    address: SocketAddr,
    ca: String,
    house: Arc<House>,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

impl ResellerServer {
    /// Listens on a free port of 127.0.0.1, with a certificate for `localhost` and 127.0.0.1 that is
    /// made now. Errors: the port, or the certificate.
    pub async fn start(book: Book, rules: Rules, now: Now) -> io::Result<Self> {
        let (ca, acceptor) = certificate().map_err(io::Error::other)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let desk = Desk {
            book,
            ..Desk::default()
        };
        let house = Arc::new(House {
            rules,
            now,
            desk: Mutex::new(desk),
        });
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve(listener, acceptor, house.clone(), stop.clone()));
        Ok(ResellerServer {
            address,
            ca,
            house,
            stop,
            server,
        })
    }

    /// The address of the API.
    pub fn url(&self) -> String {
        format!("https://localhost:{}/api/call", self.address.port())
    }

    /// The certificate that vouches for it, PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca
    }

    /// Writes that certificate into a file, for `centralnic.test.ca_file`.
    pub fn write_ca(&self, path: &Path) -> io::Result<()> {
        std::fs::write(path, &self.ca)
    }

    /// Looks at the book, or changes it.
    pub fn book<T>(&self, look: impl FnOnce(&mut Book) -> T) -> T {
        look(&mut self.house.lock().book)
    }

    /// Orders what is to go wrong.
    pub fn faults<T>(&self, order: impl FnOnce(&mut Faults) -> T) -> T {
        order(&mut self.house.lock().faults)
    }

    /// The names of all commands that arrived, in order.
    pub fn heard(&self) -> Vec<String> {
        self.house.lock().heard.clone()
    }

    /// Ends all connections, and waits for that.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        // Whether it ended or panicked: it is gone.
        let _ = (&mut self.server).await;
    }
}

impl Drop for ResellerServer {
    fn drop(&mut self) {
        self.stop.cancel();
        self.server.abort();
    }
}

impl House {
    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to a form, and what goes wrong with it.
    fn answer(&self, form: &BTreeMap<String, String>) -> (String, Option<Fault>) {
        let now = (self.now)();
        let said = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let block = said("s_command");
        let Some(asked) = Asked::read(block) else {
            return (Answer::new(500, "Invalid command name").write(), None);
        };
        let mut desk = self.lock();
        desk.heard.push(asked.name.clone());
        if self.is_too_fast(&mut desk) {
            let text = "Abuse detected! The account has been temporarily locked! Please standby \
                        some minutes.";
            return (Answer::new(422, text).write(), None);
        }
        let fault = desk.faults.take(&asked.name);
        match &fault {
            Some(Fault::LoseCommand) => return (String::new(), fault),
            Some(Fault::Refuse(code, text)) => return (Answer::new(*code, text).write(), fault),
            Some(Fault::EndSession) => desk.sessions.clear(),
            _ => {}
        }
        let is_right_system = (said("s_opmode") == "OTE") == self.rules.is_test;
        let session = said("s_sessionid");
        let by_session = (desk.sessions.get(session)).is_some_and(|until| *until > now);
        let by_password = said("s_pw") == self.rules.password;
        if !is_right_system || said("s_login") != self.rules.login || !(by_session || by_password) {
            return (Answer::new(530, "Authentication failed").write(), fault);
        }
        let text = match asked.name.as_str() {
            "startsession" => {
                desk.opened += 1;
                let id = format!("{:032x}", desk.opened);
                let until = now + self.rules.session_life;
                desk.sessions.insert(id.clone(), until);
                let answer = Answer::done().with("sessionid", &id);
                answer.with("expiration date", &instant(until)).write()
            }
            "stopsession" => {
                desk.sessions.remove(session);
                Answer::done().write()
            }
            _ => desk.book.call(block, now),
        };
        (text, fault)
    }

    fn is_too_fast(&self, desk: &mut Desk) -> bool {
        // Clocks of two tasks do not agree to the last millisecond.
        const SLACK: Duration = Duration::from_millis(20);
        let now = Instant::now();
        let before = desk.asked_at.replace(now);
        match (self.rules.pace, before) {
            (Some(pace), Some(before)) => now.duration_since(before) + SLACK < pace,
            _ => false,
        }
    }
}

async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    house: Arc<House>,
    stop: CancellationToken,
) {
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
            Some(_) = open.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else {
            continue;
        };
        let (acceptor, house) = (acceptor.clone(), house.clone());
        open.spawn(async move {
            // Whoever does not trust us says nothing.
            if let Ok(stream) = acceptor.accept(stream).await {
                // Whoever hangs up hears nothing.
                let _ = talk(stream, &house).await;
            }
        });
    }
    open.shutdown().await;
}

/// One request, one answer.
async fn talk<S>(mut stream: S, house: &House) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Some(form) = request(&mut stream).await? else {
        return respond(&mut stream, "400 Bad Request", "").await;
    };
    let (text, fault) = house.answer(&form);
    match fault {
        Some(Fault::LoseCommand | Fault::LoseAnswer) => Ok(()),
        Some(Fault::CutAnswer) => {
            let cut = text.len() - 4;
            respond(&mut stream, "200 OK", text.get(..cut).unwrap_or_default()).await
        }
        Some(Fault::DelayAnswer(delay)) => {
            tokio::time::sleep(delay).await;
            respond(&mut stream, "200 OK", &text).await
        }
        Some(Fault::Page) => {
            let page = "<html><head><title>502 Bad Gateway</title></head></html>\n";
            respond(&mut stream, "502 Bad Gateway", page).await
        }
        Some(Fault::Refuse(..) | Fault::EndSession) | None => {
            respond(&mut stream, "200 OK", &text).await
        }
    }
}

async fn respond<S: AsyncWrite + Unpin>(
    stream: &mut S,
    status: &str,
    body: &str,
) -> io::Result<()> {
    let length = body.len();
    let reply = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    );
    stream.write_all(reply.as_bytes()).await?;
    stream.shutdown().await
}

/// The form of a POST; `None`: it is none.
async fn request<S: AsyncRead + Unpin>(
    stream: &mut S,
) -> io::Result<Option<BTreeMap<String, String>>> {
    let mut read = Vec::new();
    let mut is_whole = None;
    while is_whole.is_none_or(|end| read.len() < end) {
        if stream.read_buf(&mut read).await? == 0 || read.len() > REQUEST_BYTES_MAX {
            return Ok(None);
        }
        is_whole = is_whole.or_else(|| end_of(&read));
    }
    let text = String::from_utf8_lossy(&read);
    let body = text
        .split_once("\r\n\r\n")
        .filter(|_| text.starts_with("POST "));
    Ok(body.map(|(_, body)| {
        body.split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| {
                let value = percent_decode_str(value).decode_utf8_lossy();
                (name.to_owned(), value.into_owned())
            })
            .collect()
    }))
}

/// How long the request is, once its head is there.
fn end_of(read: &[u8]) -> Option<usize> {
    let head = read.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&read[..head]).to_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))?;
    Some(head + length.trim().parse::<usize>().ok()?)
}
