//! What the fuzzers began with and what they found, replayed on every run, each file also mutated.
//!
//! `fuzz/README.md` says how the long, coverage-guided run is done.

#[path = "../fuzz/targets/mod.rs"]
mod targets;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use peak_alloc::PeakAlloc;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Mutations of each file.
const MUTATIONS: u64 = 150;
/// Longest input made by mutation.
const INPUT_MAX: usize = 64 * 1024;
/// What an input may cost in memory: a fixed part (tables, the runtime), and so many times itself.
const MEMORY_FIXED: usize = 1024 * 1024;
const MEMORY_FACTOR: usize = 16;

/// What parsers and sessions look for.
const TOKENS: [&[u8]; 36] = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b"\r\n.\r\n",
    b"\n.\n",
    b"\r\n\r\n",
    b".",
    b"DATA\r\n",
    b"RSET\r\n",
    b"MAIL FROM:<a@example.de>\r\n",
    b"RCPT TO:<b@example.de>\r\n",
    b"From: ",
    b"\r\n\t",
    b"Content-Type: multipart/mixed; boundary=x\r\n",
    b"Content-Type: message/rfc822\r\n\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"\r\n--x\r\n",
    b"=?utf-8?q?",
    b"?=",
    b"<",
    b">",
    b"\"",
    b"\\",
    b"(",
    b"[",
    b"]",
    b"&#x0;",
    b"<a xmlns:x=\"y\">",
    b"VerificationClaims: ",
    b"CONTACTVERIFICATION WITH TRIGGERCODE: ",
    b"CLASS:",
    b"OBJECT:",
    b"MTc5NDA5ODUzMC43NzEyIzc3MDAxMTIyMzM0NDUgTA==",
    b"2026-06-04T08:30:00+02:00",
    "\u{202e}\u{200b}\u{e4}".as_bytes(),
];

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// One to eight changes, some of them small, some of them many times a token.
fn mutate(input: &[u8], other: &[u8], random: &mut StdRng) -> Vec<u8> {
    let mut input = input.to_vec();
    for _ in 0..random.random_range(1..=8) {
        let at = random.random_range(0..=input.len());
        let end = (at + random.random_range(0..64)).min(input.len());
        let token = TOKENS[random.random_range(0..TOKENS.len())];
        match random.random_range(0..8) {
            0 | 1 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= random.random_range(1..=255_u8);
                }
            }
            2 | 3 => drop(input.splice(at..at, token.iter().copied())),
            4 => drop(input.splice(at..end, token.iter().copied())),
            5 => drop(input.drain(at..end)),
            6 => {
                let times = 1 << random.random_range(0..12);
                let again = match random.random_range(0..2) {
                    0 => token.repeat(times),
                    _ => input[at..end].repeat(times),
                };
                input.splice(at..at, again);
            }
            _ => {
                let from = random.random_range(0..=other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
        }
    }
    input.truncate(INPUT_MAX);
    input
}

/// Runs one input; a panic or too much memory fails with the bytes to be made a fixture of.
fn run(name: &str, target: fn(&[u8]), input: &[u8], origin: &str) {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let done = catch_unwind(AssertUnwindSafe(|| target(input)));
    let peak = MEMORY.peak_usage().saturating_sub(before);
    let shown = || input[..input.len().min(4_000)].escape_ascii().to_string();
    assert!(done.is_ok(), "{name}, {origin}: {}", shown());
    let allowed = MEMORY_FIXED + MEMORY_FACTOR * input.len();
    assert!(
        peak <= allowed,
        "{name}, {origin}: {peak} bytes for {}: {}",
        input.len(),
        shown()
    );
}

/// The memory is that of the whole process: one target after the other.
fn replay(name: &str, more: Option<&str>) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (_, target) = targets::ALL
        .into_iter()
        .find(|(known, _)| *known == name)
        .unwrap();
    let mut files = files(&format!("fuzz/corpus/{name}"));
    assert!(files.len() >= 12, "{name} has {} files", files.len());
    files.extend(more.into_iter().flat_map(self::files));
    let inputs: Vec<Vec<u8>> = files.iter().map(|path| fs::read(path).unwrap()).collect();
    for (path, input) in files.iter().zip(&inputs) {
        run(name, target, input, &path.display().to_string());
    }
    for (number, (path, input)) in (0..).zip(files.iter().zip(&inputs)) {
        let mut random = StdRng::seed_from_u64(number);
        for mutation in 0..MUTATIONS {
            let other = &inputs[random.random_range(0..inputs.len())];
            let input = mutate(input, other, &mut random);
            run(
                name,
                target,
                &input,
                &format!("{}, mutation {mutation}", path.display()),
            );
        }
    }
}

#[test]
fn mails_are_read_or_refused_and_no_deadline_is_made_up() {
    replay("mail", Some("fixtures/denic-mail"));
}

#[test]
fn queue_messages_are_read_or_refused_and_no_deadline_is_made_up() {
    replay("queue", Some("fixtures/denic-queue"));
}

#[test]
fn event_mails_are_read_or_refused_and_no_trigger_code_is_shown() {
    replay("centralnic", Some("fixtures/centralnic-mail"));
}

#[test]
fn poll_messages_are_read_or_refused_and_no_trigger_code_is_shown() {
    replay("centralnic_poll", Some("fixtures/centralnic-poll"));
}

#[test]
fn answers_of_the_api_are_read_or_refused_and_no_trigger_code_is_shown() {
    replay("centralnic_api", None);
}

#[test]
fn answers_are_whole_or_none() {
    replay("reply", Some("fixtures/centralnic-api"));
}

#[test]
fn links_and_typed_codes_are_read_or_refused() {
    replay("link", None);
}

#[test]
fn whatever_an_epp_server_says_ends_the_session_or_is_a_frame() {
    replay("epp", None);
}

#[test]
fn no_header_that_is_trusted_names_another_sender_to_another_reader() {
    replay("headers", Some("fixtures/denic-mail"));
}

#[test]
fn no_word_of_an_edge_vouches_for_a_domain_that_it_does_not_name() {
    replay("results", None);
}

#[test]
fn signatures_are_taken_apart_and_none_passes_that_the_key_has_not_made() {
    replay("pgp", Some("fixtures/denic-mail"));
}

#[test]
fn an_smtp_session_keeps_what_a_strict_reading_of_it_says() {
    replay("smtp", None);
}

#[test]
fn whatever_comes_back_to_a_notice_is_taken_apart() {
    replay("bounce", None);
}

#[test]
fn every_target_has_a_corpus_and_a_fuzzer() {
    let manifest = include_str!("../fuzz/Cargo.toml");
    for (name, _) in targets::ALL {
        assert!(!files(&format!("fuzz/corpus/{name}")).is_empty());
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")));
    }
}
