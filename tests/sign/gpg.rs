//! GnuPG as the registry has it: it makes keys, and verifies what arrives. Its clock stands still.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use secrecy::SecretSlice;
use stichtag::evidence::openpgp::read_keys;
use stichtag::model::{OpenPgpSignature, PinnedKey};
use tempfile::TempDir;

/// When keys are made, unless a test says otherwise.
pub const MADE: &str = "20260101T000000!";

/// A throw-away GNUPGHOME.
pub struct Gpg {
    home: TempDir,
}

/// What GnuPG says of one signature that is good: who made it, and the primary key of that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Valid {
    pub signer: String,
    pub primary: String,
}

impl Gpg {
    pub fn new() -> Self {
        let home = tempfile::Builder::new().prefix("gpg-").tempdir().unwrap();
        Gpg { home }
    }

    /// A command at an instant, such as [`MADE`]; `passphrase` unlocks or locks what it needs.
    fn command(&self, at: &str, passphrase: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("gpg");
        command
            .arg("--homedir")
            .arg(self.home.path())
            .args(["--no-tty", "--status-fd", "2", "--faked-system-time", at])
            .args(["--pinentry-mode", "loopback", "--passphrase", passphrase])
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    fn run(&self, at: &str, passphrase: &str, arguments: &[&str]) -> Output {
        let arguments: Vec<&str> = ["--batch", "--yes"]
            .iter()
            .chain(arguments)
            .copied()
            .collect();
        let mut command = self.command(at, passphrase, &arguments);
        let output = command
            .output()
            .expect("gpg is there (tests/run installs it)");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        output
    }

    /// Makes a key (`rsa3072`, `ed25519` …, `sign` or `cert`) that lasts so long; its fingerprint.
    pub fn key(&self, algorithm: &str, usage: &str, lasts: &str, passphrase: &str) -> String {
        let name = format!("Muster {algorithm} {usage} <anfragen@muster.example>");
        let arguments = ["--quick-gen-key", &name, algorithm, usage, lasts];
        created(&self.run(MADE, passphrase, &arguments))
    }

    /// Adds a subkey at an instant; its fingerprint.
    pub fn subkey(&self, at: &str, key: &str, parts: [&str; 3], passphrase: &str) -> String {
        let [algorithm, usage, lasts] = parts;
        let arguments = ["--quick-add-key", key, algorithm, usage, lasts];
        self.run(at, passphrase, &arguments);
        let listed = self.run(MADE, "", &["--with-colons", "--list-keys", key]);
        let listed = String::from_utf8(listed.stdout).unwrap();
        let mut prints = listed.lines().filter(|line| line.starts_with("fpr:"));
        prints
            .next_back()
            .unwrap()
            .split(':')
            .nth(9)
            .unwrap()
            .to_owned()
    }

    /// Takes a key back, by the certificate that GnuPG made with it.
    pub fn revoke(&self, key: &str) {
        let folder = self.home.path().join("openpgp-revocs.d");
        let file = folder.join(format!("{key}.rev"));
        // A colon keeps people from using it by mistake.
        let text = fs::read_to_string(&file)
            .unwrap()
            .replace(":-----BEGIN", "-----BEGIN");
        fs::write(&file, text).unwrap();
        self.run(MADE, "", &["--import", file.to_str().unwrap()]);
    }

    /// Takes the first subkey back.
    pub fn revoke_subkey(&self, key: &str) {
        let script = self.home.path().join("script");
        fs::write(&script, "key 1\nrevkey\ny\n0\n\ny\nsave\n").unwrap();
        let arguments = ["--command-fd", "0", "--edit-key", key];
        let mut command = self.command(MADE, "", &arguments);
        command.stdin(fs::File::open(&script).unwrap());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// What `gpg --export-secret-keys` or another export writes.
    pub fn export(&self, how: &str, keys: &[&str], passphrase: &str) -> Vec<u8> {
        let arguments: Vec<&str> = how.split(' ').chain(keys.iter().copied()).collect();
        let output = self.run(MADE, passphrase, &arguments).stdout;
        assert!(!output.is_empty(), "{how} {keys:?}");
        output
    }

    /// The secret key, armored.
    pub fn secret(&self, key: &str, passphrase: &str) -> Vec<u8> {
        self.export("--armor --export-secret-keys", &[key], passphrase)
    }

    /// The public key, as Stichtag pins it.
    pub fn pinned(&self, key: &str) -> PinnedKey {
        let public = self.export("--export", &[key], "");
        read_keys(&public).unwrap().remove(0)
    }

    /// Judges clearsigned files; those that are good, by path.
    pub fn verify_files(&self, at: &str, files: &[PathBuf]) -> BTreeMap<PathBuf, Valid> {
        let mut good = BTreeMap::new();
        for files in files.chunks(500) {
            let mut command = self.command(at, "", &["--batch", "--verify-files"]);
            let output = command.args(files).output().unwrap();
            let status = String::from_utf8_lossy(&output.stderr).into_owned();
            let mut file = PathBuf::new();
            for line in status.lines() {
                if let Some(begun) = line.strip_prefix("[GNUPG:] FILE_START 1 ") {
                    file = PathBuf::from(begun);
                }
                if let Some(valid) = valid(line) {
                    good.insert(file.clone(), valid);
                }
            }
        }
        good
    }

    /// Judges a detached signature; `None`: it is not good.
    pub fn verify(&self, at: &str, signature: &Path, text: &Path) -> Option<Valid> {
        let mut command = self.command(at, "", &["--batch", "--verify"]);
        let output = command.arg(signature).arg(text).output().unwrap();
        let status = String::from_utf8_lossy(&output.stderr).into_owned();
        let found = status.lines().find_map(valid);
        assert_eq!(output.status.success(), found.is_some(), "{status}");
        found
    }

    /// Judges whole mails as a mail reader takes them apart: how each one's signature is good, if it is.
    pub fn verify_mails(&self, at: &str, mails: &[Vec<u8>]) -> Vec<Option<Valid>> {
        let (folder, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (number, mail) in mails.iter().enumerate() {
            fs::write(folder.path().join(format!("{number}.eml")), mail).unwrap();
        }
        let split = Command::new("python3")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openpgp/split.py"))
            .arg(folder.path())
            .arg(parts.path())
            .status();
        assert!(split.unwrap().success());
        let path = |number: usize, ending| parts.path().join(format!("{number}.{ending}"));
        let clearsigned: Vec<PathBuf> = (0..mails.len())
            .map(|number| path(number, "asc"))
            .filter(|path| path.exists())
            .collect();
        let good = self.verify_files(at, &clearsigned);
        (0..mails.len())
            .map(|number| match path(number, "sig") {
                signature if signature.exists() => {
                    self.verify(at, &signature, &path(number, "text"))
                }
                _ => good.get(&path(number, "asc")).cloned(),
            })
            .collect()
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        // The agent of this folder alone.
        let _ = Command::new("gpgconf")
            .arg("--homedir")
            .arg(self.home.path())
            .args(["--kill", "gpg-agent"])
            .status();
    }
}

fn created(output: &Output) -> String {
    let status = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = status.lines().find(|line| line.contains("KEY_CREATED"));
    line.unwrap().rsplit(' ').next().unwrap().to_owned()
}

fn valid(line: &str) -> Option<Valid> {
    let words: Vec<&str> = line
        .strip_prefix("[GNUPG:] VALIDSIG ")?
        .split(' ')
        .collect();
    Some(Valid {
        signer: words[0].to_owned(),
        primary: words[9].to_owned(),
    })
}

/// A passphrase as a credential holds it.
pub fn passphrase(text: &str) -> SecretSlice<u8> {
    text.as_bytes().to_vec().into()
}

/// What Stichtag's own verification says.
pub fn own_verdict(mail: &[u8], key: &PinnedKey, now: jiff::Timestamp) -> OpenPgpSignature {
    let keys = std::slice::from_ref(key);
    stichtag::evidence::openpgp::signature(mail, keys, now).expect("there is a signature")
}

/// The texts that mail has ruined signatures of.
pub fn hard_texts() -> Vec<String> {
    let long = "ein sehr langer Wert ".repeat(100);
    [
        "Action: CREATE\nVersion: 5.0\nDomain: dänic.de\nHolder: DENIC-1000002-MAX\n",
        "holder: DENIC-1000002-GoodGuy \nname: x\t \t\n \n\t\nend   ",
        "-\n- \n--\n-- \n-----BEGIN PGP SIGNED MESSAGE-----\n-----BEGIN PGP SIGNATURE-----\n- - a",
        "From the registry\nFrom \n>From here\n From there\nfrom below",
        ".\n..\n.hidden\n. \n.\n",
        "Größe: äöüß ÄÖÜ ẞ € – „Anführung“ 𝔘 a\u{308}\u{a0}\n\u{a0}\n=20 =3D = ==\n=",
        "a\n\n\n\n",
        "\n\na",
        "a\r\nb \r\nc\r\n\r\n",
        "a",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain([
        long.clone(),
        format!(
            "{}\n.{}\n-{}",
            "ä".repeat(1000),
            "x".repeat(1999),
            "y".repeat(1999)
        ),
        format!("{}\nFrom {long}", "z".repeat(998)),
        format!("{}\n{}", "z".repeat(998), "z".repeat(999)),
    ])
    .collect()
}
