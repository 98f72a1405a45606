//! What is known of a message's origin beyond its own words.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Facts about one message's origin: gathered once, judged by `authenticate`, kept with the verdict,
/// so that a replay years later judges what was seen then. The default: nothing was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// The client that our own Postfix took the mail from: by XFORWARD, else by the topmost
    /// `Received` field of the edge.
    pub client: Option<Client>,
    /// Every `DKIM-Signature`, in the order of the header (RFC 6376).
    pub dkim: Vec<DkimSignature>,
    /// SPF of the envelope sender for that client (RFC 7208); `None`: no client or no sender known.
    pub spf: Option<SpfCheck>,
    /// What DMARC says (RFC 7489); recorded, never decisive: it aligns `test.denic.de` with `denic.de`.
    pub dmarc: Option<String>,
    /// What the ARC chain says (RFC 8617); recorded, never decisive.
    pub arc: Option<String>,
    /// The OpenPGP signature of the text, if it carries one and the route has keys.
    pub openpgp: Option<OpenPgpSignature>,
    /// What DNS did not answer, in words: it should be asked again.
    pub trouble: Vec<String>,
}

impl Evidence {
    /// This, gathered again, with all that `earlier` saw to hold: a key may have gone since.
    pub fn with_earlier(mut self, earlier: &Evidence) -> Self {
        // The same mail has the same fields, in the same order.
        for (one, known) in self.dkim.iter_mut().zip(&earlier.dkim) {
            let is_same = (&one.domain, &one.selector) == (&known.domain, &known.selector);
            if is_same && known.finding == Finding::Pass {
                *one = known.clone();
            }
        }
        let was_good = |spf: &&SpfCheck| spf.finding == Finding::Pass;
        if let Some(known) = earlier.spf.as_ref().filter(was_good)
            && self.client == earlier.client
        {
            self.spf = Some(known.clone());
        }
        self
    }
}

/// A client of our own Postfix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Its address.
    pub address: IpAddr,
    /// What it said in HELO or EHLO.
    pub helo: Option<String>,
}

/// How a check ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// It holds.
    Pass,
    /// It does not; why, in words.
    Fail(String),
    /// Nobody could say now: DNS did not answer.
    Unknown(String),
}

/// One `DKIM-Signature` field. The first 20 of a mail are here, whatever became of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DkimSignature {
    /// `d=`, lower case.
    pub domain: String,
    /// `s=`.
    pub selector: String,
    /// `a=`, such as `rsa-sha256`.
    pub algorithm: String,
    /// Does it verify? One with `l=` is not even tried; weak keys, expiry and unsigned fields are judged
    /// by `authenticate`.
    pub finding: Finding,
    /// `h=`, lower case, as often as it names them.
    pub fields: Vec<String>,
    /// `l=` is there: text may follow what is signed.
    pub has_length: bool,
    /// Bits of an RSA key; `None` for other keys, or where no key was seen.
    pub key_bits: Option<u32>,
    /// `t=`.
    pub signed_at: Option<Timestamp>,
    /// `x=`.
    pub expires_at: Option<Timestamp>,
}

/// SPF of one mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpfCheck {
    /// The domain of MAIL FROM, lower case; `None`: the null sender, of which only HELO was checked,
    /// which never counts.
    pub domain: Option<String>,
    /// `Pass` only for the result `pass`.
    pub finding: Finding,
}

/// The OpenPGP signature of a mail (RFC 9580), clearsigned or PGP/MIME (RFC 3156).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenPgpSignature {
    /// Fingerprint of the primary key, upper case hexadecimal digits, if one of ours verified it.
    pub fingerprint: Option<String>,
    /// `Pass`: a pinned key that was valid then has signed exactly `text`, and there is no text
    /// before, after or beside it.
    pub finding: Finding,
    /// When it was made.
    pub signed_at: Option<Timestamp>,
    /// The signed text, as the only text to be parsed; empty unless `Pass`.
    pub text: String,
}
