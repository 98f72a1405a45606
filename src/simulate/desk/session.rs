//! One session of RRI: frames in, frames out.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::asked::Asked;
use super::book::Channel;
use super::fault::{Fault, noise};
use super::line::{Line, code};
use super::reply::Reply;
use super::rri::{House, NoLogin};
use crate::model::RequestResult;
use crate::wire::Format;

/// A longer request is answered with 83000000000.
const REQUEST_BYTES_MAX: u64 = 65_536;

/// What is so long is not even read to its end.
const SKIPPED_BYTES_MAX: u64 = 16 << 20;

/// Does the session go on?
enum Next {
    Read,
    /// After a LOGOUT.
    Leave,
    /// In any other way.
    Drop,
}

/// What a frame holds.
enum Frame {
    Text(String),
    NoText,
    TooLong,
}

/// Answers one client until it leaves, or is silent for too long.
pub(super) async fn run(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    house: &House,
    login_until: Instant,
) {
    let mut place = Place {
        house,
        regacc: None,
        is_dropped: true,
    };
    loop {
        let until = match place.regacc {
            Some(_) => Instant::now() + house.limits.idle,
            None => login_until,
        };
        let Ok(Ok(frame)) = timeout_at(until, read(&mut stream)).await else {
            break;
        };
        match answer(&mut stream, frame, &mut place).await {
            Ok(Next::Read) => {}
            Ok(Next::Leave) => {
                place.is_dropped = false;
                break;
            }
            Ok(Next::Drop) | Err(_) => break,
        }
    }
    // The client's goodbye of TLS may not come any more.
    stream.shutdown().await.unwrap_or(());
}

/// A place among the sessions of an account, given back however the session ends.
struct Place<'a> {
    house: &'a House,
    regacc: Option<String>,
    is_dropped: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(regacc) = &self.regacc {
            self.house.leave(regacc, self.is_dropped);
        }
    }
}

async fn answer(
    stream: &mut (impl AsyncWrite + Unpin),
    frame: Frame,
    place: &mut Place<'_>,
) -> io::Result<Next> {
    let house = place.house;
    let text = match frame {
        Frame::Text(text) => text,
        Frame::NoText => {
            let reply = failed(house, Format::KeyValue, code::FORMAT.line());
            write(stream, reply.to_text().as_bytes(), house).await?;
            return Ok(Next::Read);
        }
        Frame::TooLong => {
            let reply = failed(house, Format::KeyValue, code::TOO_LONG.line());
            write(stream, reply.to_text().as_bytes(), house).await?;
            return Ok(Next::Read);
        }
    };
    let asked = Asked::read(&text).ok();
    let action = asked.as_ref().map(|asked| asked.action.as_str());
    match (action, &asked, &place.regacc) {
        (Some("LOGIN"), Some(asked), _) => login(stream, asked, place).await,
        (Some("LOGOUT"), Some(asked), Some(_)) => {
            let reply = house
                .counter
                .say(asked.format, None, RequestResult::Success, Vec::new());
            match say(stream, reply, house, "LOGOUT").await? {
                Next::Read => Ok(Next::Leave),
                other => Ok(other),
            }
        }
        (_, _, None) => {
            let reply = failed(house, Format::of(&text), code::LOGIN_FIRST.line());
            write(stream, reply.to_text().as_bytes(), house).await?;
            Ok(Next::Read)
        }
        (_, _, Some(regacc)) => {
            let outcome = house.counter.take(regacc, Channel::Rri, &text);
            // Even a sleep of nothing takes until the next tick of the timer.
            if !outcome.after.is_zero() {
                tokio::time::sleep(outcome.after).await;
            }
            match outcome.reply {
                Some(answer) => {
                    write(stream, &answer.bytes(), house).await?;
                    Ok(Next::Read)
                }
                None => Ok(Next::Drop),
            }
        }
    }
}

async fn login(
    stream: &mut (impl AsyncWrite + Unpin),
    asked: &Asked,
    place: &mut Place<'_>,
) -> io::Result<Next> {
    let house = place.house;
    let word = |keyword| asked.one(keyword).unwrap_or_default();
    let line = match &place.regacc {
        // Nothing says what a second login does.
        Some(_) => code::SEMANTICS.with("LOGIN"),
        None => match house.login(word("User"), word("Password")) {
            Ok(regacc) => {
                place.regacc = Some(regacc);
                let reply =
                    house
                        .counter
                        .say(asked.format, None, RequestResult::Success, Vec::new());
                return say(stream, reply, house, "LOGIN").await;
            }
            Err(NoLogin::Wrong) => code::LOGIN_FIRST.line(),
            Err(NoLogin::Blocked) => code::BLOCKED.line(),
            Err(NoLogin::TooMany) => {
                let reply = failed(house, asked.format, code::SESSIONS.line());
                write(stream, reply.to_text().as_bytes(), house).await?;
                return Ok(Next::Drop);
            }
        },
    };
    let reply = failed(house, asked.format, line);
    write(stream, reply.to_text().as_bytes(), house).await?;
    Ok(Next::Read)
}

/// Says what is none of the books', and has that go wrong where it was ordered.
async fn say(
    stream: &mut (impl AsyncWrite + Unpin),
    reply: Reply,
    house: &House,
    action: &str,
) -> io::Result<Next> {
    let text = reply.to_text();
    match house.counter.fault(action) {
        Some(Fault::LoseRequest | Fault::LoseReply) => return Ok(Next::Drop),
        Some(Fault::DelayReply(time)) => {
            tokio::time::sleep(time).await;
            write(stream, text.as_bytes(), house).await?;
        }
        Some(Fault::Garble) => write(stream, &noise(&text), house).await?,
        _ => write(stream, text.as_bytes(), house).await?,
    }
    Ok(Next::Read)
}

fn failed(house: &House, format: Format, line: Line) -> Reply {
    house
        .counter
        .say(format, None, RequestResult::Failed, vec![line])
}

/// Both parts may arrive in pieces.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Frame> {
    let length = u64::from(stream.read_u32().await?);
    if length == 0 || length > SKIPPED_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut part = stream.take(length);
    if length > REQUEST_BYTES_MAX {
        let skipped = tokio::io::copy(&mut part, &mut tokio::io::sink()).await?;
        return match skipped == length {
            true => Ok(Frame::TooLong),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        };
    }
    let mut bytes = Vec::new();
    part.read_to_end(&mut bytes).await?;
    if u64::try_from(bytes.len()).ok() != Some(length) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8(bytes).map_or(Frame::NoText, Frame::Text))
}

async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    text: &[u8],
    house: &House,
) -> io::Result<()> {
    let length = u32::try_from(text.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    let frame = [&length.to_be_bytes(), text].concat();
    for piece in frame.chunks(house.limits.piece_bytes.max(1)) {
        stream.write_all(piece).await?;
        stream.flush().await?;
    }
    Ok(())
}
