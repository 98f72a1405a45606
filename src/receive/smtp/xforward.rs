//! XFORWARD: what a trusted relay says of the client before it (Postfix's XFORWARD_README).

use std::net::IpAddr;

use super::command::words;
use crate::model::Envelope;

/// The attributes as EHLO lists them.
pub(super) const KEYWORD: &str = "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE";

/// Longest value, decoded.
const VALUE_MAX: usize = 255;

/// What the commands so far have said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Client {
    /// ADDR was given, be it as `[UNAVAILABLE]`, as Postfix does for mail that began on its own host.
    pub addressed: bool,
    address: Option<IpAddr>,
    name: Option<String>,
    helo: Option<String>,
    queue_id: Option<String>,
}

/// Not the syntax of XFORWARD. Nothing of the command counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Client {
    /// Adds the attributes of one command; later ones replace earlier ones.
    pub fn add(&mut self, argument: &[u8]) -> Result<(), Malformed> {
        let mut next = self.clone();
        let mut any = false;
        for word in words(argument) {
            let at = word
                .iter()
                .position(|byte| *byte == b'=')
                .ok_or(Malformed)?;
            let value = value(&word[at + 1..])?;
            match word[..at].to_ascii_uppercase().as_slice() {
                b"ADDR" => {
                    next.addressed = true;
                    next.address = value.as_deref().map(address).transpose()?;
                }
                b"NAME" => next.name = value,
                b"HELO" => next.helo = value,
                b"IDENT" => next.queue_id = value,
                b"PORT" | b"PROTO" | b"SOURCE" => {}
                _ => return Err(Malformed),
            }
            any = true;
        }
        *self = next;
        any.then_some(()).ok_or(Malformed)
    }

    /// Writes what is known into the envelope of the mail that begins.
    pub fn into_envelope(self, envelope: &mut Envelope) {
        envelope.client_address = self.address;
        envelope.client_name = self.name;
        envelope.client_helo = self.helo;
        envelope.queue_id = self.queue_id;
    }
}

/// Decodes xtext (RFC 3461). Control characters come out as `?`: a value is shown to people.
fn value(encoded: &[u8]) -> Result<Option<String>, Malformed> {
    if encoded.is_empty()
        || encoded.eq_ignore_ascii_case(b"[UNAVAILABLE]")
        || encoded.eq_ignore_ascii_case(b"[TEMPUNAVAIL]")
    {
        return Ok(None);
    }
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded.iter();
    while let Some(byte) = rest.next() {
        if *byte != b'+' {
            decoded.push(*byte);
            continue;
        }
        let mut digit = || {
            rest.next()
                .and_then(|digit| char::from(*digit).to_digit(16))
        };
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(Malformed);
        };
        // Two hexadecimal digits are at most 255.
        decoded.push((high * 16 + low) as u8);
    }
    if decoded.len() > VALUE_MAX {
        return Err(Malformed);
    }
    let text = String::from_utf8_lossy(&decoded);
    Ok(Some(
        text.chars()
            .map(|c| if c.is_control() { '?' } else { c })
            .collect(),
    ))
}

/// `192.0.2.1` or `IPv6:2001:db8::1`; a bare IPv6 address does as well.
fn address(text: &str) -> Result<IpAddr, Malformed> {
    let bare = match text.split_at_checked(5) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("IPv6:") => rest,
        _ => text,
    };
    bare.parse::<IpAddr>()
        .map(|address| address.to_canonical())
        .map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(commands: &[&str]) -> Result<Envelope, Malformed> {
        let mut client = Client::default();
        for command in commands {
            client.add(command.as_bytes())?;
        }
        let mut envelope = Envelope::default();
        client.into_envelope(&mut envelope);
        Ok(envelope)
    }

    #[test]
    fn commands_add_up() {
        let envelope = said(&[
            "NAME=mx.example.de ADDR=192.0.2.9 PORT=40112",
            "proto=ESMTP helo=mx+2Dout.example.de ident=4XyZ12Abc3zQ SOURCE=REMOTE",
        ]);
        let envelope = envelope.unwrap();
        assert_eq!(envelope.client_address, Some(IpAddr::from([192, 0, 2, 9])));
        assert_eq!(envelope.client_name.as_deref(), Some("mx.example.de"));
        assert_eq!(envelope.client_helo.as_deref(), Some("mx-out.example.de"));
        assert_eq!(envelope.queue_id.as_deref(), Some("4XyZ12Abc3zQ"));
    }

    #[test]
    fn what_is_unavailable_is_nothing_and_replaces_what_was_said() {
        let envelope = said(&[
            "NAME=a ADDR=192.0.2.9",
            "NAME=[TEMPUNAVAIL] ADDR=[unavailable] HELO=",
        ]);
        assert_eq!(envelope.unwrap(), Envelope::default());
    }

    #[test]
    fn ipv6_comes_with_its_prefix_and_mapped_addresses_count_as_ipv4() {
        for (text, address) in [
            ("ADDR=IPv6:2001:db8::1", "2001:db8::1"),
            ("ADDR=ipv6:2001:db8::1", "2001:db8::1"),
            ("ADDR=2001:db8::1", "2001:db8::1"),
            ("ADDR=IPV6:::ffff:192.0.2.9", "192.0.2.9"),
        ] {
            let envelope = said(&[text]).unwrap();
            assert_eq!(
                envelope.client_address,
                Some(address.parse().unwrap()),
                "{text}"
            );
        }
    }

    #[test]
    fn a_decoded_value_cannot_carry_control_characters() {
        let envelope = said(&["NAME=a+0D+0Ab HELO=+E4 IDENT=+00"]).unwrap();
        assert_eq!(envelope.client_name.as_deref(), Some("a??b"));
        assert_eq!(envelope.client_helo.as_deref(), Some("\u{fffd}"));
        assert_eq!(envelope.queue_id.as_deref(), Some("?"));
    }

    #[test]
    fn a_malformed_command_changes_nothing() {
        let long = format!("NAME={}", "x".repeat(256));
        for wrong in [
            "",
            "NAME",
            "WHAT=x",
            "ADDR=mx.example.de",
            "NAME=+4",
            "NAME=+zz",
            "=x",
            &long,
        ] {
            let mut client = Client::default();
            client.add(b"NAME=before").unwrap();
            let before = client.clone();
            let command = format!("HELO=x {wrong}");
            let command = if wrong.is_empty() { wrong } else { &command };
            assert_eq!(client.add(command.as_bytes()), Err(Malformed), "{wrong}");
            assert_eq!(client, before, "{wrong}");
        }
    }
}
