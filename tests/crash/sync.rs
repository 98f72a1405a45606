//! Synced before 250, as the system calls show it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use super::fleet::Fleet;
use super::mta::Mta;
use super::site::{Site, until};

/// Acknowledgements looked at.
const MAILS: usize = 200;

/// The calls that are of interest.
const CALLS: &str =
    "trace=fsync,fdatasync,pwrite64,write,writev,sendto,sendmsg,read,recvfrom,recvmsg";

/// One system call in the order of the trace: the whole call, its beginning or its end.
struct Call<'a> {
    thread: &'a str,
    name: &'a str,
    /// Behind the bracket, or behind `resumed>`.
    rest: &'a str,
    begins: bool,
    ends: bool,
}

impl<'a> Call<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let (thread, rest) = line.split_once(char::is_whitespace)?;
        let rest = rest.trim_start();
        if let Some(resumed) = rest.strip_prefix("<... ") {
            let (name, rest) = resumed.split_once(" resumed>")?;
            return Some(Call {
                thread,
                name,
                rest,
                begins: false,
                ends: true,
            });
        }
        let (name, rest) = rest.split_once('(')?;
        Some(Call {
            thread,
            name,
            rest,
            begins: true,
            ends: !rest.ends_with("<unfinished ...>"),
        })
    }

    /// The first argument with what `strace -y` knows of it.
    fn file(&self) -> &'a str {
        self.rest.split([',', ')', ' ']).next().unwrap_or_default()
    }

    fn result(&self) -> i64 {
        let result = self
            .rest
            .rsplit_once(" = ")
            .map_or("", |(_, result)| result);
        let number = result.split_whitespace().next().unwrap_or_default();
        number.parse().unwrap_or(-1)
    }
}

/// Counts the 250s of a trace, and those before which something was missing: after the last read
/// from that connection, a write into the write-ahead log and then a sync of it that succeeded.
fn acknowledgements(trace: &str) -> (usize, Vec<&str>) {
    let (mut found, mut unsynced) = (0, Vec::new());
    let mut read_at = BTreeMap::<&str, usize>::new();
    let mut open = BTreeMap::<&str, (usize, &str)>::new();
    let mut written_at = Vec::new();
    // When each sync began, and when it was done.
    let mut synced = Vec::<(usize, usize)>::new();
    for (at, line) in trace.lines().enumerate() {
        let Some(call) = Call::read(line) else {
            continue;
        };
        if call.begins && matches!(call.name, "sendto" | "write" | "writev" | "sendmsg") {
            if call.rest.contains("250 2.0.0 kept as") {
                found += 1;
                let since = read_at.get(call.file()).copied().unwrap_or(usize::MAX);
                let is_synced = written_at.iter().rev().any(|written| {
                    let sync = synced.iter().rev().any(|(begun, _)| begun > written);
                    *written > since && sync
                });
                if !is_synced {
                    unsynced.push(line);
                }
            }
            continue;
        }
        let (begun, file) = match (call.begins, call.ends) {
            (true, true) => (at, call.file()),
            (true, false) => {
                open.insert(call.thread, (at, call.file()));
                continue;
            }
            _ => match open.remove(call.thread) {
                Some(begun) => begun,
                None => continue,
            },
        };
        match call.name {
            "recvfrom" | "read" | "recvmsg" if call.result() > 0 => {
                read_at.insert(file, at);
            }
            "pwrite64" | "write" if file.contains("-wal>") && call.result() > 0 => {
                written_at.push(at);
            }
            "fsync" | "fdatasync" if file.contains("-wal>") && call.result() == 0 => {
                synced.push((begun, at));
            }
            _ => {}
        }
    }
    (found, unsynced)
}

#[test]
fn every_250_follows_a_sync_of_what_it_promises() {
    for connections in [1, 8] {
        let site = Site::new(&[("NOTICES__MODE", "off")]);
        let fleet = Arc::new(Fleet::mixed(MAILS));
        fleet.import(&site);
        let file = site.path().join("strace.txt");
        let mut strace = Command::new("strace");
        // The server stays our own child, strace watches it from aside.
        strace.args(["-f", "-D", "-y", "-s", "64", "-o"]).arg(&file);
        strace.args(["-e", CALLS]);
        strace.arg(env!("CARGO_BIN_EXE_stichtag"));
        let server = site.start_as(strace, Stdio::null());
        let journeys = Mta::start(site.smtp, &fleet, connections, Duration::ZERO).journeys();
        server.stop();
        let trace = whole(&file);
        let (found, unsynced) = acknowledgements(&trace);
        let promised = journeys.iter().filter(|j| j.kept_as.is_some()).count();
        assert!(promised >= MAILS);
        assert_eq!(
            found, promised,
            "250s in the trace, with {connections} connections"
        );
        assert_eq!(
            unsynced, [""; 0],
            "250s before their sync, with {connections} connections"
        );
    }
}

/// The trace once strace has written the end of the program into it.
fn whole(file: &Path) -> String {
    let mut trace = String::new();
    until("the end of the trace", Duration::from_secs(20), || {
        trace = String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
        trace.trim_end().ends_with("+++ exited with 0 +++")
    });
    trace
}

#[test]
fn a_trace_with_a_250_too_early_is_found_out() {
    let early = "\
7 recvfrom(9<socket:[1]>, \"mail\", 100, 0, NULL, NULL) = 4\n\
8 pwrite64(5</x/a.db-wal>, \"mail\", 4, 0) = 4\n\
8 fdatasync(5</x/a.db-wal> <unfinished ...>\n\
7 sendto(9<socket:[1]>, \"250 2.0.0 kept as 1\\r\\n\", 22, 0, NULL, 0) = 22\n\
8 <... fdatasync resumed>) = 0\n";
    assert_eq!(acknowledgements(early).1.len(), 1);
    let failed = early.replace("<unfinished ...>", ") = -1 EIO (Input/output error)");
    assert_eq!(acknowledgements(&failed).1.len(), 1);
    let good = early.replace(" <unfinished ...>", ") = 0");
    assert_eq!(acknowledgements(&good), (1, Vec::new()));
    let of_before = good.replace("7 recvfrom", "9 recvfrom").replace(
        "7 sendto",
        "7 recvfrom(9<socket:[1]>, \"mail\", 100, 0, NULL, NULL) = 4\n7 sendto",
    );
    assert_eq!(acknowledgements(&of_before).1.len(), 1);
}
