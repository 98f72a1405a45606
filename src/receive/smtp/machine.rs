//! `mailin` behind a wall: it judges command grammar and the order of states, nothing else.
//!
//! It sees no address, because it writes every line it is given to the log at trace level: letters
//! are masked, and what its grammar looks at (blanks, brackets) is left in place. The null sender,
//! which it does not know, is masked as a sender of one letter.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mailin::{Handler, Response, Session, SessionBuilder};

/// The states of one SMTP session.
pub(super) struct Machine {
    session: Session<Gate>,
    refuse: Arc<AtomicBool>,
    line: Vec<u8>,
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Done, and the state is the next one.
    Taken,
    /// Not well formed; the state is as before.
    Syntax,
    /// Not now; the state is as before.
    OutOfOrder,
    /// Right in form and order, but the caller had asked for a refusal; the state is as before.
    Refused,
}

/// Lets MAIL and RCPT pass, or not, as the session decided before it asked.
struct Gate {
    refuse: Arc<AtomicBool>,
}

impl Gate {
    fn answer(&self) -> Response {
        let code = if self.refuse.load(Ordering::Relaxed) {
            550
        } else {
            250
        };
        Response::custom(code, String::new())
    }
}

impl Handler for Gate {
    fn mail(&mut self, _ip: IpAddr, _domain: &str, _from: &str) -> Response {
        self.answer()
    }

    fn rcpt(&mut self, _to: &str) -> Response {
        self.answer()
    }
}

impl Machine {
    pub fn new(hostname: &str, peer: IpAddr) -> Self {
        let refuse = Arc::new(AtomicBool::new(false));
        let gate = Gate {
            refuse: refuse.clone(),
        };
        let session = SessionBuilder::new(hostname).build(peer, gate);
        Machine {
            session,
            refuse,
            line: Vec::new(),
        }
    }

    /// A command other than MAIL and RCPT, without its line end.
    pub fn command(&mut self, command: &[u8]) -> Step {
        self.line.clear();
        self.line.extend_from_slice(command);
        self.process()
    }

    /// MAIL with the address alone, empty for the null sender.
    pub fn mail(&mut self, address: &[u8], refuse: bool) -> Step {
        let address = if address.is_empty() { b"x" } else { address };
        self.path(b"MAIL FROM:<", address, refuse)
    }

    /// RCPT with the address alone.
    pub fn rcpt(&mut self, address: &[u8], refuse: bool) -> Step {
        self.path(b"RCPT TO:<", address, refuse)
    }

    /// The end of DATA. `mailin` is told that all went well before we know: after an error here it
    /// would stay in DATA and swallow the next mail.
    pub fn end_of_data(&mut self) -> Step {
        self.command(b".")
    }

    fn path(&mut self, command: &[u8], address: &[u8], refuse: bool) -> Step {
        self.line.clear();
        self.line.extend_from_slice(command);
        let masked = address.iter().map(|byte| match byte {
            b' ' | b'\t' | b'<' | b'>' => *byte,
            _ => b'x',
        });
        self.line.extend(masked);
        self.line.push(b'>');
        self.refuse.store(refuse, Ordering::Relaxed);
        self.process()
    }

    fn process(&mut self) -> Step {
        self.line.extend_from_slice(b"\r\n");
        match self.session.process(&self.line).code {
            500..=502 => Step::Syntax,
            550 => Step::Refused,
            code if code < 400 => Step::Taken,
            _ => Step::OutOfOrder,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        Machine::new("mx.example.net", IpAddr::from([127, 0, 0, 1]))
    }

    #[test]
    fn a_transaction_goes_round_and_round() {
        let mut machine = machine();
        assert_eq!(machine.mail(b"a@example.de", false), Step::OutOfOrder);
        assert_eq!(machine.command(b"ehlo relay.example.net"), Step::Taken);
        for _ in 0..2 {
            assert_eq!(machine.command(b"DATA"), Step::OutOfOrder);
            assert_eq!(machine.mail(b"", false), Step::Taken);
            assert_eq!(machine.mail(b"", false), Step::OutOfOrder);
            assert_eq!(machine.command(b"DATA"), Step::OutOfOrder);
            assert_eq!(machine.rcpt(b"b@example.de", false), Step::Taken);
            assert_eq!(machine.command(b"DATA"), Step::Taken);
            assert_eq!(machine.end_of_data(), Step::Taken);
        }
    }

    #[test]
    fn a_refused_command_leaves_the_state_as_it_was() {
        let mut machine = machine();
        machine.command(b"HELO relay.example.net");
        assert_eq!(machine.mail(b"a@example.de", true), Step::Refused);
        assert_eq!(machine.rcpt(b"b@example.de", false), Step::OutOfOrder);
        assert_eq!(machine.mail(b"a@example.de", false), Step::Taken);
        assert_eq!(machine.rcpt(b"b@example.de", true), Step::Refused);
        assert_eq!(machine.command(b"DATA"), Step::OutOfOrder);
    }

    #[test]
    fn what_the_grammar_looks_at_survives_the_mask() {
        let mut machine = machine();
        machine.command(b"HELO relay.example.net");
        assert_eq!(machine.mail(b"\"a b\"@example.de", false), Step::Syntax);
        assert_eq!(machine.mail(b"\"a>b\"@example.de", false), Step::Syntax);
        assert_eq!(
            machine.mail("d\u{e4}@example.de".as_bytes(), false),
            Step::Taken
        );
        assert_eq!(machine.rcpt(b"", false), Step::Syntax);
        assert!(!machine.line.windows(7).any(|part| part == b"example"));
    }
}
