//! Every request of the samples is what we write.

use std::fs;
use std::path::Path;

use secrecy::ExposeSecret;
use stichtag::model::{ResellerCommand, ResellerProof};
use stichtag::send::centralnic::{Dialect, Spelling, TimestampForm, write};
use stichtag::wire::reseller::{Command, commands};

use super::house::{DIALECT, at, name};

fn sample(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/centralnic-api");
    fs::read_to_string(folder.join(file)).unwrap()
}

fn block(command: &Command) -> String {
    command.block().unwrap().expose_secret().to_owned()
}

fn proofs() -> ResellerCommand {
    let proof = |data: &str, is_success| ResellerProof {
        data: data.to_owned(),
        is_success,
        at: at("2026-10-05T07:12:30Z"),
        trust_framework: Some("sample-framework".to_owned()),
        method: Some("sample-method".to_owned()),
        reference: Some("CASE-2026-000731".to_owned()),
        evidence: Some("sample-evidence".to_owned()),
    };
    ResellerCommand::ReportVerification {
        contact: "P-DEH4410".parse().unwrap(),
        proofs: vec![proof("name", true), proof("address", false)],
        clone_for: None,
    }
}

#[test]
fn every_request_of_the_samples_is_what_we_write() {
    let code = "MTc5NDA5ODUzMC43NzEyIzc3MDAxMTIyMzM0NDUgTA==";
    let properties = [
        (
            "contactverification-email-verification-url",
            "https://verify.reseller.example/confirm",
        ),
        (
            "contactverification-email-sender",
            "domains@reseller.example",
        ),
        ("contactverification-email-language", "en"),
        (
            "contactverification-email-signature0",
            "Sample Reseller Ltd",
        ),
        (
            "contactverification-interrupt-nameserver0",
            "ns1.verify.reseller.example",
        ),
        (
            "contactverification-interrupt-nameserver1",
            "ns2.verify.reseller.example",
        ),
    ];
    let release = ResellerCommand::ReleaseDomain {
        domain: name("orchard-sample.com"),
    };
    for (file, command) in [
        (
            "req-modifycontact-preverify.txt",
            commands::preverify("P-QRT1207"),
        ),
        (
            "req-activatecontact.txt",
            commands::activate_contact(&code.parse().unwrap()),
        ),
        (
            "req-modifydomain-release-hold.txt",
            write(&release, None, DIALECT).unwrap(),
        ),
        (
            "req-setproperty-verification.txt",
            commands::set_property(&properties),
        ),
        (
            "req-modifycontact-x-verification.txt",
            write(&proofs(), None, DIALECT).unwrap(),
        ),
    ] {
        assert_eq!(block(&command), sample(file).trim_end(), "{file}");
    }
}

#[test]
fn spelling_and_time_of_results_can_be_the_other_ones() {
    let other = Dialect {
        spelling: Spelling::Famework,
        timestamps: TimestampForm::Plain,
    };
    let text = block(&write(&proofs(), None, other).unwrap());
    assert!(
        text.contains("\nX-VERIFICATION-TRUSTFAMEWORK0=sample-framework\n"),
        "{text}"
    );
    assert!(
        text.contains("\nX-VERIFICATION-TIMESTAMP1=2026-10-05 07:12:30\n"),
        "{text}"
    );
}

#[test]
fn a_value_that_holds_a_line_break_is_refused() {
    let bad: std::collections::BTreeMap<String, String> =
        serde_json::from_str(&sample("bad-req-newline-injection.json")).unwrap();
    let command = Command::new(&bad["COMMAND"]).with("ORGANIZATION", &bad["ORGANIZATION"]);
    assert!(command.block().is_err());
}

#[test]
fn a_result_that_failed_waits_for_a_second_person() {
    assert!(proofs().needs_second_person());
}
