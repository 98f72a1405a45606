//! What every event mail must say. The lines of the samples come from their description; each other
//! line was checked against the fixture, whose name says what it shows.

/// File name and [`crate::summary::summary`].
pub const TABLE: &[(&str, &str)] = &[
    ("bad-event-no-class.eml", "R10"),
    ("bad-event-two-classes.eml", "R12"),
    ("class-empty.eml", "R10"),
    ("class-lower-case.eml", "R10"),
    ("class-not-a-word.eml", "R10"),
    (
        "class-repeated-equal.eml",
        "reseller-event class=CONTACT_DELETION/DELETION_SUCCESSFUL contact=O-UNV7 time=2026-11-10T12:00:00Z W12",
    ),
    (
        "data-key-twice-with-object.eml",
        "reseller-event orchard-sample.com class=DOMAIN_TRADE/TRADE_FAILED object=orchard-sample.com domain=`orchard-sample.com` domain=`brook-sample.net` reason=`Failed: object status: prohibits` time=2026-11-10T12:00:00Z",
    ),
    (
        "data-key-twice-without-object.eml",
        "reseller-event class=DOMAIN_TRADE/TRADE_FAILED domain=`orchard-sample.com` domain=`brook-sample.net` time=2026-11-10T12:00:00Z W12",
    ),
    (
        "event-auth-code-in-data.eml",
        "reseller-event brook-sample.net class=DOMAIN_TRANSFER/TRANSFER_PENDING object=brook-sample.net domain=`brook-sample.net` auth=`…` time=2026-11-10T12:00:00Z",
    ),
    (
        "event-base64.eml",
        "contact-verification class=CONTACT_REGISTRATION/CONTACT_REGISTRATION_NOTIFY contact=P-QRT1207 trigger=true time=2026-11-10T12:00:00Z",
    ),
    (
        "event-contact-deletion.eml",
        "reseller-event class=CONTACT_DELETION/DELETION_SUCCESSFUL contact=O-UNV7 contact=`O-UNV7` autodelete=`1` time=2026-11-10T11:34:19Z",
    ),
    (
        "event-contactverification-email-object.eml",
        "contact-verification class=CONTACT_REGISTRATION/CONTACT_REGISTRATION_NOTIFY address=ada@orchard-sample.com trigger=true time=2026-11-08T00:42:13Z",
    ),
    (
        "event-contactverification-handle.eml",
        "contact-verification class=CONTACT_REGISTRATION/CONTACT_REGISTRATION_NOTIFY contact=P-QRT1207 trigger=true time=2026-11-08T00:42:12Z",
    ),
    (
        "event-contactverification-qp.eml",
        "contact-verification class=CONTACT_REGISTRATION/CONTACT_REGISTRATION_NOTIFY contact=P-LMN88 trigger=true time=2026-11-10T12:00:01Z",
    ),
    ("event-date-unreadable.eml", "R10 orchard-sample.com"),
    (
        "event-date-with-fraction.eml",
        "reseller-event orchard-sample.com class=DOMAIN_DELETION/DELETION_SUCCESSFUL object=orchard-sample.com domain=`orchard-sample.com` time=2026-11-09T17:26:33Z",
    ),
    (
        "event-date-year-1.eml",
        "reseller-event orchard-sample.com class=DOMAIN_DELETION/DELETION_SUCCESSFUL object=orchard-sample.com domain=`orchard-sample.com` time=2026-11-10T12:00:00Z",
    ),
    (
        "event-deadline-in-data.eml",
        "reseller-event orchard-sample.de class=DOMAIN_REGISTRATION/REGISTRATION_NOTIFY object=orchard-sample.de domain=`orchard-sample.de` x-de-verificationdeadlinebeforededelegation=`2026-12-09T07:00:00` time=2026-11-10T12:00:00Z",
    ),
    (
        "event-field-behind-signature-mark.eml",
        "R35 orchard-sample.com",
    ),
    ("event-field-beside-the-parts.eml", "R35"),
    ("event-field-quoted.eml", "R35 orchard-sample.com"),
    (
        "event-html-agrees.eml",
        "contact-verification class=CONTACT_REGISTRATION/CONTACT_REGISTRATION_NOTIFY contact=P-QRT1207 trigger=true time=2026-11-10T12:00:00Z",
    ),
    ("event-html-hides-a-code.eml", "R38"),
    ("event-html-names-another-code.eml", "R12"),
    (
        "event-identifiers.eml",
        "reseller-event brook-sample.net class=DOMAIN_TRANSFER/FOREIGN_TRANSFER_PENDING object=brook-sample.net domain=`brook-sample.net` status=`clientTransferProhibited` roid=`77001122_DOMAIN-SAMPLE` cltrid=`4f6a2f0e-0000-4000-8000-a1b2c3d4e5f6` svtrid=`poll-4035830250883638326` time=2026-11-10T12:00:00Z",
    ),
    ("event-index-twice-different.eml", "R12 orchard-sample.com"),
    (
        "event-line-feeds-alone.eml",
        "contact-verification class=CONTACT_REGISTRATION/CONTACT_REGISTRATION_NOTIFY contact=P-QRT1207 trigger=true time=2026-11-10T12:00:00Z",
    ),
    (
        "event-reason-and-message.eml",
        "reseller-event orchard-sample.com class=DOMAIN_MODIFICATION/MODIFICATION_FAILED object=orchard-sample.com text=`Object status prohibits operation` text=`Try again later` domain=`orchard-sample.com` time=2026-11-10T12:00:00Z",
    ),
    (
        "event-registration-notify-de.eml",
        "reseller-event orchard-sample.de class=DOMAIN_REGISTRATION/REGISTRATION_NOTIFY object=orchard-sample.de registrar=samplereseller index=6298 domain=`orchard-sample.de` time=2026-11-09T07:00:02Z",
    ),
    (
        "event-signature-mark.eml",
        "reseller-event orchard-sample.com class=DOMAIN_DELETION/DELETION_SUCCESSFUL object=orchard-sample.com domain=`orchard-sample.com` time=2026-11-10T12:00:00Z",
    ),
    (
        "event-special-blanks.eml",
        "contact-verification class=CONTACT_REGISTRATION/CONTACT_REGISTRATION_NOTIFY contact=P-QRT1207 trigger=true time=2026-11-10T12:00:00Z W06",
    ),
    (
        "event-transfer-internal.eml",
        "reseller-event brook-sample.net class=DOMAIN_TRANSFER/TRANSFER_SUCCESSFUL object=brook-sample.net registrar=samplereseller index=6299 domain=`brook-sample.net` current registrar=`otherreseller` requesting registrar=`samplereseller` period=`0` autorenew=`0` jobid=`90000021` roid=`77001122_DOMAIN-SAMPLE` status=`clientApproved` execute date=`2026-11-09 17:26:33` request date=`2026-11-09 17:26:20` internal=`1` cltrid=`4f6a2f0e-0000-4000-8000-000000000021` svtrid=`5a7b3c1d-0000-4000-8000-000000000021` time=2026-11-09T17:26:33Z",
    ),
    (
        "event-unknown-class.eml",
        "reseller-event orchard-sample.com class=SOMETHING_NEW/SOMETHING_NEW_NOTIFY object=orchard-sample.com future key=`future value` time=2026-11-10T12:00:00Z",
    ),
    (
        "event-unknown-keys-and-free-text.eml",
        "reseller-event orchard-sample.com class=DOMAIN_DELETION/DELETION_SUCCESSFUL object=orchard-sample.com domain=`orchard-sample.com` x-future_key 2=`a:b` unknown=`Dear reseller,` unknown=`NEWKEY:new value` time=2026-11-10T12:00:00Z W01",
    ),
    (
        "object-address-like-a-code.eml",
        "contact-verification class=CONTACT_REGISTRATION/CONTACT_REGISTRATION_NOTIFY address=orchardfamily2024@orchard-sample.com trigger=true time=2026-11-10T12:00:00Z",
    ),
    (
        "object-certificate-number.eml",
        "reseller-event class=CERTIFICATE_RENEWAL/RENEWAL_NOTIFY other=4711 certificate=`4711` sub=`1` time=2026-11-10T12:00:00Z",
    ),
    (
        "object-from-contact-key.eml",
        "reseller-event orchard-sample.com class=CONTACT_DELETION/DELETION_SUCCESSFUL contact=O-UNV7 domain=`orchard-sample.com` contact=`O-UNV7` time=2026-11-10T12:00:00Z",
    ),
    (
        "object-idn.eml",
        "reseller-event brücke-sample.com/xn--brcke-sample-elb.com class=DOMAIN_RENEWAL/RENEWAL_SUCCESSFUL object=xn--brcke-sample-elb.com domain=`xn--brcke-sample-elb.com` period=`1` autorenew=`1` time=2026-11-10T12:00:00Z",
    ),
    (
        "object-none.eml",
        "reseller-event class=ACCOUNT_MODIFICATION/CREDITCARD_EXPIRED time=2026-11-10T12:00:00Z",
    ),
    (
        "object-of-no-known-form.eml",
        "reseller-event class=CONTACT_MODIFICATION/MODIFICATION_NOTIFY other=somebody there time=2026-11-10T12:00:00Z W01",
    ),
    ("object-twice-different.eml", "R12"),
    (
        "seed004-event-email.eml",
        "contact-verification class=CONTACT_REGISTRATION/CONTACT_REGISTRATION_NOTIFY address=your@email.net trigger=true time=2026-11-10T12:00:00Z W40",
    ),
    (
        "seed004-event-handle.eml",
        "contact-verification class=CONTACT_REGISTRATION/CONTACT_REGISTRATION_NOTIFY contact=P-ABC1234 trigger=true time=2026-11-10T12:00:00Z W40",
    ),
    ("subclass-missing.eml", "R10 orchard-sample.com"),
    (
        "subclass-success-without-ful.eml",
        "reseller-event orchard-sample.com class=DOMAIN_MODIFICATION/MODIFICATION_SUCCESS object=orchard-sample.com domain=`orchard-sample.com` time=2026-11-10T12:00:00Z",
    ),
    ("subclass-twice-different.eml", "R12 orchard-sample.com"),
    ("trigger-codes-differ.eml", "R12"),
    ("trigger-cut-in-two.eml", "R10"),
    (
        "trigger-empty.eml",
        "contact-verification class=CONTACT_REGISTRATION/CONTACT_REGISTRATION_NOTIFY contact=P-QRT1207 trigger=false time=2026-11-10T12:00:00Z W40",
    ),
    (
        "trigger-in-data.eml",
        "contact-verification class=CONTACT_REGISTRATION/CONTACT_REGISTRATION_NOTIFY contact=P-QRT1207 contact=`P-QRT1207` reason=`CONTACTVERIFICATION WITH TRIGGERCODE:…` trigger=true time=2026-11-10T12:00:00Z",
    ),
    (
        "trigger-in-unknown-class.eml",
        "contact-verification class=SOMETHING_NEW/SOMETHING_NEW_NOTIFY contact=P-QRT1207 trigger=true time=2026-11-10T12:00:00Z",
    ),
    (
        "trigger-keyword-damaged.eml",
        "contact-verification class=CONTACT_REGISTRATION/CONTACT_REGISTRATION_NOTIFY contact=P-QRT1207 text=`CONTACTVERIFICATION WITH TRIGGERCOXE:…` trigger=false time=2026-11-10T12:00:00Z W40",
    ),
    (
        "trigger-lower-case.eml",
        "contact-verification class=CONTACT_REGISTRATION/CONTACT_REGISTRATION_NOTIFY contact=P-QRT1207 trigger=true time=2026-11-10T12:00:00Z",
    ),
    (
        "trigger-missing.eml",
        "contact-verification class=CONTACT_REGISTRATION/CONTACT_REGISTRATION_NOTIFY contact=P-QRT1207 trigger=false time=2026-11-10T12:00:00Z W40",
    ),
    (
        "trigger-qp-padding-lost.eml",
        "contact-verification class=CONTACT_REGISTRATION/CONTACT_REGISTRATION_NOTIFY contact=P-QRT1207 trigger=true time=2026-11-10T12:00:00Z W40",
    ),
    ("trigger-qp-padding-swallows-next-line.eml", "R10"),
    ("trigger-qp-raw-padding.eml", "R15"),
    (
        "trigger-repeated-elsewhere.eml",
        "contact-verification class=CONTACT_REGISTRATION/CONTACT_REGISTRATION_NOTIFY other=… registrar=… index=… jobid=`…` trigger=true unknown=`NOTE …` unknown=`NOTE: …` time=2026-11-10T12:00:00Z W01 W01",
    ),
    ("trigger-within-a-sentence.eml", "R10"),
    ("trigger-without-colon.eml", "R10"),
    ("trigger-wrapped.eml", "R10"),
    ("verification-mail-to-registrant.eml", "R10"),
];

/// Nothing in these mails themselves says what they are.
pub const TOLD_BY_THEIR_ROUTE: [&str; 1] = ["verification-mail-to-registrant.eml"];
