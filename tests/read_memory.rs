//! What reading one hostile mail takes in memory: never above 16 times the size limit. A process of
//! its own, because it counts every allocation of the process.

use peak_alloc::PeakAlloc;
use stichtag::authenticate::Policy;
use stichtag::config::{Config, Layers};
use stichtag::evidence::Gatherer;
use stichtag::model::{Envelope, Inbound, Source};
use stichtag::process::{Reading, read};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// `smtp.max_message_size` as shipped.
const SIZE_MAX: usize = 256 * 1024;
const FACTOR: usize = 16;

const TO: &str = "live@registrar.example";
const FROM: &str = "registry-response@denic.de";
/// Events of CentralNic Reseller come here.
const TO_EVENTS: &str = "events@registrar.example";

/// All that a mail meets before it is decided.
struct House {
    policy: Policy,
    gatherer: Gatherer,
    runtime: tokio::runtime::Runtime,
}

fn house() -> House {
    let key = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/trust/pgp/keys/rsa.asc"
    );
    let variables = [
        ("ROUTE__DENIC_LIVE__RECIPIENTS", format!("[\"{TO}\"]")),
        ("ROUTE__DENIC_LIVE__REQUIRE", "record".to_owned()),
        ("ROUTE__DENIC_LIVE__PGP_KEYS", format!("[\"{key}\"]")),
        ("ROUTE__EVENTS__PARSER", "centralnic".to_owned()),
        ("ROUTE__EVENTS__RECIPIENTS", format!("[\"{TO_EVENTS}\"]")),
        ("ROUTE__EVENTS__ENVELOPE_FROM", format!("[\"{FROM}\"]")),
        ("ROUTE__EVENTS__HEADER_FROM", format!("[\"{FROM}\"]")),
        ("ROUTE__EVENTS__REQUIRE", "record".to_owned()),
        (
            "AUTHENTICATE__AUTHSERV_IDS",
            "[\"mx.example.net\"]".to_owned(),
        ),
        ("AUTHENTICATE__RESOLVERS", "[\"none\"]".to_owned()),
    ];
    let variables = variables.map(|(name, value)| (format!("STICHTAG_{name}"), value));
    let layers = Layers::read(None, variables.into_iter()).unwrap();
    let config = Config::from_layers(&layers).unwrap();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    House {
        policy: stichtag::serve::policy(&config),
        gatherer: stichtag::serve::gatherer(&config).unwrap(),
        runtime: runtime.enable_all().build().unwrap(),
    }
}

/// `unit` as often as it fits.
fn fill(unit: impl AsRef<[u8]>, before: &[u8], after: &[u8]) -> Vec<u8> {
    let unit = unit.as_ref();
    let times = (SIZE_MAX - before.len() - after.len()) / unit.len();
    [before, &unit.repeat(times), after].concat()
}

/// Different pieces, `piece(0)`, `piece(1)` and so on, as many as fit.
fn fill_with(piece: impl Fn(usize) -> String, before: &[u8], after: &[u8]) -> Vec<u8> {
    let mut mail = before.to_vec();
    for number in 0.. {
        let piece = piece(number);
        if mail.len() + piece.len() + after.len() > SIZE_MAX {
            break;
        }
        mail.extend_from_slice(piece.as_bytes());
    }
    [mail.as_slice(), after].concat()
}

/// A right header, more fields, and the blank line.
fn header(more: &str) -> Vec<u8> {
    format!(
        "Date: Mon, 04 May 2026 09:12:31 +0200\r\nFrom: {FROM}\r\nTo: {TO}\r\n\
         Subject: DOMAIN STATUS UPDATE - 2026-05-04\r\nMessage-ID: <1@denic.de>\r\n{more}\r\n"
    )
    .into_bytes()
}

const REGISTRY: &str = "STATUS: success\r\nTICKET:\r\nOBJECT: Domain\r\nHANDLE: denic.de [denic.de]\r\n\
    INFO: 53000080013 Domain \"Status\" is \"connect\"\r\n";

fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let mixed = header("Content-Type: multipart/mixed; boundary=x\r\n");
    let coded = |coding: &str, charset: &str| {
        header(&format!(
            "Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: {coding}\r\n"
        ))
    };
    let fields = [&header("")[..], REGISTRY.as_bytes()].concat();
    let nest = |number: usize| {
        format!("Content-Type: multipart/mixed; boundary=b{number}\r\n\r\n--b{number}\r\n")
    };
    let word = |number: usize| format!("{}-{} ", number % 10, number / 10);
    let both = {
        let half = |number: usize| {
            if number < 15_000 {
                word(number)
            } else {
                "\r\n".repeat(200_000)
            }
        };
        let text = fill_with(half, b"--x\r\n\r\n", b"");
        [
            header("Content-Type: multipart/alternative; boundary=x\r\n"),
            text,
            b"\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>".to_vec(),
        ]
        .concat()
    };
    vec![
        ("nothing", Vec::new()),
        ("zeroes", vec![0; SIZE_MAX]),
        ("line ends", fill("\r\n", b"", b"")),
        ("one long line", fill("x", &header(""), b"\r\n")),
        (
            "one long line of fields",
            fill("STATUS: success ", &header(""), b"\r\n"),
        ),
        ("no header at all", fill("x\r\n", b"", b"")),
        ("short fields", fill("a:\r\n", b"", b"\r\nx\r\n")),
        (
            "short fields after a right header",
            fill("a:\r\n", &header("")[..header("").len() - 2], b"\r\n"),
        ),
        ("folded lines", fill("\t\r\n", b"Subject: x\r\n", b"\r\n")),
        ("From of commas", fill(",", b"From: ", b"\r\n\r\nx\r\n")),
        ("From of words", fill("a ", b"From: ", b"\r\n\r\nx\r\n")),
        (
            "From of addresses",
            fill("a@b,", b"From: ", b"\r\n\r\nx\r\n"),
        ),
        ("From of comments", fill("(", b"From: ", b"\r\n\r\nx\r\n")),
        ("From of quotes", fill("\"\" ", b"From: ", b"\r\n\r\nx\r\n")),
        (
            "From of encoded words",
            fill("=?utf-8?q?=E4?= ", b"From: ", b"\r\n\r\nx\r\n"),
        ),
        (
            "many From",
            fill(format!("From: {FROM}\r\n"), b"", b"\r\nx\r\n"),
        ),
        ("To of addresses", fill("a@b,", b"To: ", &header(""))),
        ("To of groups", fill("a:b@c;", b"To: ", &header(""))),
        (
            "Subject of encoded words",
            fill("=?utf-8?q?a?= ", b"Subject: ", b"\r\n\r\n"),
        ),
        (
            "Subject of bytes beyond ASCII",
            fill(b"\xff", b"Subject: ", b"\r\n\r\n"),
        ),
        ("many Subject", fill("Subject: x\r\n", &header(""), b"\r\n")),
        (
            "Received",
            fill(
                "Received: from a by b; Mon, 04 May 2026 09:12:31 +0200\r\n",
                b"",
                &header(""),
            ),
        ),
        ("References", fill("<a@b> ", b"References: ", &header(""))),
        (
            "parameters",
            fill("; a=b", b"Content-Type: text/plain", b"\r\n\r\nx\r\n"),
        ),
        (
            "continued parameters",
            fill_with(
                |n| format!("; a*{n}=b"),
                b"Content-Type: text/plain",
                b"\r\n\r\nx\r\n",
            ),
        ),
        (
            "Authentication-Results",
            fill(
                "Authentication-Results: mx.example.net; dkim=pass header.d=denic.de\r\n",
                b"",
                &header(""),
            ),
        ),
        (
            "one long Authentication-Results",
            fill(
                " dkim=pass header.d=denic.de;",
                b"Authentication-Results: mx.example.net;",
                &[b"\r\n", &header("")[..]].concat(),
            ),
        ),
        (
            "DKIM signatures",
            fill(
                "DKIM-Signature: v=1; a=rsa-sha256; d=denic.de; s=a; h=from; bh=eA==; b=eA==\r\n",
                b"",
                &header(""),
            ),
        ),
        ("parts", fill("--x\r\n\r\na\r\n", &mixed, b"--x--\r\n")),
        ("empty parts", fill("--x\r\n", &mixed, b"")),
        (
            "parts of attached mail",
            fill(
                "--x\r\nContent-Type: message/rfc822\r\n\r\na: b\r\n\r\nc\r\n",
                &mixed,
                b"",
            ),
        ),
        (
            "deep multipart",
            fill_with(nest, &header("")[..header("").len() - 2], b""),
        ),
        ("ninety levels, then text", {
            let nested: String = (0..90).map(nest).collect();
            let mut head = header("");
            head.truncate(head.len() - 2);
            fill("x\r\n", &[head, nested.into_bytes()].concat(), b"")
        }),
        (
            "deep attached mail",
            fill(
                "Content-Type: message/rfc822\r\n\r\n",
                &header("")[..header("").len() - 2],
                b"",
            ),
        ),
        ("ninety attached mails, then text", {
            let nested = "Content-Type: message/rfc822\r\n\r\n".repeat(90);
            let mut head = header("");
            head.truncate(head.len() - 2);
            fill("x\r\n", &[head, nested.into_bytes()].concat(), b"")
        }),
        (
            "quoted-printable",
            fill("=E4", &coded("quoted-printable", "iso-8859-1"), b"\r\n"),
        ),
        (
            "quoted-printable soft lines",
            fill("=\r\n", &coded("quoted-printable", "utf-8"), b"\r\n"),
        ),
        (
            "base64",
            fill("5OTk", &coded("base64", "iso-8859-1"), b"\r\n"),
        ),
        (
            "latin-1",
            fill(b"\xe4", &coded("8bit", "iso-8859-1"), b"\r\n"),
        ),
        ("undeclared bytes", fill(b"\x80", &header(""), b"\r\n")),
        ("utf-7", fill("+AOQ-", &coded("7bit", "utf-7"), b"\r\n")),
        (
            "utf-16",
            fill("\u{e4}\0", &coded("8bit", "utf-16"), b"\r\n"),
        ),
        (
            "gb18030",
            fill(b"\x81\x30\x81\x30", &coded("8bit", "gb18030"), b"\r\n"),
        ),
        (
            "iso-2022-jp",
            fill(b"\x1b$B!!\x1b(B", &coded("7bit", "iso-2022-jp"), b"\r\n"),
        ),
        ("zero-width letters", fill("\u{200b}", &header(""), b"\r\n")),
        (
            "letters that fall apart",
            fill("\u{1d160}", &header(""), b"\r\n"),
        ),
        (
            "accents on one letter",
            fill("\u{301}\u{323}", &header(""), b"\r\n"),
        ),
        ("STATUS lines", fill("STATUS: success\r\n", &fields, b"")),
        ("unknown fields", fill("A:\r\n", &fields, b"")),
        (
            "different unknown fields",
            fill_with(|n| format!("A{n}:\r\n"), &fields, b""),
        ),
        ("free text", fill("x\r\n\r\n", &fields, b"")),
        ("HOLDER lines", fill("HOLDER: DENIC-1-A\r\n", &fields, b"")),
        (
            "different HOLDER lines",
            fill_with(|n| format!("HOLDER: DENIC-1-A{n}\r\n"), &fields, b""),
        ),
        ("HOLDER without colon", fill("HOLDER x\r\n", &fields, b"")),
        (
            "INFO lines",
            fill(
                "INFO: 16350000040 x [Date: 2026-06-04T08:30:00+02:00]\r\n",
                &fields,
                b"",
            ),
        ),
        (
            "different INFO lines",
            fill_with(
                |n| format!("INFO: {} x\r\n", 10_000_000_000 + n),
                &fields,
                b"",
            ),
        ),
        (
            "claims",
            fill(
                "a,",
                &[
                    &fields[..],
                    b"INFO: 16350000040 x [Date: 2026-06-04T08:30:00+02:00, VerificationClaims: ",
                ]
                .concat(),
                b"]\r\n",
            ),
        ),
        (
            "brackets",
            fill("[", &[&fields[..], b"INFO: 16350000040 "].concat(), b"\r\n"),
        ),
        (
            "bracket pairs",
            fill(
                "[a: b]",
                &[&fields[..], b"INFO: 16350000040 "].concat(),
                b"\r\n",
            ),
        ),
        (
            "deadlines",
            fill(
                "dedelegation by [Date: 2026-06-04T08:30:00+02:00] ",
                &[&fields[..], b"INFO: 16350000040 "].concat(),
                b"\r\n",
            ),
        ),
        (
            "HTML beside text",
            [
                both.as_slice(),
                &vec![b'y'; SIZE_MAX.saturating_sub(both.len())],
            ]
            .concat(),
        ),
        (
            "HTML words",
            fill_with(
                word,
                &[
                    &header("Content-Type: multipart/alternative; boundary=x\r\n")[..],
                    b"--x\r\n\r\nx\r\n--x\r\nContent-Type: text/html\r\n\r\n",
                ]
                .concat(),
                b"",
            ),
        ),
        (
            "HTML tags",
            fill("<b>", &header("Content-Type: text/html\r\n"), b""),
        ),
        (
            "words beside HTML",
            fill_with(
                word,
                &[
                    &header("Content-Type: multipart/alternative; boundary=x\r\n")[..],
                    b"--x\r\nContent-Type: text/html\r\n\r\nx\r\n--x\r\n\r\n",
                ]
                .concat(),
                b"\r\n",
            ),
        ),
        (
            "DKIM signatures",
            fill(
                "DKIM-Signature: v=1; a=rsa-sha256; d=denic.de; s=s1; h=from; bh=AAAA; b=AAAA\r\n",
                b"",
                &[&header("")[..], REGISTRY.as_bytes()].concat(),
            ),
        ),
        (
            "signed fields",
            fill(
                "from:",
                b"DKIM-Signature: v=1; a=rsa-sha256; d=denic.de; s=s1; bh=AAAA; b=AAAA; h=",
                &[b"from\r\n", &header("")[..], REGISTRY.as_bytes()].concat(),
            ),
        ),
        (
            "ARC sets",
            fill(
                "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=denic.de; s=s1; b=AAAA\r\n\
                 ARC-Message-Signature: i=1; a=rsa-sha256; d=denic.de; s=s1; h=from; bh=AAAA; b=AAAA\r\n\
                 ARC-Authentication-Results: i=1; x; dkim=pass\r\n",
                b"",
                &[&header("")[..], REGISTRY.as_bytes()].concat(),
            ),
        ),
        (
            "PGP",
            fill(
                "- x\r\n",
                &[
                    &header("")[..],
                    b"-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA512\r\n\r\n",
                ]
                .concat(),
                b"-----BEGIN PGP SIGNATURE-----\r\n\r\niQ==\r\n-----END PGP SIGNATURE-----\r\n",
            ),
        ),
    ]
}

/// What an event can have much of, within the bounds on fields and lines.
fn hostile_events() -> Vec<(&'static str, Vec<u8>)> {
    const FIELDS: usize = 900;
    const LINES: usize = 9_900;
    const EVENT: &str = "CLASS:CONTACT_REGISTRATION\r\nSUBCLASS:CONTACT_REGISTRATION_NOTIFY\r\n";
    const MARK: &str = "CONTACTVERIFICATION WITH TRIGGERCODE:";
    let event = |count: usize, line: &dyn Fn(usize) -> String| {
        let lines: String = (0..count).map(line).collect();
        [&header("")[..], EVENT.as_bytes(), lines.as_bytes()].concat()
    };
    let long = "b".repeat(50);
    vec![
        ("data", event(FIELDS, &|n| format!("a{n}:{long}\r\n"))),
        (
            "odd data",
            event(FIELDS, &|_| format!("a:{}\r\n", "1A/…ä".repeat(7))),
        ),
        (
            "domains",
            event(FIELDS, &|n| format!("domain:a{n}{long}.example\r\n")),
        ),
        (
            "unknown fields",
            event(FIELDS, &|n| format!("X{n}:{long}\r\n")),
        ),
        (
            "free text",
            event(LINES, &|n| format!("a {n} bbbb bbbb\r\n")),
        ),
        (
            "texts",
            event(FIELDS, &|n| format!("REASON:{n} {long}\r\n")),
        ),
        ("indexes", event(FIELDS, &|_| format!("INDEX:{long}\r\n"))),
        (
            "triggers",
            event(FIELDS, &|_| format!("REASON:{MARK}abcdefgh\r\n")),
        ),
        (
            "codes",
            event(FIELDS / 2, &|_| {
                let code = "abcdefgh".repeat(5);
                format!("REASON:{MARK}abcdefgh\r\na:{code}\r\n")
            }),
        ),
        (
            "half codes",
            event(FIELDS, &|_| "a:trigger trigger trigger=\r\n".to_owned()),
        ),
    ]
}

fn inbound(source: Source, raw: Vec<u8>) -> Inbound {
    Inbound {
        source,
        received_at: "2026-05-04T07:13:00Z".parse().unwrap(),
        envelope: Envelope {
            mail_from: Some(FROM.to_owned()),
            recipients: vec![TO.to_owned()],
            ..Envelope::default()
        },
        environment: None,
        raw,
    }
}

/// Gathers evidence as of a registry that signs and has keys, and reads; tells the most memory that was
/// needed beyond what was there before.
fn measured(house: &House, mail: &Inbound) -> (Reading, usize) {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let gathering = house.gatherer.gather(mail, mail.received_at);
    let evidence = house.runtime.block_on(gathering);
    let reading = read(&house.policy, mail, Some(&evidence), false);
    (reading, MEMORY.peak_usage() - before)
}

#[test]
fn reading_a_mail_takes_less_than_sixteen_times_the_size_limit() {
    let house = house();
    // Tables that are made once.
    let usual = inbound(
        Source::DenicMail,
        [&header("")[..], REGISTRY.as_bytes()].concat(),
    );
    let (reading, _) = measured(&house, &usual);
    assert_eq!(reading.reasons, [], "the usual mail is understood");
    let mut too_much = Vec::new();
    for (name, raw) in hostile() {
        assert!(raw.len() <= SIZE_MAX, "{name}: {}", raw.len());
        for source in [Source::DenicMail, Source::DenicQueue] {
            let (reading, peak) = measured(&house, &inbound(source, raw.clone()));
            let panics = reading
                .reasons
                .iter()
                .any(|reason| reason.detail.starts_with("panic"));
            assert!(!panics, "{name}: {:?}", reading.reasons);
            println!("{:5.1} {name} {source:?}", peak as f64 / SIZE_MAX as f64);
            if peak >= FACTOR * SIZE_MAX {
                too_much.push((name, source, peak / SIZE_MAX));
            }
        }
    }
    let usual = b"CLASS:A\r\nSUBCLASS:B\r\nREASON:CONTACTVERIFICATION WITH TRIGGERCODE:abcd\r\n";
    let mut usual = inbound(Source::CentralnicMail, [&header("")[..], usual].concat());
    usual.envelope.recipients = vec![TO_EVENTS.to_owned()];
    let (reading, _) = measured(&house, &usual);
    assert!(
        reading.event.is_some(),
        "the usual event is understood: {:?}",
        reading.reasons
    );
    let any = hostile().into_iter().map(|(name, raw)| (name, raw, false));
    let events = hostile_events().into_iter();
    for (name, raw, is_event) in any.chain(events.map(|(name, raw)| (name, raw, true))) {
        let mut mail = inbound(Source::CentralnicMail, raw);
        mail.envelope.recipients = vec![TO_EVENTS.to_owned()];
        let (reading, peak) = measured(&house, &mail);
        let panics = reading
            .reasons
            .iter()
            .any(|reason| reason.detail.starts_with("panic"));
        assert!(!panics, "{name}: {:?}", reading.reasons);
        let is_read = reading.event.is_some() || !is_event;
        assert!(is_read, "{name}: {:?}", reading.reasons);
        println!("{:5.1} {name} event", peak as f64 / SIZE_MAX as f64);
        if peak >= FACTOR * SIZE_MAX {
            too_much.push((name, Source::CentralnicMail, peak / SIZE_MAX));
        }
    }
    assert!(too_much.is_empty(), "times the limit: {too_much:?}");
}
