//! All that proves a case, in one archive.

use std::io::Write;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::archive::{Archive, Filed};
use super::{Work, summary};
use crate::config::Config;
use crate::inspect::cli::out::json_time;
use crate::inspect::cli::{Out, audit, case, log, notice, out as form};
use crate::model::{CaseId, Source, sha256_hex};
use crate::store::{AuditCheck, AuditEntry, Dossier, LogEntry, NoticeEntry};

/// What the trail says about an export.
const ACTION: &str = "case export";

/// A dossier with what was found out about it.
pub struct Proof<'a> {
    pub dossier: &'a Dossier,
    /// The whole audit trail, walked through after the dossier was read.
    pub check: &'a AuditCheck,
    /// When it was put together.
    pub at: Timestamp,
    /// What became of each message's bytes.
    pub messages: Vec<Kept>,
    /// What became of each notice's bytes.
    pub notices: Vec<Sent>,
    /// What is not there any more.
    pub missing: Vec<Missing>,
    /// What does not fit: sentences.
    pub faults: Vec<String>,
}

impl<'a> Proof<'a> {
    /// Nothing found out yet.
    pub fn new(dossier: &'a Dossier, check: &'a AuditCheck, at: Timestamp) -> Self {
        Proof {
            dossier,
            check,
            at,
            messages: Vec::new(),
            notices: Vec::new(),
            missing: Vec::new(),
            faults: Vec::new(),
        }
    }
}

/// The bytes of a message.
pub struct Kept {
    /// Where they lie; `None`: they are gone.
    pub path: Option<String>,
    /// They are those that were received.
    pub is_intact: bool,
}

/// The bytes of a notice.
pub struct Sent {
    /// Where they lie, if anywhere.
    pub path: Option<String>,
    /// What these bytes are.
    pub bytes: NoticeBytes,
}

/// What the bytes of a notice are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeBytes {
    /// The smarthost took exactly these.
    AsSent,
    /// Exactly these were offered to the smarthost, which has not taken them.
    AsTried,
    /// None were ever offered: written for this export with today's texts.
    Rendered,
    /// They were sent, and are not kept any more.
    Deleted,
    /// None were ever offered, and they cannot be written.
    None,
}

impl NoticeBytes {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            NoticeBytes::AsSent => "as-sent",
            NoticeBytes::AsTried => "as-tried",
            NoticeBytes::Rendered => "rendered",
            NoticeBytes::Deleted => "deleted",
            NoticeBytes::None => "none",
        }
    }

    /// The same for people.
    pub fn sentence(self) -> &'static str {
        match self {
            NoticeBytes::AsSent => "notice, exact bytes as sent",
            NoticeBytes::AsTried => "notice, exact bytes as offered to the outgoing mail server",
            NoticeBytes::Rendered => "notice that was NOT sent, written for this export",
            NoticeBytes::Deleted => "notice, its bytes are deleted",
            NoticeBytes::None => "notice that was NOT sent",
        }
    }
}

/// Something that is named and not there.
pub struct Missing {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
}

/// Notes in the audit trail that somebody has a copy, by its digest: before anybody has it, so that
/// whoever looks at the trail knows of every copy.
pub async fn note(work: &Work<'_>, id: CaseId, sha256: &str, files: usize) -> anyhow::Result<()> {
    let detail = format!("sha256:{sha256}, {files} files");
    let entry = work.audit(ACTION, &id.to_string(), &detail);
    Ok(work.store.audit(&entry).await?)
}

/// Writes the archive: the same dossier at the same time gives the same bytes.
///
/// `out` writes the times.
pub async fn pack(
    work: &Work<'_>,
    out: &Out,
    proof: &mut Proof<'_>,
    to: impl Write,
) -> anyhow::Result<Vec<Filed>> {
    let dossier = proof.dossier;
    let mut archive = Archive::new(std::io::BufWriter::new(to));
    for entry in &dossier.messages {
        message(work, out, entry, &mut archive, proof).await?;
    }
    for id in &dossier.gone {
        proof.missing.push(Missing {
            what: format!("message {id}"),
            why: "it was deleted, and nothing of it is kept".to_owned(),
        });
    }
    for entry in &dossier.notices {
        sent(work.config, entry, &mut archive, proof)?;
    }
    books(&mut archive, proof)?;
    let page = summary::render(proof, &archive.files)?;
    archive.add(
        "summary.html",
        "all of this for people, to be printed",
        page.as_bytes(),
    )?;
    let manifest = form::json_page(&manifest(proof, &archive.files));
    archive.add(
        "manifest.json",
        "what lies where, with digests",
        manifest.as_bytes(),
    )?;
    Ok(archive.finish()?)
}

/// A message as it came in, and what was decided about it.
async fn message<W: Write>(
    work: &Work<'_>,
    out: &Out,
    entry: &LogEntry,
    archive: &mut Archive<W>,
    proof: &mut Proof<'_>,
) -> anyhow::Result<()> {
    let id = entry.id;
    let raw = (work.store.kept(id).await?)
        .map(|inbound| inbound.raw)
        // Digest and facts outlive the bytes.
        .filter(|raw| !raw.is_empty() || entry.sha256 == sha256_hex(&[]));
    let is_secret = work.store.carries_code(id).await?;
    let kept = match raw {
        // Whoever has the code can confirm the address, and an export goes to strangers.
        Some(raw) if is_secret => {
            proof.missing.push(Missing {
                what: format!("the bytes of message {id}"),
                why: format!(
                    "they hold a code that confirms a mail address, which is a secret; their SHA-256 \
                     is {}",
                    entry.sha256
                ),
            });
            Kept {
                path: None,
                is_intact: entry.sha256 == sha256_hex(&raw),
            }
        }
        Some(raw) => {
            let is_intact = entry.sha256 == sha256_hex(&raw);
            if !is_intact {
                proof.faults.push(format!(
                    "message {id} is not what was received: its SHA-256 was {}",
                    entry.sha256
                ));
            }
            let path = format!("messages/{id}.{}", extension(entry, &raw));
            archive.add(&path, what(entry), &raw)?;
            Kept {
                path: Some(path),
                is_intact,
            }
        }
        None => {
            proof.missing.push(Missing {
                what: format!("the bytes of message {id}"),
                why: format!(
                    "they were deleted when their time to be kept was over; their SHA-256 was {}",
                    entry.sha256
                ),
            });
            Kept {
                path: None,
                is_intact: true,
            }
        }
    };
    let object = id.to_string();
    let deeds: Vec<&AuditEntry> = (proof.dossier.audit.iter())
        .map(|link| &link.entry)
        .filter(|entry| entry.object == object)
        .collect();
    let why = log::why_object(entry, &log::deeds(out, &deeds));
    let path = format!("messages/{id}.json");
    let text = form::json_line(why);
    archive.add(&path, "what was decided about it, and why", text.as_bytes())?;
    proof.messages.push(kept);
    Ok(())
}

/// A notice as it was sent, and how that went.
fn sent<W: Write>(
    config: &Config,
    entry: &NoticeEntry,
    archive: &mut Archive<W>,
    proof: &mut Proof<'_>,
) -> anyhow::Result<()> {
    let notice = &entry.notice;
    let id = notice.id;
    let is_sent = notice.sent_at.is_some();
    let mut why = None;
    let (bytes, raw) = match &notice.raw {
        Some(raw) if is_sent => (NoticeBytes::AsSent, Some(raw.clone())),
        Some(raw) => (NoticeBytes::AsTried, Some(raw.clone())),
        None if is_sent => {
            why = Some("they were deleted when their time to be kept was over".to_owned());
            (NoticeBytes::Deleted, None)
        }
        None => match super::notice::render(&config.notices, notice) {
            Ok(rendered) => (NoticeBytes::Rendered, Some(rendered.message)),
            Err(error) => {
                why = Some(format!(
                    "it was never sent, and cannot be written: {error:#}"
                ));
                (NoticeBytes::None, None)
            }
        },
    };
    if let Some(why) = why {
        proof.missing.push(Missing {
            what: format!("the bytes of notice {id}"),
            why,
        });
    }
    // What was never sent must not look like what was, not even by its name.
    let path = match bytes {
        NoticeBytes::Rendered => format!("notices/{id}.not-sent.eml"),
        _ => format!("notices/{id}.eml"),
    };
    let path = raw.as_ref().map(|_| path);
    if let (Some(path), Some(raw)) = (&path, &raw) {
        archive.add(path, bytes.sentence(), raw)?;
    }
    let mut object = notice::object(entry);
    object["reports"] = (proof.dossier.reports.iter())
        .filter(|report| report.notice == id)
        .map(notice::report)
        .collect();
    object["bytes"] = bytes.as_str().into();
    object["file"] = json!(path);
    let text = form::json_line(object);
    let details = format!("notices/{id}.json");
    archive.add(
        &details,
        "whom it went to, and how sending it went",
        text.as_bytes(),
    )?;
    proof.notices.push(Sent { path, bytes });
    Ok(())
}

/// The case with its calls, and the audit trail.
fn books<W: Write>(archive: &mut Archive<W>, proof: &mut Proof<'_>) -> anyhow::Result<()> {
    let dossier = proof.dossier;
    let case = form::json_line(case::detail(dossier));
    archive.add(
        "case.json",
        "the case: facts, history, notices, calls, notes",
        case.as_bytes(),
    )?;
    let trail: String = (dossier.audit.iter())
        .map(|link| form::json_line(audit::object(link)))
        .collect();
    let what = "entries of the audit trail about the case, its messages and notices";
    archive.add("audit.jsonl", what, trail.as_bytes())?;
    let head = format!("{}\n", dossier.head);
    let what = "the newest entry of the audit trail then, for `stichtag audit verify --expect`";
    archive.add("audit-head.txt", what, head.as_bytes())?;
    let findings = proof.check.findings.iter();
    let findings = findings.map(|found| format!("audit trail: {}", found.what));
    proof.faults.extend(findings);
    Ok(())
}

fn manifest(proof: &Proof<'_>, files: &[Filed]) -> Value {
    let Dossier { case, head, .. } = proof.dossier;
    json!({
        "v": 1,
        "case": case.id,
        "environment": case.key.environment,
        "domain": case.key.domain.unicode(),
        "ace": case.key.domain.ace(),
        "exported_at": json_time(Some(proof.at)),
        "program": concat!("stichtag ", env!("CARGO_PKG_VERSION")),
        "audit": {
            "head": head.to_string(),
            "whole": proof.check.findings.is_empty(),
        },
        "faults": proof.faults,
        "missing": missing(proof),
        "files": files.iter().map(filed).collect::<Vec<_>>(),
    })
}

/// A file of the archive as an object.
pub fn filed(file: &Filed) -> Value {
    json!({
        "path": file.path,
        "what": file.what,
        "bytes": file.bytes,
        "sha256": file.sha256,
    })
}

/// What is not there any more, as objects.
pub fn missing(proof: &Proof<'_>) -> Vec<Value> {
    let missing = proof.missing.iter();
    missing
        .map(|missing| json!({"what": missing.what, "why": missing.why}))
        .collect()
}

/// How the file of a message ends.
fn extension(entry: &LogEntry, raw: &[u8]) -> &'static str {
    let text = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw);
    let is_xml = text.trim_ascii_start().starts_with(b"<");
    match Source::from_word(&entry.source) {
        Some(Source::DenicMail | Source::CentralnicMail | Source::Dsn) => "eml",
        Some(Source::DenicQueue | Source::DenicRri | Source::CentralnicPoll) if is_xml => "xml",
        Some(Source::DenicQueue | Source::DenicRri) => "kv",
        Some(Source::CentralnicPoll | Source::CentralnicApi) => "txt",
        Some(Source::File) | None => "bin",
    }
}

fn what(entry: &LogEntry) -> &'static str {
    match Source::from_word(&entry.source) {
        Some(Source::DenicMail | Source::CentralnicMail) => {
            "registry mail, exact bytes as received"
        }
        Some(Source::Dsn) => "report about the delivery of a notice, exact bytes as received",
        _ => "registry message, exact bytes as received",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::config::Layers;
    use crate::inspect::cli::Colour;
    use crate::inspect::work::replay;
    use crate::model::{Customer, CustomerId, DomainKey, Environment, Inbound};
    use crate::store::{DomainImport, Sealed, SqliteStore, Store};

    fn settings() -> Config {
        let set = [
            ("AUTHENTICATE__RESOLVERS", "[\"none\"]"),
            ("ROUTE__DENIC_LIVE__RECIPIENTS", "[\"*\"]"),
            ("ROUTE__DENIC_LIVE__REQUIRE", "record"),
            ("NOTICES__FROM", "domains@muster.example"),
        ];
        let variables = set.map(|(name, value)| (format!("STICHTAG_{name}"), value.to_owned()));
        Config::from_layers(&Layers::read(None, variables.into_iter()).unwrap()).unwrap()
    }

    /// A store with case V-1: a registry mail, and the notice that it caused.
    async fn store(clock: &Clock, config: &Config, folder: &std::path::Path) -> SqliteStore {
        let url = format!("sqlite://{}", folder.join("stichtag.db").display());
        let store = SqliteStore::open(&url).await.unwrap();
        let customer = Customer {
            id: CustomerId("K-1".to_owned()),
            salutation: String::new(),
            language: None,
            email: "kunde@example.net".to_owned(),
            second_email: None,
            phone: None,
            timezone: None,
        };
        store
            .put_customers(std::slice::from_ref(&customer))
            .await
            .unwrap();
        let domain = DomainImport {
            key: DomainKey {
                environment: Environment::Live,
                domain: "segelschule-bodden.de".parse().unwrap(),
            },
            customer: Some(customer.id),
            holders: Vec::new(),
            status: Some("connect".to_owned().into()),
            lifecycle: None,
        };
        let now = clock.now();
        store.put_domains(&[domain], now).await.unwrap();
        let inbound = Inbound {
            source: Source::DenicMail,
            received_at: now,
            envelope: crate::model::Envelope::default(),
            environment: None,
            raw: include_bytes!("../../../fixtures/denic-mail/03-live-verification-required.eml")
                .to_vec(),
        };
        let ids = store
            .keep(vec![Sealed::new(inbound).unwrap()])
            .await
            .unwrap();
        replay::decide(&work(&store, config, clock), &ids)
            .await
            .unwrap();
        store
    }

    fn work<'a>(store: &'a SqliteStore, config: &'a Config, clock: &'a Clock) -> Work<'a> {
        Work {
            store,
            config,
            clock,
            actor: "0 test".to_owned(),
        }
    }

    #[tokio::test]
    async fn the_same_case_at_the_same_time_gives_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let out = Out::new(None, false, false, Colour::Never);
        let clock = Clock::system();
        let config = settings();
        let store = store(&clock, &config, folder.path()).await;
        let at = clock.now();
        let mut archives = Vec::new();
        for _ in 0..2 {
            let dossier = store.dossier(CaseId(1)).await.unwrap().unwrap();
            let check = store.audit_verify(Some(&dossier.head)).await.unwrap();
            let mut proof = Proof::new(&dossier, &check, at);
            let mut bytes = Vec::new();
            let work = work(&store, &config, &clock);
            let files = pack(&work, &out, &mut proof, &mut bytes).await;
            let paths: Vec<String> = files.unwrap().into_iter().map(|file| file.path).collect();
            for path in ["messages/1.eml", "notices/N-1.not-sent.eml", "summary.html"] {
                assert!(paths.iter().any(|known| known == path), "{paths:?}");
            }
            archives.push(bytes);
        }
        assert!(archives[0] == archives[1]);
    }
}
