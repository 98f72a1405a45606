//! Instants, not wall times: the machine's zone changes nothing that is stored or shown to programs.

use serde_json::Value;

use super::office::{Done, Office};

/// Two deadlines in the hours that summer time repeats and skips, written at different offsets.
fn raw(dedelegation: &str, deletion: &str) -> String {
    let line = |code: &str, word: &str, at: &str| {
        format!(
            "INFO: 1635000004{code} Verification information must be provided for the holder(s) to \
             avoid {word} by [Date: {at}, VerificationClaims: name]\r\n"
        )
    };
    format!(
        "Return-Path: <registry-response@denic.de>\r\nDate: Sun, 01 Mar 2026 03:30:00 +0200\r\n\
         From: registry-response@denic.de\r\nSubject: DOMAIN STATUS UPDATE\r\n\
         Message-ID: <zones@denic.de>\r\n\r\nSTATUS: success\r\nOBJECT: Domain\r\n\
         HANDLE: example.de [example.de]\r\nHOLDER: DENIC-1000002-A\r\n\
         INFO: 53000080013 Domain \"Status\" is \"connect\"\r\n{}{}",
        line("0", "dedelegation", dedelegation),
        line("1", "deletion", deletion)
    )
}

fn in_zone(office: &Office, zone: &str, arguments: &[&str]) -> Done {
    let mut command = office.command(arguments);
    command.env("TZ", zone);
    Done::from(command.output().unwrap())
}

#[test]
fn a_deadline_is_the_same_instant_in_every_zone() {
    // The same two instants, as different clocks write them.
    let forms = [
        ("2026-03-29T02:30:00+01:00", "2026-10-25T02:30:00+02:00"),
        ("2026-03-28T21:30:00-04:00", "2026-10-24T20:30:00-04:00"),
        ("2026-03-29T07:00:00+05:30", "2026-10-25T06:00:00+0530"),
        ("2026-03-29T01:30:00Z", "2026-10-25T00:30:00.000Z"),
    ];
    for zone in ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC"] {
        let mut tables = Vec::new();
        for (dedelegation, deletion) in forms {
            let office = Office::new();
            office.write("customers.csv", "customer,email\nK-1,kunde@example.net\n");
            office.write("domains.csv", "domain,customer\nexample.de,K-1\n");
            for table in ["customers", "domains"] {
                let done = in_zone(&office, zone, &["import", table, &format!("{table}.csv")]);
                assert_eq!(done.code, 0, "{}", done.err);
            }
            let path = office.write("mail.eml", raw(dedelegation, deletion));
            let path = path.to_str().unwrap();
            let parsed = in_zone(&office, zone, &["parse", path, "--json"]);
            let parsed: Value = parsed.json().remove(0);
            let text = parsed.to_string();
            assert!(
                text.contains("\"dedelegation_at\":\"2026-03-29T01:30:00Z\"")
                    && text.contains("\"deletion_at\":\"2026-10-25T00:30:00Z\""),
                "{zone}: {text}"
            );
            let done = in_zone(&office, zone, &["import", "mail", path]);
            assert!(
                done.err.is_empty() || !done.err.contains("panic"),
                "{}",
                done.err
            );
            let shown = in_zone(&office, zone, &["domain", "show", "example.de"]);
            assert_eq!(shown.code, 0, "{zone}: {}", shown.err);
            let stored = in_zone(&office, zone, &["domain", "show", "example.de", "--json"]);
            let stored = stored.json().remove(0).to_string();
            assert!(
                stored.contains("2026-03-29T01:30:00Z") && stored.contains("2026-10-25T00:30:00Z"),
                "{zone}: {stored}"
            );
            // What people see is the registry's own clock, whatever the machine's is.
            assert!(
                shown.out.contains("29 Mar 2026 03:30") && shown.out.contains("25 Oct 2026 02:30"),
                "{zone}: {}",
                shown.out
            );
            tables.push(
                shown
                    .out
                    .lines()
                    .filter(|line| line.contains("2026 0"))
                    .count(),
            );
        }
        assert!(
            tables.windows(2).all(|pair| pair[0] == pair[1]),
            "{tables:?}"
        );
    }
}
