//! The bytes between `354` and CRLF.CRLF: strict line ends, dot-stuffing, size.

use memchr::memchr3;

/// How many times the size limit a sender may send before the connection is dropped.
const SWALLOW_FACTOR: usize = 16;

/// A message while it comes in.
pub(super) struct Body {
    raw: Vec<u8>,
    /// Most bytes of `raw`, line ends included.
    limit: usize,
    too_big: bool,
    /// Bytes taken off the wire, whatever became of them.
    seen: usize,
    at_line_start: bool,
    bare: Option<&'static str>,
}

/// What [`Body::take`] did.
pub(super) struct Taken {
    /// This many bytes are done with. What is left, at most two bytes, needs more to be judged.
    pub used: usize,
    /// CRLF.CRLF was found; what follows is commands.
    pub ended: bool,
}

impl Body {
    pub fn new(limit: usize) -> Self {
        Body {
            raw: Vec::new(),
            limit,
            too_big: false,
            seen: 0,
            at_line_start: true,
            bare: None,
        }
    }

    /// Takes what can be judged of `input`. Not to be called again after the end or a bare byte.
    pub fn take(&mut self, input: &[u8]) -> Taken {
        // Bytes before `from` are copied or dropped, bytes before `at` are looked at.
        let (mut from, mut at) = (0, 0);
        let ended = loop {
            if self.at_line_start {
                match &input[at..] {
                    [b'.', b'\r', b'\n', ..] => {
                        self.copy(&input[from..at]);
                        at += 3;
                        from = at;
                        break true;
                    }
                    [] | [b'.'] | [b'.', b'\r'] => break false,
                    [b'.', ..] => {
                        self.copy(&input[from..at]);
                        at += 1;
                        from = at;
                    }
                    _ => {}
                }
                self.at_line_start = false;
            }
            at += memchr3(b'\r', b'\n', 0, &input[at..]).unwrap_or(input.len() - at);
            match &input[at..] {
                [b'\r', b'\n', ..] => {
                    at += 2;
                    self.at_line_start = true;
                }
                [] | [b'\r'] => break false,
                [odd, ..] => {
                    self.bare = Some(bare_name(*odd));
                    self.raw = Vec::new();
                    from = at;
                    break false;
                }
            }
        };
        self.copy(&input[from..at]);
        self.seen += at;
        Taken { used: at, ended }
    }

    fn copy(&mut self, bytes: &[u8]) {
        if self.too_big || self.bare.is_some() {
            return;
        }
        if self.raw.len() + bytes.len() > self.limit {
            self.too_big = true;
            self.raw = Vec::new();
            return;
        }
        self.raw.extend_from_slice(bytes);
    }

    /// The CR, LF or NUL that stood where none may stand. Nothing behind it is to be trusted.
    pub fn bare(&self) -> Option<&'static str> {
        self.bare
    }

    /// So much came that waiting for its end is no use.
    pub fn is_endless(&self) -> bool {
        self.seen > self.limit.saturating_mul(SWALLOW_FACTOR)
    }

    /// The message, dot-stuffing undone; `None` if it was too big.
    pub fn into_raw(self) -> Option<Vec<u8>> {
        (!self.too_big).then_some(self.raw)
    }
}

/// The name of a byte that may not stand alone, as it is written in replies.
pub(super) fn bare_name(byte: u8) -> &'static str {
    match byte {
        b'\r' => "<CR>",
        b'\n' => "<LF>",
        _ => "<NUL>",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `wire` in pieces of `size` the way the session does; returns the message and what is
    /// left behind its end.
    fn read(wire: &[u8], size: usize, limit: usize) -> (Body, bool, Vec<u8>) {
        let mut body = Body::new(limit);
        let mut pending = Vec::new();
        let mut pieces = wire.chunks(size);
        for piece in pieces.by_ref() {
            pending.extend_from_slice(piece);
            let taken = body.take(&pending);
            pending.drain(..taken.used);
            if taken.ended || body.bare().is_some() {
                let rest = [pending.as_slice(), &pieces.collect::<Vec<_>>().concat()].concat();
                return (body, taken.ended, rest);
            }
            assert!(pending.len() <= 2, "all but `.` and CR is judged at once");
        }
        (body, false, pending)
    }

    #[test]
    fn the_end_is_found_wherever_the_pieces_break() {
        let wire = b"a: b\r\n\r\n..stuffed\r\n.x\r\n...\r\nlast\r\n.\r\nQUIT\r\n";
        for size in 1..=wire.len() {
            let (body, ended, rest) = read(wire, size, 1000);
            assert!(ended);
            assert_eq!(rest, b"QUIT\r\n");
            assert_eq!(
                body.into_raw().unwrap(),
                b"a: b\r\n\r\n.stuffed\r\nx\r\n..\r\nlast\r\n"
            );
        }
    }

    #[test]
    fn a_dot_on_the_first_line_is_an_empty_message_and_a_stuffed_one_is_not() {
        for size in 1..4 {
            let (body, ended, _) = read(b".\r\n", size, 1000);
            assert!(ended);
            assert_eq!(body.into_raw().unwrap(), b"");
            let (body, ended, _) = read(b"..x\r\n.\r\n", size, 1000);
            assert!(ended);
            assert_eq!(body.into_raw().unwrap(), b".x\r\n");
        }
    }

    #[test]
    fn a_bare_byte_is_found_wherever_the_pieces_break() {
        for (wire, name) in [
            (&b"a\n"[..], "<LF>"),
            (b"\n.\r\n", "<LF>"),
            (b"a\rb", "<CR>"),
            (b"a\r\r\n", "<CR>"),
            (b".\rx", "<CR>"),
            (b".\n", "<LF>"),
            (b"a\0", "<NUL>"),
            (b"a\r\n\0.\r\n", "<NUL>"),
            (b".\0", "<NUL>"),
        ] {
            for size in 1..=wire.len() {
                let (body, ended, _) = read(wire, size, 1000);
                assert!(!ended);
                assert_eq!(body.bare(), Some(name), "{}", wire.escape_ascii());
            }
        }
    }

    #[test]
    fn the_limit_counts_what_is_kept_and_the_end_is_still_found_beyond_it() {
        let exact = b"..345\r\n8\r\n.\r\n";
        for size in 1..=exact.len() {
            let (body, ended, _) = read(exact, size, 9);
            assert!(ended);
            assert_eq!(body.into_raw().unwrap(), b".345\r\n8\r\n");
            let (body, ended, _) = read(exact, size, 8);
            assert!(ended);
            assert_eq!(body.into_raw(), None);
        }
    }

    #[test]
    fn a_message_without_end_is_called_endless_and_takes_no_memory() {
        let mut body = Body::new(1000);
        for _ in 0..16 {
            body.take(&[b'x'; 1000]);
            assert!(!body.is_endless());
        }
        body.take(b"x");
        assert!(body.is_endless());
        assert_eq!(body.raw.capacity(), 0);
    }
}
