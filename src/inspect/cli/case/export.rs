//! `stichtag case export`: all that proves a case, in one file.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::super::out;
use super::super::save::Draft;
use super::super::{Context, exit};
use crate::config::Config;
use crate::inspect::work::cases::missing as missing_case;
use crate::inspect::work::proof::{self, Proof, pack};
use crate::model::{CaseId, hex};
use crate::store::Store;

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

impl Export {
    pub async fn run(
        self,
        context: &Context,
        store: &dyn Store,
        config: &Config,
    ) -> anyhow::Result<u8> {
        let id = self.id;
        let dossier = store.dossier(id).await?.ok_or_else(|| missing_case(id))?;
        let target = self.out.unwrap_or_else(|| format!("{id}.zip").into());
        let mut draft = Draft::new(&target, 0o600, self.yes)?;
        let check = store.audit_verify(Some(&dossier.head)).await?;
        let mut proof = Proof::new(&dossier, &check, context.now());
        let work = context.work(store, config);
        let files = pack(&work, &context.out, &mut proof, draft.file()).await?;
        draft.seal()?;
        let (bytes, sha256) = digest(draft.file()).context(target.display().to_string())?;
        proof::note(&work, id, &sha256, files.len()).await?;
        draft.finish()?;

        let name = target.display();
        if context.out.is_json() {
            context.out.object(json!({
                "case": id,
                "file": name.to_string(),
                "bytes": bytes,
                "sha256": sha256,
                "files": files.iter().map(proof::filed).collect::<Vec<_>>(),
                "missing": proof::missing(&proof),
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
