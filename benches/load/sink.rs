//! Servers that do less than ours: they show what the machine and its disk can give.

use std::fs::File;
use std::io::{IoSlice, Write};
use std::path::PathBuf;
use std::sync::mpsc;

use anyhow::{Context, bail};
use memchr::memmem;
use sqlx::{Connection as _, QueryBuilder, Sqlite, SqliteConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::front;

/// Mails stored together at most, as in the server that is measured.
const BATCH: usize = 256;

/// What is done with a mail before it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sink {
    /// Nothing.
    Null,
    /// Appended to a file; one `fdatasync` for all that waits.
    Append,
    /// The same behind our own SMTP sessions: what a server with all the duties of one (strict line
    /// ends, unstuffing, limits, order of commands) would reach if keeping were a mere append.
    SmtpAppend,
    /// Inserted into the tables of our store; one commit for all that waits, nothing else.
    Sqlite,
}

impl Sink {
    /// The sink of that name.
    pub fn from_word(word: &str) -> anyhow::Result<Self> {
        Ok(match word {
            "null" => Sink::Null,
            "append" => Sink::Append,
            "smtp-append" => Sink::SmtpAppend,
            "sqlite" => Sink::Sqlite,
            _ => bail!("no sink `{word}`"),
        })
    }

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Sink::Null => "null",
            Sink::Append => "append",
            Sink::SmtpAppend => "smtp-append",
            Sink::Sqlite => "sqlite",
        }
    }
}

struct Waiting {
    raw: Vec<u8>,
    answer: oneshot::Sender<()>,
}

type Queue = Option<mpsc::Sender<Waiting>>;

/// Serves until the process is ended; says `ready smtp=ADDRESS` first.
pub fn serve(sink: Sink, folder: PathBuf) -> anyhow::Result<()> {
    let queue = match sink {
        Sink::Null => None,
        Sink::SmtpAppend => return front::serve(File::create(folder.join("append"))?),
        Sink::Append => {
            let file = File::create(folder.join("append"))?;
            Some(start(move |waiting| append(&file, waiting)))
        }
        Sink::Sqlite => {
            let mut database = Database::open(folder)?;
            Some(start(move |waiting| database.insert(waiting)))
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("ready smtp={}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let queue = queue.clone();
            tokio::spawn(async move {
                // A generator that has enough just leaves.
                let _ = session(stream, queue).await;
            });
        }
    })
}

/// A thread that stores all that waits, again and again.
fn start(
    mut store: impl FnMut(&[Waiting]) -> anyhow::Result<()> + Send + 'static,
) -> mpsc::Sender<Waiting> {
    let (queue, incoming) = mpsc::channel::<Waiting>();
    std::thread::spawn(move || -> anyhow::Result<()> {
        while let Ok(first) = incoming.recv() {
            let mut waiting = vec![first];
            waiting.extend(incoming.try_iter().take(BATCH - 1));
            store(&waiting)?;
            for one in waiting {
                // Nobody waits any more: fine.
                let _ = one.answer.send(());
            }
        }
        Ok(())
    });
    queue
}

fn append(file: &File, waiting: &[Waiting]) -> anyhow::Result<()> {
    append_all(file, waiting.iter().map(|one| one.raw.as_slice()))
}

/// Appends and syncs once.
pub fn append_all<'a>(mut file: &File, raws: impl Iterator<Item = &'a [u8]>) -> anyhow::Result<()> {
    let mut parts: Vec<IoSlice> = raws.map(IoSlice::new).collect();
    let mut left = parts.as_mut_slice();
    while !left.is_empty() {
        let written = file.write_vectored(left)?;
        IoSlice::advance_slices(&mut left, written);
    }
    Ok(file.sync_data()?)
}

/// The tables of our store, with nothing of our store around them.
pub struct Database {
    runtime: tokio::runtime::Runtime,
    connection: SqliteConnection,
}

impl Database {
    /// Has the store make the tables, then goes on alone.
    pub fn open(folder: PathBuf) -> anyhow::Result<Self> {
        let url = format!("sqlite://{}", folder.join("bare.db").display());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let connection = runtime.block_on(async {
            drop(stichtag::store::open(&url).await?);
            let mut connection = SqliteConnection::connect(&url).await?;
            // As the store sets them.
            sqlx::raw_sql("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000")
                .execute(&mut connection)
                .await?;
            anyhow::Ok(connection)
        })?;
        Ok(Database {
            runtime,
            connection,
        })
    }

    fn insert(&mut self, waiting: &[Waiting]) -> anyhow::Result<()> {
        let raws: Vec<&[u8]> = waiting.iter().map(|one| one.raw.as_slice()).collect();
        self.keep(&raws)
    }

    /// One commit.
    pub fn keep(&mut self, raws: &[&[u8]]) -> anyhow::Result<()> {
        let connection = &mut self.connection;
        self.runtime.block_on(async {
            let mut insert = QueryBuilder::<Sqlite>::new(
                "BEGIN IMMEDIATE; \
                 INSERT INTO inbound (received_at, source, envelope, sha256, raw) ",
            );
            insert.push_values(raws, |mut row, raw| {
                row.push("1767225600000000, 'denic-mail', '{}', ''")
                    .push_bind(*raw);
            });
            insert.push(format!(
                "; INSERT INTO pending (id) SELECT id FROM inbound \
                 WHERE id > (SELECT max(id) FROM inbound) - {}; COMMIT",
                raws.len()
            ));
            insert.build().execute(connection).await?;
            Ok(())
        })
    }
}

/// The least of a dialogue that the generator can be served with.
async fn session(mut stream: TcpStream, queue: Queue) -> anyhow::Result<()> {
    stream.write_all(b"220 sink ESMTP\r\n").await?;
    let mut input: Vec<u8> = Vec::with_capacity(16 * 1024);
    let mut output: Vec<u8> = Vec::new();
    loop {
        let mut done = 0;
        let mut is_data = false;
        while let Some(at) = memchr::memchr(b'\n', &input[done..]) {
            let line = &input[done..=done + at];
            done += at + 1;
            match line.get(..4).context("short line")? {
                b"DATA" => {
                    output.extend_from_slice(b"354 go on\r\n");
                    is_data = true;
                    break;
                }
                b"QUIT" => return Ok(stream.write_all(b"221 bye\r\n").await?),
                _ => output.extend_from_slice(b"250 ok\r\n"),
            }
        }
        input.drain(..done);
        stream.write_all(&output).await?;
        output.clear();
        if is_data {
            let end = loop {
                if let Some(at) = memmem::find(&input, b"\r\n.\r\n") {
                    break at;
                }
                input.reserve(4096);
                if stream.read_buf(&mut input).await? == 0 {
                    return Ok(());
                }
            };
            if let Some(queue) = &queue {
                let (answer, answered) = oneshot::channel();
                let raw = input[..end + 2].to_vec();
                queue.send(Waiting { raw, answer })?;
                answered.await?;
            }
            input.drain(..end + 5);
            output.extend_from_slice(b"250 ok\r\n");
            if input.is_empty() {
                stream.write_all(&output).await?;
                output.clear();
            }
        }
        input.reserve(4096);
        if memchr::memchr(b'\n', &input).is_none() && stream.read_buf(&mut input).await? == 0 {
            return Ok(());
        }
    }
}
