//! Reason codes: every decision has one, and a sentence (`stichtag explain R12`).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A code of the catalogue, such as `W03`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReasonCode(&'static str);

impl ReasonCode {
    /// The code, such as `W03`.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// Does this code hold a message back (`R…`)?
    pub fn is_hold(self) -> bool {
        self.0.starts_with('R')
    }

    /// What the catalogue says about it.
    pub fn entry(self) -> Option<&'static Entry> {
        find(self.0)
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl Serialize for ReasonCode {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for ReasonCode {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        find(&text)
            .map(|entry| entry.code)
            .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a reason code")))
    }
}

/// One decision about one message: the code, and what exactly was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The code.
    pub code: ReasonCode,
    /// The sentence for this case; names the line (from 1, in the decoded body) and the field.
    pub detail: String,
}

/// Longest sentence of a reason, in characters.
const DETAIL_MAX: usize = 1_000;

impl Reason {
    /// A reason with its sentence. It may quote a foreign text, and is written to logs and shown to
    /// people: control characters come out as U+FFFD, and it is cut at a thousand characters.
    pub fn new(code: ReasonCode, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        if detail.len() > DETAIL_MAX || detail.contains(char::is_control) {
            let clean = |letter: char| match letter {
                _ if letter.is_control() => '\u{fffd}',
                _ => letter,
            };
            let is_long = detail.chars().nth(DETAIL_MAX).is_some();
            detail = detail.chars().take(DETAIL_MAX).map(clean).collect();
            if is_long {
                detail.push('…');
            }
        }
        Reason { code, detail }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.detail)
    }
}

/// An entry of the catalogue.
#[derive(Debug)]
pub struct Entry {
    /// The code.
    pub code: ReasonCode,
    /// What it means, one sentence.
    pub meaning: &'static str,
    /// What to do about it, one sentence.
    pub remedy: &'static str,
}

/// Holds that are found in mail of proven origin too: it could not be read, or a person must know of
/// it. Mail that is held for one of these alone came from the registry.
pub const BEHIND_ORIGIN: [ReasonCode; 15] = [
    NOT_UNDERSTOOD,
    DEADLINE_UNREADABLE,
    CONTRADICTION,
    NAME_MISMATCH,
    TWO_TEXTS,
    NO_TEXT,
    UNKNOWN_KIND,
    NOT_OURS,
    NO_ZONE,
    NO_PARSER,
    NOT_ACTED_ON,
    UNMATCHED,
    NAME_LETTERS,
    ATTACHED,
    PANIC,
];

/// The entry of `code` (any case), if there is one.
pub fn find(code: &str) -> Option<&'static Entry> {
    CATALOGUE
        .iter()
        .find(|entry| entry.code.0.eq_ignore_ascii_case(code))
}

macro_rules! catalogue {
    ($($name:ident $code:literal $meaning:literal $remedy:literal;)*) => {
        $(
            #[doc = $meaning]
            pub const $name: ReasonCode = ReasonCode($code);
        )*
        /// Every code, in the order of its kind.
        pub const CATALOGUE: &[Entry] = &[
            $(Entry { code: $name, meaning: $meaning, remedy: $remedy },)*
        ];
    };
}

catalogue! {
    UNKNOWN_RECIPIENT "R01" "The recipient belongs to no route."
        "Add the address to `recipients` of the right route, or stop routing it here.";
    ENVELOPE_SENDER "R02" "The envelope sender is not one that the route allows."
        "Look at the message (`stichtag log raw ID`); if it is genuine, add the sender to `envelope_from` and release it.";
    FROM_COUNT "R03" "The mail has no From field, or more than one."
        "Genuine registry mail has exactly one; look at the raw message before you release it.";
    FROM_FORM "R04" "The From field is not exactly one plain mailbox."
        "Lists, groups and broken addresses never pass; look at the raw message.";
    FROM_ADDRESS "R05" "The From address is not the registry's."
        "Compare it letter by letter; a lookalike or a display name that shows the genuine address is a forgery.";
    ENVIRONMENT_CONFLICT "R06" "Recipient, envelope sender, From, subject and text do not all name the same environment."
        "Test and live never mix; find out which side sent it, and refuse it if nobody can say.";
    SUBJECT "R07" "The subject does not fit the route."
        "Check `subject_forbids` and `subject_requires` of the route.";
    HEADER_BYTES "R08" "The header holds a NUL, a bare CR or a line that is no field, at which readers disagree about its fields."
        "Genuine registry mail has none of them; look at the raw message before you release it.";
    NO_PROOF "R09" "Nothing proves that the message comes from the registry."
        "See `stichtag log why ID` for what was looked for; `stichtag doctor` proposes a rule from the mail that came so far.";
    NOT_ADDRESSED "R41" "The mail is signed, but addressed to somebody else, and came by way of somebody else."
        "If the registry writes to that address and it reaches us, add it to `recipients` of the route.";
    NOT_UNDERSTOOD "R10" "The body could not be understood: a required field is missing or unreadable."
        "Read the raw message and act by hand; replay it once the program understands it.";
    DEADLINE_UNREADABLE "R11" "A verification deadline is there but cannot be read."
        "Act at once by hand: the domain has a deadline that nobody is watching.";
    CONTRADICTION "R12" "The message contradicts itself: two domains, two statuses or two answers in one."
        "Ask the registry which is true; release nothing before.";
    NAME_MISMATCH "R13" "The A-label does not belong to the U-label."
        "Check the domain by hand; the two names are different domains.";
    TWO_TEXTS "R14" "The mail has more than one text part."
        "Read all parts in the raw message; genuine registry mail has one.";
    NO_TEXT "R15" "The mail has no readable text part."
        "Read the raw message; genuine registry mail is plain text.";
    LIMITS "R16" "The message breaks a limit (header fields, parts, depth, size)."
        "Registry mail is a few kilobytes; look at the raw message with care.";
    UNKNOWN_KIND "R17" "The kind of message is not known to this version."
        "Read the raw message and act by hand; replay it after an upgrade.";
    NOT_OURS "R20" "The domain is not in our database."
        "Import the domain with its customer and replay the message, or set `domains.unknown_domain = \"create\"`.";
    DNS_TROUBLE "R18" "The proof of origin could not be checked: DNS did not answer for `authenticate.retry_for`."
        "Mend the resolver, then `stichtag replay` the message.";
    SIGNATURE "R19" "The text carries an OpenPGP signature that does not hold."
        "Signed text that was changed, or text beside it, is a forgery; look at the raw message.";
    REPLAYED "R21" "The message or its signature is older than `authenticate.replay_window`."
        "An old genuine mail sent again says nothing new; release it only if it was delayed on its way.";
    AUTOMATIC "R22" "An automatic answer, a bounce, a list mail or a notice of our own: never a registry event."
        "Nothing, unless it is none of these; then look at its header.";
    FUTURE "R23" "The registry time lies more than a day in the future."
        "Check this machine's clock and the message's Date.";
    NO_ZONE "R24" "A deadline has no time zone, so it is not a known instant."
        "Find out the instant and act by hand.";
    NO_ENVIRONMENT "R25" "Nothing says whether the message is live or test."
        "Import queue files with `--env live` or `--env test`.";
    NO_PARSER "R26" "Messages of this route cannot be read by this version."
        "The message is kept; replay it after an upgrade.";
    UNMATCHED "R27" "An answer with errors, a status or a date names no domain."
        "Find the request by its reference, and act by hand.";
    CHARACTERS "R28" "The subject or a text holds characters that nobody sees, that turn the reading direction or that pass for others."
        "Genuine registry mail has none; look at the raw message, and act by hand if it is genuine.";
    NAME_LETTERS "R29" "The domain name has letters that .de does not have, or is not written as .de writes it."
        "Look at the A-label alone: the U-label may show another name; act by hand if it is ours.";
    REPEATED_FIELD "R31" "A header field that may stand there once is there twice."
        "Readers show either one of them; look at the raw message before you release it.";
    HEADER_FORM "R32" "The header is not in the form of RFC 5322: bytes above 127, controls, an over-long line or a line of blanks."
        "Readers disagree about such a header; look at the raw message before you release it.";
    MIME_FORM "R33" "The MIME structure is broken, obsolete or contradicts itself."
        "Readers see different parts in it; look at the raw message, and act by hand if it is genuine.";
    ATTACHED "R34" "The mail carries a part that other readers open: a mail, a file, an archive, a document."
        "Registry mail has no attachments; nothing in it was opened. Look at the raw message.";
    TEXT_ASIDE "R35" "Registry fields stand where they are not read: behind a signature mark, quoted, or beside the MIME parts."
        "A reader sees both; find out which is meant, and act by hand.";
    BODY_BYTES "R36" "The body holds a NUL, a bare CR or LF, or a line of more than 998 octets."
        "It was changed on its way, or built to be read in two ways; look at the raw message.";
    ENCODED_WORD "R37" "An encoded word (RFC 2047) in From or Subject is broken, misplaced or hides what no header may hold."
        "Readers show different texts; look at the raw message before you release it.";
    HTML_HIDES "R38" "The HTML part uses means that can hide or add text, such as styles, comments and scripts."
        "What it shows cannot be compared with the text; look at both, and act by hand if it is genuine.";
    PANIC "R30" "The program failed while it processed the message."
        "Report the message with the detail shown; it is kept, and can be replayed after an upgrade.";
    NOT_SIGNED "R44" "The mail came to an address of notices, and no notice of ours has it: its signature is missing or wrong."
        "Nothing: it is no answer to a mail of ours; it changed nothing, and nobody is told.";
    NOT_A_REPORT "R43" "The mail answers a notice, and is neither a report about delivery nor an automatic answer."
        "Read it (`stichtag log raw ID`): a person may have written, or a mail system in a form that is not known yet; then refuse it with a note.";
    NOT_ACTED_ON "R42" "The event is understood, but this version does not act on events of its kind yet."
        "Act by hand at the reseller and refuse it with a note, or leave it and replay it after an upgrade.";
    BY_PERSON "R40" "A person refused the message."
        "See the note in the audit trail.";
    UNKNOWN_FIELD "W01" "A field that is not known was kept and shown."
        "Nothing; tell the makers if it matters.";
    UNKNOWN_CODE "W02" "A message code that is not known was kept and shown."
        "Read its text; nothing was concluded from it.";
    NO_COLON "W03" "A keyword without its colon was accepted."
        "Nothing; the registry writes `HOLDER` so.";
    ATE_TYPO "W04" "`[ate:` was read as `[Date:`."
        "Nothing; the registry's test system writes it so.";
    BARE_DATE "W05" "A bare timestamp in brackets was read as the deadline; the claims are not known."
        "Nothing; the form of before 17 April 2025.";
    SPECIAL_BLANKS "W06" "Special blanks (such as U+00A0) were read as blanks."
        "Nothing.";
    EQUAL_DEADLINES "W07" "Both deadlines are equal."
        "Nothing; they are stored as given.";
    NO_HANDLE "W08" "A holder is not a contact handle; the line was kept and shown."
        "Check the holders by hand.";
    ACE_COMPUTED "W09" "No A-label was given; it was computed."
        "Nothing.";
    CHARSET "W10" "The text was not in the character set it claims; another one was used."
        "Compare the domain name with the A-label.";
    ADDRESS_AT_RISK "W11" "The customer's address lies under the affected domain."
        "Record a second address (`stichtag import customers`), or telephone.";
    REPEATED "W12" "A field or element is repeated; equal values were taken once, of different deadlines the earlier."
        "Nothing if equal; otherwise check the deadline.";
    DEADLINE_FIELDS_DIFFER "W13" "The deadline's field and the text in brackets differ; the field was taken."
        "Check the deadline at the registry.";
    UNDECLARED_PREFIX "W14" "An XML prefix is used without being declared; it was accepted."
        "Nothing; the registry's own examples do so.";
    STRAY_TEXT "W15" "Stray characters between elements were ignored."
        "Nothing.";
    DEADLINE_RANGE "W16" "A deadline is in the past, less than a day away or more than 400 days away."
        "Check it at the registry at once.";
    UNKNOWN_STATUS "W17" "The domain status is not known to this version; it was stored as text."
        "Read about it at the registry; nothing was concluded from it.";
    OLD_NAMESPACE "W19" "The XML namespace has a version other than 5.0."
        "Nothing; every version is read.";
    DEADLINE_ORDER "W20" "Deletion lies before dedelegation; both are stored as given."
        "Check the deadlines at the registry.";
    EQUAL_TIME "W21" "Two messages of the same registry time disagree; the earlier deadline stands."
        "Ask the registry for the domain's state.";
    COUNT_DIFFERS "W22" "The registry counts another number of domains for this contact than we do."
        "Compare our domain list with the registry's; a domain may be missing here.";
    NAMED_UNKNOWN "W24" "The registry names a domain of the contact with its deadline, and we do not have it, or not with this holder."
        "Look the domain up at the registry at once; if it is ours, import it with its customer and holders and replay the message.";
    OLDER "W23" "An older fact arrived after a newer one; it was filed in the history only."
        "Nothing.";
    HOLD_WITHOUT_DEADLINE "W26" "The domain is on serverHold, and no verification deadline is given."
        "Find out why by hand; no customer was told.";
    NO_CUSTOMER "W27" "Nobody could be told: the domain has no customer, or the customer no address."
        "Import the customer, then `stichtag replay` the message.";
    NO_CLAIMS "W28" "The claims of the two deadlines differ or are not known."
        "Ask the registry what must be proven.";
    SAME_MAIL "W31" "The same mail was seen before; nothing was done again."
        "Nothing.";
    QUEUE_NEGLECTED "W32" "The registry says that messages wait in its queue."
        "Find out why the queue is not being read.";
    NOTICE_FAILED "W35" "A notice could not be delivered; the customer was not told."
        "Telephone the customer, then import the address that works (`stichtag import customers`): it is written to by itself. If the text cannot be written, mend it (`stichtag notice lint`).";
    EXPIRES "W36" "A domain in status failed ends soon."
        "Give it name servers that the registry accepts before that date.";
    EMPTY "W37" "The reply carries no message."
        "Nothing.";
    RELEASED "W34" "A person released the message; its sender was not checked again."
        "See the note in the audit trail.";
    TRIGGER "W40" "A request for confirmation has no trigger code, or one whose length is odd."
        "Ask the reseller's system for the code, or have it sent again.";
    HELD_LONG "W50" "A message waits for a person longer than `watch.held_age`."
        "Look at it (`stichtag held show ID`) and release or refuse it.";
    HELD_DEADLINE "W51" "A held message names a deadline that has passed or is less than 72 hours away."
        "Look at it at once (`stichtag held show ID`); nobody watches this deadline while it is held.";
    NOTICE_BOUNCED "W52" "A notice came back; the customer was not told by it."
        "Telephone the customer (`stichtag case call-done`), then import the address that works (`stichtag import customers`): it is written to by itself.";
    NOTICE_LATE "W54" "A mail system reports that a notice is late; it is tried further."
        "Nothing yet; if it comes back, the next address or a telephone call follows.";
    REPORT_NO_NEWS "W55" "A report about a notice that changes nothing: it says that the mail goes on, or came after the last word."
        "Nothing.";
    AUTO_REPLY "W56" "A machine answered a notice; the notice arrived."
        "Nothing.";
    NO_NOTICE "W57" "A report about a notice that is not in this database."
        "Nothing, unless the database was restored from a backup; then look for the notices sent since.";
    CALLED "W53" "The customer was told by telephone."
        "Nothing; see the note on the case.";
    UNTOLD "W60" "A deadline is nearer than `watch.unnotified_before`, and the customer has not been told."
        "Telephone the customer and write it down, or see why no mail left (`stichtag notice list --case V-…`).";
    BOUNCE_RATE "W61" "More than one in twenty notices of the last 30 days came back or was refused."
        "See `stichtag notice list --state bounced` and `--state failed`; mend the addresses, or the way out if they have one cause.";
    NO_WORKING_CONTACT "W62" "Mail to every address of the customer of an open case has come back or was refused."
        "Telephone the customer, and import an address that works.";
    ROUTE_SILENT "W63" "A live route has heard nothing from the registry for `watch.registry_silence`."
        "Look for its mail in Postfix (`postqueue -p`, its log), and ask the registry where it writes to.";
    SENDING_PAUSED "W64" "Sending to customers has been paused for more than 30 minutes."
        "Find out why (`stichtag status`), then `stichtag notice resume`.";
    SMARTHOST_REFUSES "W66" "The smarthost takes no mail from us, whoever it is for."
        "Mend what its reply names (login, address, `notices.smarthost`); what waits is tried again until then.";
    ALERT_TEST "W65" "A test of the ways that alarms reach people (`stichtag alarm test`)."
        "Nothing; it arrived.";
    UNANSWERED "W70" "The registry has not answered a request of ours."
        "Ask the registry what became of it; never order the same again before that is known.";
    REQUEST_FAILED "W71" "A request could not be sent."
        "See `stichtag action list`; put right what it names and order again.";
    TOO_LATE "W72" "An order was taken back after its request had left."
        "Ask the customer and the registry: nothing is recalled by itself.";
    UNSIGNED "W75" "Requests wait because nothing can be signed."
        "Give `stichtag-send` a key that is valid, and its passphrase; what waits leaves by itself then.";
    OUTCOME_UNKNOWN "W76" "What became of a request of ours is not known: it may have been carried out, or not."
        "The registry is asked by RRI where that is configured; else find out there, then `stichtag request settle Q-…`. It is never sent again by itself.";
    NO_WAY "W77" "Requests wait because there is no way to the registry or to the reseller."
        "Mend what the text names (`rri.*.host`, `centralnic.*.api_url`, the registry's list of addresses; after a refused login the credential: try it with `stichtag-send rri FILE`, then restart `stichtag-send run`); what waits leaves then.";
    QUEUE_STUCK "W78" "A message in the registry's queue cannot be read, and others of its type wait behind it."
        "See the held message here; delete it there (`stichtag-send rri` with a QUEUE-DELETE), or set `rri.*.delete_unreadable = true`: it is kept here.";
    SAME_HAPPENING "W91" "Another message has told the same in another form: by mail, by poll or by the API."
        "Nothing.";
    OWNER_INVALID "W87" "The owner contact of a domain that must be confirmed is not valid at the reseller."
        "Correct the contact's data there (`stichtag-send reseller call ModifyContact …`); before that no confirmation counts for it.";
    NOT_RELEASED "W88" "A domain was confirmed, and is still off the net."
        "Ask the reseller's support; `stichtag-send reseller call StatusDomain domain=…` shows its state.";
    NOT_OURS_THERE "W89" "The reseller holds a domain of ours that is not in the database: nobody is told of its deadlines."
        "Import it with its customer (`stichtag import domains`), then `stichtag-send reseller call StatusDomain domain=…`.";
    PARKED_UNKNOWN "W92" "The reseller lists a domain as suspended, and its state does not show it."
        "Put the name servers of suspended domains into `verify_site.interrupt_nameservers`; `stichtag-send reseller call StatusDomain domain=…` shows them.";
    UNKNOWN_THERE "W90" "The reseller does not know a domain of which it has spoken before."
        "Find out where it is: deleted, moved, or held under another account.";
    POLL_UNREADABLE "W85" "A message of the reseller's poll queue cannot be read or is of no known kind; it is kept here, and was acknowledged there."
        "See the held message here and act by hand; replay it once the program understands it.";
    NO_EXTENSION "W86" "A message of the reseller's poll queue came without the reseller's extension, and so without a code."
        "Ask the reseller which services the account may use; read the event by the API (`events = \"api\"`) until then.";
    RESELLER_REFUSED "W80" "CentralNic Reseller does not let us in, or not do what we ask; nothing more is asked of it."
        "Mend what the text names (`centralnic.*` and its credentials, the IP allow list, the user's rights, the credit), then try one command: `stichtag-send reseller call StatusRegistrar` (`stichtag-send reseller login` for EPP). Once one succeeds, all goes on by itself.";
    RESELLER_FAILED "W81" "CentralNic Reseller refused a command for good, or it was given up."
        "See what it says, put right what it names and ask again; look yourself at the reseller's control panel if a deadline is near.";
    RESELLER_LOCKED "W82" "CentralNic Reseller has locked the account for some minutes: too much was asked of it."
        "Find out who else uses the account (one command a second for all together); this goes on by itself.";
    RESELLER_SILENT "W83" "CentralNic Reseller has not been reached for some time."
        "See the log of `stichtag-send run` and the reseller's status page; until then read deadlines in the control panel.";
    EVENT_STUCK "W84" "An event at CentralNic Reseller cannot be read or deleted."
        "Read it there (`stichtag-send reseller call StatusEvent event=…`) and delete it; the events behind it are read all the same.";
    DECIDE "W74" "An order waits for the decision of a person."
        "Ask the customer; then `stichtag order release O-…` or `stichtag order cancel O-…`.";
    ANSWERED "W73" "The message answers a request of ours."
        "Nothing; see `stichtag action list` if it names errors.";
    WRONG_ENVIRONMENT_ANSWER "R45" "An answer from one environment names a request of the other."
        "Nothing: it changed nothing. Find out who mixes live and test.";
    API_TOKEN "E01" "The HTTP API was asked without a token that is taken: there was none, or it is unknown, expired or revoked."
        "Send `Authorization: Bearer st_…`; `stichtag token list` shows which tokens are taken, the log why one was not.";
    API_SCOPE "E02" "The token does not allow this."
        "Use a token with the scope that the answer names, or add one (`stichtag token add NAME --scope …`).";
    API_ENVIRONMENT "E03" "The token is limited to the other environment."
        "Check `environment`: test and live never mix; if it is right, use a token that may touch it.";
    API_PATH "E04" "There is nothing at this path."
        "See `/api/v1/openapi.json` for the paths that there are.";
    API_METHOD "E05" "The path does not take this method."
        "Use one that the header `Allow` of the answer names.";
    API_MISSING "E06" "There is no such order or request, or the token may not see it."
        "List them (`/api/v1/orders`, `/api/v1/requests`); a token that is limited to one environment sees that one only.";
    API_JSON "E07" "The body is no JSON object."
        "Mend it at the place that the answer names.";
    API_TYPE "E08" "The body is not said to be JSON."
        "Send `Content-Type: application/json`.";
    API_SIZE "E09" "The body is larger than 64 KiB."
        "Send one order at a time; no order needs so much.";
    API_FIELD "E10" "A field or a parameter is missing, unknown, or has a value that cannot be."
        "Mend the field that the answer names.";
    API_KEY "E11" "The header `Idempotency-Key` is missing, repeated, or not of 8 to 255 visible ASCII characters."
        "Give each order a key of its own, such as the shop's order number, and the same one whenever it is sent again.";
    API_KEY_TAKEN "E12" "The same `Idempotency-Key` was sent before with another order."
        "Send a new order under a new key; under the old one, only what was sent before.";
    API_REFUSED "E13" "What is asked does not fit how the domain or the order stands."
        "See how it stands (`GET /api/v1/orders?domain=…`), and ask for what fits.";
    API_CONTACT "E14" "A contact was to be changed by an order."
        "Use the registry's own channel (RRI, Contact UPDATE) or its web pages.";
    API_BUSY "E15" "The server is busy: 64 requests are under way, or the database did not answer in time."
        "Send the same again in some seconds, with the same `Idempotency-Key`.";
    API_TIMEOUT "E16" "The request was not done within 30 seconds."
        "Send the same again, with the same `Idempotency-Key`: what was done already is not done twice.";
    API_TROUBLE "E17" "The server failed; its log says why."
        "Read the log of `stichtag serve`, then send the same again, with the same `Idempotency-Key`.";
    CONTACT_CHANGED "W33" "The registry changed a contact."
        "Read the contact again at the registry.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_there_once() {
        let mut codes: Vec<_> = CATALOGUE.iter().map(|entry| entry.code.as_str()).collect();
        codes.sort_unstable();
        let count = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), count);
        assert_eq!(find("w03").unwrap().code, NO_COLON);
    }
}
