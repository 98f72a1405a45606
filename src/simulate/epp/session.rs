//! One connection: greeting, login, and commands in turn.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::request::{Asked, Request};
use super::response::{greeting, message, result};
use super::{EppFault, House};
use crate::wire::epp::EXTENSION;

const DONE: &str = "Command completed successfully";

/// Longer commands are none.
const COMMAND_BYTES_MAX: u32 = 65_536;

/// What the client has.
#[derive(Default)]
struct Client {
    is_in: bool,
    has_extension: bool,
}

/// What is answered.
enum Answer {
    Say(String),
    /// And no more.
    Last(String),
    /// Raw bytes, and no more.
    Break(Vec<u8>),
    HangUp,
}

pub(super) async fn run(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    house: &House,
) -> io::Result<()> {
    let mut client = Client::default();
    say(&mut stream, &greeting(house.rules.has_extension)).await?;
    loop {
        let frame = hear(&mut stream).await?;
        match answer(&frame, &mut client, house) {
            Answer::Say(text) => say(&mut stream, &text).await?,
            Answer::Last(text) => {
                say(&mut stream, &text).await?;
                return stream.shutdown().await;
            }
            Answer::Break(bytes) => {
                stream.write_all(&bytes).await?;
                return stream.shutdown().await;
            }
            Answer::HangUp => return stream.shutdown().await,
        }
    }
}

async fn hear(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let length = stream.read_u32().await?;
    let bytes = (5..=COMMAND_BYTES_MAX)
        .contains(&length)
        .then(|| length - 4);
    let bytes = bytes.ok_or(io::ErrorKind::InvalidData)?;
    let mut frame = vec![0; usize::try_from(bytes).unwrap_or_default()];
    stream.read_exact(&mut frame).await?;
    Ok(frame)
}

/// A frame with its length.
fn framed(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len() + 4).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], text.as_bytes()].concat()
}

async fn say(stream: &mut (impl AsyncWrite + Unpin), text: &str) -> io::Result<()> {
    stream.write_all(&framed(text)).await?;
    stream.flush().await
}

fn answer(frame: &[u8], client: &mut Client, house: &House) -> Answer {
    let Some(request) = Request::read(frame) else {
        return Answer::Say(result(2001, "Command syntax error", None, None));
    };
    let transaction = request.transaction.as_deref();
    let say = |code, text: &str| Answer::Say(result(code, text, None, transaction));
    if !house.is_in_time() {
        return say(2400, "Command failed; one command per second");
    }
    match request.asked {
        Asked::Hello => Answer::Say(greeting(house.rules.has_extension)),
        Asked::Logout => Answer::Last(result(1500, "Ending session", None, transaction)),
        Asked::Login {
            user,
            password,
            extensions,
        } => {
            if let Some(EppFault::RefuseLogin(code)) = house.fault(EppFault::is_of_login) {
                return Answer::Last(result(code, "Command failed", None, transaction));
            }
            let is_right = (&user, &password) == (&house.user.name, &house.user.password);
            if !is_right || client.is_in {
                // Some servers repeat what they were told.
                let text = format!("Authentication error; {user} {password}");
                return say(2200, &text);
            }
            house.desk().logins += 1;
            client.is_in = true;
            client.has_extension =
                house.rules.has_extension && extensions.iter().any(|uri| uri == EXTENSION);
            say(1000, DONE)
        }
        _ if !client.is_in => say(2002, "Command use error"),
        Asked::Poll => poll(client, house, transaction),
        Asked::Acknowledge(id) => acknowledge(&id, house, transaction),
    }
}

fn poll(client: &Client, house: &House, transaction: Option<&str>) -> Answer {
    let oldest = house.messages().front().cloned();
    let Some((_, frame)) = oldest else {
        let text = format!("{DONE}; no messages");
        return Answer::Say(result(1300, &text, None, transaction));
    };
    let frame = message(&frame, transaction, client.has_extension);
    match house.fault(EppFault::is_of_poll) {
        Some(EppFault::CutFrame) => {
            let bytes = framed(&frame);
            Answer::Break(bytes[..bytes.len() / 2].to_vec())
        }
        Some(EppFault::Length(length)) => {
            Answer::Break([&length.to_be_bytes()[..], frame.as_bytes()].concat())
        }
        Some(EppFault::Doctype) => {
            let doctype = "<!DOCTYPE epp [<!ENTITY x \"y\">]>";
            let (front, back) = frame.split_once("?>").unwrap_or(("", &frame));
            Answer::Say(format!("{front}?>{doctype}{back}"))
        }
        Some(EppFault::Oversized) => Answer::Break(framed(&" ".repeat(2 << 20))),
        _ => Answer::Say(frame),
    }
}

fn acknowledge(id: &str, house: &House, transaction: Option<&str>) -> Answer {
    let fault = house.fault(EppFault::is_of_ack);
    match fault {
        Some(EppFault::HangUpAtAck) => return Answer::HangUp,
        Some(EppFault::RefuseAck(code)) => {
            return Answer::Say(result(code, "Command failed", None, transaction));
        }
        _ => {}
    }
    let mut messages = house.messages();
    if messages.front().is_none_or(|(oldest, _)| oldest != id) {
        let text = "Object does not exist";
        return Answer::Say(result(2303, text, None, transaction));
    }
    messages.pop_front();
    let left = messages.len();
    drop(messages);
    house.desk().acknowledged.push(id.to_owned());
    match fault {
        Some(EppFault::LoseAckResponse) => Answer::HangUp,
        _ => Answer::Say(result(1000, DONE, Some((left, id)), transaction)),
    }
}
