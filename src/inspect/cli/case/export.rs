//! `stichtag case export`: all that proves a case, in one file.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::out::{self, json_time};
use super::super::save::Draft;
use super::super::{Context, audit, exit, log, notice};
use super::archive::{Archive, Filed};
use super::summary;
use crate::config::Config;
use crate::inspect::work;
use crate::model::{CaseId, Source, hex, sha256_hex};
use crate::store::{AuditCheck, AuditEntry, Dossier, LogEntry, NoticeEntry, Store};

/// What the trail says about an export.
const ACTION: &str = "case export";

/// Write all that proves a case into one ZIP file
///
/// In it: the registry's messages as they came in and what was decided about each, every notice
/// with its exact bytes and how sending it went, calls, notes, history, the entries of the audit
/// trail with their hashes, a summary to print (summary.html), a manifest, and SHA256SUMS for
/// `sha256sum -c`. The audit trail keeps the digest of the ZIP file itself. Exit 10 where something
/// was found that does not fit, such as a changed entry of the audit trail.
#[derive(Args, Debug)]
pub struct Export {
    /// Its number, such as V-81
    id: CaseId,
    /// Where to [default: V-81.zip, by its number, in this folder]
    #[arg(long, value_name = "FILE.zip")]
    out: Option<PathBuf>,
    /// Overwrite a file without asking
    #[arg(long)]
    yes: bool,
}

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
    fn new(dossier: &'a Dossier, check: &'a AuditCheck, at: Timestamp) -> Self {
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

impl Export {
    pub async fn run(
        self,
        context: &Context,
        store: &dyn Store,
        config: &Config,
    ) -> anyhow::Result<u8> {
        let id = self.id;
        let dossier = store.dossier(id).await?.ok_or_else(|| super::missing(id))?;
        let target = self.out.unwrap_or_else(|| format!("{id}.zip").into());
        let mut draft = Draft::new(&target, 0o600, self.yes)?;
        let check = store.audit_verify(Some(&dossier.head)).await?;
        let mut proof = Proof::new(&dossier, &check, context.now());
        let files = pack(context, store, config, &mut proof, draft.file()).await?;
        draft.seal()?;
        let (bytes, sha256) = digest(draft.file()).context(target.display().to_string())?;
        // Before anybody has the file: whoever looks at the trail knows of every copy.
        let detail = format!("sha256:{sha256}, {} files", files.len());
        let entry = context.audit(ACTION, &id.to_string(), &detail);
        store.audit(&entry).await?;
        draft.finish()?;

        let name = target.display();
        if context.out.is_json() {
            context.out.object(json!({
                "case": id,
                "file": name.to_string(),
                "bytes": bytes,
                "sha256": sha256,
                "files": files.iter().map(filed).collect::<Vec<_>>(),
                "missing": missing(&proof),
                "faults": proof.faults,
                "audit_head": dossier.head.to_string(),
            }))?;
        } else {
            let count = files.len();
            (context.out).line(format!("{name}  {count} files, {bytes} bytes"))?;
            context.out.line(format!("sha256 {sha256}"))?;
            for missing in &proof.missing {
                (context.out).line(format!("missing: {}: {}", missing.what, missing.why))?;
            }
        }
        for fault in &proof.faults {
            eprintln!("stichtag: {}", out::clean(fault));
        }
        Ok(if proof.faults.is_empty() {
            exit::DONE
        } else {
            exit::ATTENTION
        })
    }
}

/// Writes the archive: the same dossier at the same time gives the same bytes.
async fn pack(
    context: &Context,
    store: &dyn Store,
    config: &Config,
    proof: &mut Proof<'_>,
    to: impl Write,
) -> anyhow::Result<Vec<Filed>> {
    let dossier = proof.dossier;
    let mut archive = Archive::new(std::io::BufWriter::new(to));
    for entry in &dossier.messages {
        message(context, store, entry, &mut archive, proof).await?;
    }
    for id in &dossier.gone {
        proof.missing.push(Missing {
            what: format!("message {id}"),
            why: "it was deleted, and nothing of it is kept".to_owned(),
        });
    }
    for entry in &dossier.notices {
        sent(config, entry, &mut archive, proof)?;
    }
    books(&mut archive, proof)?;
    let page = summary::render(proof, &archive.files)?;
    archive.add(
        "summary.html",
        "all of this for people, to be printed",
        page.as_bytes(),
    )?;
    let manifest = out::json_page(&manifest(proof, &archive.files));
    archive.add(
        "manifest.json",
        "what lies where, with digests",
        manifest.as_bytes(),
    )?;
    Ok(archive.finish()?)
}

/// A message as it came in, and what was decided about it.
async fn message<W: Write>(
    context: &Context,
    store: &dyn Store,
    entry: &LogEntry,
    archive: &mut Archive<W>,
    proof: &mut Proof<'_>,
) -> anyhow::Result<()> {
    let id = entry.id;
    let raw = (store.kept(id).await?)
        .map(|inbound| inbound.raw)
        // Digest and facts outlive the bytes.
        .filter(|raw| !raw.is_empty() || entry.sha256 == sha256_hex(&[]));
    let is_secret = store.carries_code(id).await?;
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
    let why = log::why_object(entry, &log::deeds(context, &deeds));
    let path = format!("messages/{id}.json");
    let text = out::json_line(why);
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
        None => match work::notice::render(&config.notices, notice) {
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
    let text = out::json_line(object);
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
    let case = out::json_line(super::detail(dossier));
    archive.add(
        "case.json",
        "the case: facts, history, notices, calls, notes",
        case.as_bytes(),
    )?;
    let trail: String = (dossier.audit.iter())
        .map(|link| out::json_line(audit::object(link)))
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

fn filed(file: &Filed) -> Value {
    json!({
        "path": file.path,
        "what": file.what,
        "bytes": file.bytes,
        "sha256": file.sha256,
    })
}

fn missing(proof: &Proof<'_>) -> Vec<Value> {
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

/// Bytes and SHA-256 of a whole file.
fn digest(file: &mut File) -> std::io::Result<(u64, String)> {
    file.rewind()?;
    let mut sum = Sha256::new();
    let mut part = vec![0; 64 * 1024];
    let mut bytes = 0;
    loop {
        let count = file.read(&mut part)?;
        if count == 0 {
            return Ok((bytes, hex(&sum.finalize())));
        }
        sum.update(&part[..count]);
        bytes += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Out;
    use super::super::super::out::Colour;
    use super::*;
    use crate::clock::Clock;
    use crate::config::Layers;
    use crate::inspect::work::replay;
    use crate::model::{Customer, CustomerId, DomainKey, Environment, Inbound};
    use crate::store::{DomainImport, Sealed, SqliteStore};

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
    async fn store(context: &Context, config: &Config, folder: &std::path::Path) -> SqliteStore {
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
        let now = context.now();
        store.put_domains(&[domain], now).await.unwrap();
        let inbound = Inbound {
            source: Source::DenicMail,
            received_at: now,
            envelope: crate::model::Envelope::default(),
            environment: None,
            raw: include_bytes!(
                "../../../../fixtures/denic-mail/03-live-verification-required.eml"
            )
            .to_vec(),
        };
        let ids = store
            .keep(vec![Sealed::new(inbound).unwrap()])
            .await
            .unwrap();
        let work = context.work(&store, config);
        replay::decide(&work, &ids).await.unwrap();
        drop(work);
        store
    }

    #[tokio::test]
    async fn the_same_case_at_the_same_time_gives_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let context = Context {
            out: Out::new(None, false, false, Colour::Never),
            config_file: None,
            clock: Clock::system(),
        };
        let config = settings();
        let store = store(&context, &config, folder.path()).await;
        let at = context.now();
        let mut archives = Vec::new();
        for _ in 0..2 {
            let dossier = store.dossier(CaseId(1)).await.unwrap().unwrap();
            let check = store.audit_verify(Some(&dossier.head)).await.unwrap();
            let mut proof = Proof::new(&dossier, &check, at);
            let mut bytes = Vec::new();
            let files = pack(&context, &store, &config, &mut proof, &mut bytes).await;
            let paths: Vec<String> = files.unwrap().into_iter().map(|file| file.path).collect();
            for path in ["messages/1.eml", "notices/N-1.not-sent.eml", "summary.html"] {
                assert!(paths.iter().any(|known| known == path), "{paths:?}");
            }
            archives.push(bytes);
        }
        assert!(archives[0] == archives[1]);
    }
}
