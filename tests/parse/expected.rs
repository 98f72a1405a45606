//! What every fixture must say. The lines of the samples and of the registry's examples come from
//! their descriptions; each other line was checked against the fixture, whose name says what it shows.
//!
//! Instants are in UTC, the fixtures are mostly written at +02:00.

/// File name and [`crate::summary::summary`].
pub const TABLE: &[(&str, &str)] = &[
    // Samples: mail.
    (
        "01-live-connect.eml",
        "domain-status holzspielzeug-nord.de status=connect holders=DENIC-1000888-HSN-KONTOR result=success time=2026-05-04T07:12:31Z",
    ),
    (
        "02-test-connect-idn.eml",
        "domain-status kräuterhof-süd.de/xn--kruterhof-sd-hcb95a.de status=connect holders=DENIC-1000888-KRAUT-1,DENIC-1000888-KRAUT-2 result=success time=2026-05-04T08:00:02Z",
    ),
    (
        "03-live-verification-required.eml",
        "domain-status segelschule-bodden.de status=connect holders=DENIC-1000888-BODDEN-GBR,DENIC-1000888-HOLDER-2 ded=2026-06-04T06:30:00Z del=2026-09-02T06:30:00Z claims=address;name result=success time=2026-05-05T06:30:05Z W03",
    ),
    (
        "04-test-verification-ate-typo.eml",
        "domain-status müßiggang-verlag.de/xn--miggang-verlag-0fb77b.de status=connect holders=DENIC-1000888-MUSSE ded=2026-06-04T09:15:00Z del=2026-09-02T09:15:00Z claims=email result=success time=2026-05-05T09:15:09Z W03 W04",
    ),
    (
        "05-live-serverhold-nbsp-qp.eml",
        "domain-status grüne-welle-hamm.de/xn--grne-welle-hamm-0vb.de status=serverHold holders=DENIC-1000888-WELLE del=2026-09-02T06:30:00Z claims=address;name result=success time=2026-06-04T06:31:00Z W06 W03",
    ),
    (
        "06-live-old-argument-format.eml",
        "domain-status kachelofen-waage.de status=connect holders=DENIC-1000888-WAAGE ded=2025-03-15T13:00:00Z del=2025-03-22T13:00:00Z claims=? result=success time=2025-03-10T13:00:03Z W05",
    ),
    (
        "07-reject-environment-mismatch.eml",
        "domain-status drachenbau-elbe.de status=connect holders=DENIC-1000888-ELBE result=success time=2026-05-06T10:00:00Z",
    ),
    (
        "08-reject-lookalike-sender.eml",
        "domain-status drachenbau-elbe.de status=serverHold holders=DENIC-1000888-ELBE del=2026-05-08T10:00:00Z claims=address;email;name result=success time=2026-05-06T10:05:00Z",
    ),
    (
        "09-live-failed-inferred.eml",
        "request-answer fahrradkurier-lahn.de result=failed ticket=shop-77120 time=2026-05-07T05:45:00Z",
    ),
    (
        "10-live-latin1-base64-wrapped.eml",
        "domain-status bäckerei-weiß.de/xn--bckerei-wei-56a8c.de status=connect holders=DENIC-1000888-WEISS ded=2026-06-07T04:00:00Z del=2026-09-05T04:00:00Z claims=address;email;name result=success time=2026-05-08T04:00:07Z",
    ),
    (
        "11-live-multipart-alternative.eml",
        "domain-status tuchmacherei-jena.de status=connect holders=DENIC-1000888-JENA result=success ticket=t-2026-000451 time=2026-05-09T14:20:00Z W09",
    ),
    // Samples: queue.
    (
        "20-queue-domainStatusUpdate-connect.kv",
        "domain-status holzspielzeug-nord.de status=connect holders=DENIC-1000888-HSN-KONTOR result=success count=3 time=2026-05-04T07:12:30Z",
    ),
    (
        "21-queue-domainStatusUpdate-verification.kv",
        "domain-status segelschule-bodden.de status=connect holders=DENIC-1000888-BODDEN-GBR,DENIC-1000888-HOLDER-2 ded=2026-06-04T06:30:00Z del=2026-09-02T06:30:00Z claims=address;name result=success count=2 time=2026-05-05T06:30:00Z W06",
    ),
    (
        "22-queue-domainStatusUpdate-serverHold.kv",
        "domain-status grüne-welle-hamm.de/xn--grne-welle-hamm-0vb.de status=serverHold holders=DENIC-1000888-WELLE del=2026-09-02T06:30:00Z claims=address;name result=success count=1 time=2026-06-04T06:30:59Z env=test",
    ),
    (
        "23-queue-contactVerificationRequired-inferred.kv",
        "contact-verification-required contact=DENIC-1000888-BODDEN-GBR claims=address;name domains=12 ded=segelschule-bodden.de@2026-06-04T06:30:00Z del=segelschule-bodden.de@2026-09-02T06:30:00Z result=success count=4 time=2026-05-05T06:30:01Z",
    ),
    (
        "24-queue-expireWarning.kv",
        "expire-warning fahrradkurier-lahn.de expire=2026-05-27T05:44:58Z result=success count=2 time=2026-05-20T05:01:00Z",
    ),
    (
        "25-queue-chprovAuthInfo.kv",
        "chprov kachelofen-waage.de new=Nachbar Internet GmbH old=Registrar Example GmbH result=success count=1 time=2026-05-21T11:37:00Z",
    ),
    (
        "26-queue-contactDelete.kv",
        "contact-delete handles=DENIC-1000888-ALT-0001,DENIC-1000888-ALT-0002,DENIC-1000888-ALT-0003 result=success count=1 time=2026-05-22T01:00:00Z",
    ),
    ("27-queue-empty.kv", "request-answer result=success count=0"),
    (
        "28-response-success-with-errors.kv",
        "request-answer status=failed expire=2026-06-06T05:44:58Z result=success ctid=shop-77121",
    ),
    (
        "40-bare-message-undeclared-prefix-nbsp.xml",
        "domain-status segelschule-bodden.de status=connect holders=DENIC-1000888-BODDEN-GBR,DENIC-1000888-HOLDER-2 ded=2026-06-04T06:30:00Z del=2026-09-02T06:30:00Z claims=address;name count=2 time=2026-05-05T06:30:00Z W06 W14 W12",
    ),
    (
        "41-queue-contactVerificationRequired-stray-text.xml",
        "contact-verification-required contact=DENIC-1000888-BODDEN-GBR claims=address;name domains=12 ded=segelschule-bodden.de@2026-06-04T06:30:00Z del=segelschule-bodden.de@2026-09-02T06:30:00Z result=success count=4 time=2026-05-05T06:30:01Z W15",
    ),
    (
        "42-queue-contactUpdate-code-clash.xml",
        "contact-update contact=DENIC-1000888-JENA reference=DENIC#:88123 result=success count=1 time=2026-05-11T07:31:19Z",
    ),
    (
        "43-queue-expire-v4-namespace.xml",
        "expire fahrradkurier-lahn.de expire=2026-05-27T05:44:58Z result=success count=1 time=2026-05-27T05:45:10Z W19",
    ),
    ("44-queue-empty.xml", "request-answer result=success"),
    // The registry's own examples.
    (
        "seed001-test-connect.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000002-MaybeGoodGuy,DENIC-1000002-GoodGuy result=success time=2025-06-01T13:51:10Z W06",
    ),
    (
        "seed001-live-connect.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000002-MaybeGoodGuy,DENIC-1000002-GoodGuy result=success time=2025-06-01T13:51:10Z W06",
    ),
    (
        "seed001-test-verification.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000002-MaybeGoodGuy,DENIC-1000002-GoodGuy ded=2025-06-06T13:51:08Z del=2025-06-13T13:51:08Z claims=address;name result=success time=2025-06-01T13:51:10Z W06 W03 W04",
    ),
    (
        "seed001-live-verification.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000002-MaybeGoodGuy,DENIC-1000002-GoodGuy ded=2025-06-13T13:51:08Z del=2025-06-13T13:51:08Z claims=address;name result=success time=2025-06-01T13:51:10Z W06 W03 W07",
    ),
    (
        "seed001-test-serverhold.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=serverHold holders=DENIC-1000002-MaybeGoodGuy,DENIC-1000002-GoodGuy del=2025-06-13T13:51:08Z claims=address;name result=success time=2025-06-01T13:51:10Z W06 W03",
    ),
    (
        "seed001-live-serverhold.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=serverHold holders=DENIC-1000002-MaybeGoodGuy,DENIC-1000002-GoodGuy del=2025-06-13T13:51:08Z claims=address;name result=success time=2025-06-01T13:51:10Z W06 W03",
    ),
    (
        "seed001-connect.kv",
        "domain-status de-example.de status=connect holders=DENIC-1000002-GoodGuy,DENIC-1000002-GoodGuy2 count=1 time=2024-06-01T13:51:08Z W06",
    ),
    (
        "seed001-connect.xml",
        "domain-status de-example.de status=connect holders=DENIC-1000002-GoodGuy,DENIC-1000002-GoodGuy2 count=1 time=2024-06-01T13:51:08Z W06",
    ),
    (
        "seed001-verification.kv",
        "domain-status de-example.de status=connect holders=DENIC-1000002-MaybeGoodGuy,DENIC-1000002-GoodGuy ded=2024-06-06T13:51:08Z del=2024-06-13T13:51:08Z claims=address;name count=1 time=2024-06-01T13:51:08Z W06",
    ),
    (
        "seed001-verification.xml",
        "domain-status de-example.de status=connect holders=DENIC-1000002-MaybeGoodGuy,DENIC-1000002-GoodGuy ded=2024-06-06T13:51:08Z del=2024-06-13T13:51:08Z claims=address;name count=1 time=2024-06-01T13:51:08Z W06 W14 W12",
    ),
    (
        "seed001-serverhold.kv",
        "domain-status de-example.de status=serverHold holders=DENIC-1000002-BadGuy,DENIC-1000002-GoodGuy del=2024-06-13T13:51:08Z claims=address;name count=1 time=2024-06-01T13:51:08Z W06",
    ),
    (
        "seed001-serverhold.xml",
        "domain-status de-example.de status=serverHold holders=DENIC-1000002-BadGuy,DENIC-1000002-GoodGuy del=2024-06-13T13:51:08Z claims=address;name count=1 time=2024-06-01T13:51:08Z W06 W14",
    ),
    // Mail: one oddity each.
    ("ace-mismatch.eml", "R13 deadline"),
    ("attached-mail-alone.eml", "R15"),
    ("attached-mail-is-not-read.eml", "R34"),
    (
        "charset-latin1-declared-utf8-qp.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000002-GoodGuy result=success time=2025-06-01T13:51:10Z W10",
    ),
    (
        "charset-latin1-undeclared.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000002-GoodGuy result=success time=2025-06-01T13:51:10Z W10",
    ),
    (
        "charset-utf8-declared-latin1.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000002-GoodGuy result=success time=2025-06-01T13:51:10Z W10",
    ),
    (
        "claims-differ.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000002-GoodGuy ded=2025-06-06T13:51:08Z del=2025-06-13T13:51:08Z claims=email;name;phone result=success time=2025-06-01T13:51:10Z W28",
    ),
    (
        "claims-missing.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=serverHold holders=DENIC-1000002-GoodGuy del=2025-06-13T13:51:08Z claims=? result=success time=2025-06-01T13:51:10Z W28",
    ),
    ("code-and-quoted-status-disagree.eml", "R12 xn--dnic-loa.de"),
    (
        "contact-other.eml",
        "unknown result=success time=2025-06-01T13:51:10Z",
    ),
    (
        "contact-request-failed.eml",
        "request-answer result=failed ticket=c-118 time=2025-06-01T13:51:10Z",
    ),
    (
        "contact-update-code-clash.eml",
        "contact-update contact=DENIC-1000888-JENA reference=DENIC#:88123 result=success time=2025-06-01T13:51:10Z",
    ),
    (
        "contact-verification-required.eml",
        "contact-verification-required contact=DENIC-1000888-JENA claims=email;name result=success time=2025-06-01T13:51:10Z",
    ),
    ("contact-verification-with-date.eml", "R11 deadline"),
    (
        "date-missing.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000002-GoodGuy result=success",
    ),
    (
        "date-twice-different.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000002-GoodGuy result=success W12",
    ),
    (
        "date-without-zone.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000002-GoodGuy result=success",
    ),
    (
        "deadline-code-and-text-clash.eml",
        "R12 xn--dnic-loa.de deadline",
    ),
    (
        "deadline-deletion-first.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000002-GoodGuy ded=2025-07-06T13:51:08Z del=2025-06-13T13:51:08Z claims=address;name result=success time=2025-06-01T13:51:10Z W20",
    ),
    (
        "deadline-impossible-day.eml",
        "R11 xn--dnic-loa.de deadline",
    ),
    (
        "deadline-twice-different.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000002-GoodGuy del=2025-06-12T13:51:08Z claims=address;name result=success time=2025-06-01T13:51:10Z W12",
    ),
    (
        "deadline-under-damaged-keyword.eml",
        "R11 xn--dnic-loa.de deadline",
    ),
    (
        "deadline-under-unknown-code.eml",
        "R11 xn--dnic-loa.de deadline",
    ),
    ("deadline-unreadable.eml", "R11 xn--dnic-loa.de deadline"),
    (
        "deadline-without-brackets.eml",
        "R11 xn--dnic-loa.de deadline",
    ),
    ("deadline-without-zone.eml", "R24 xn--dnic-loa.de deadline"),
    ("empty-text.eml", "R15"),
    (
        "fields-repeated-equal.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000002-GoodGuy result=success time=2025-06-01T13:51:10Z W12 W12 W12 W12",
    ),
    ("handle-missing.eml", "R10 deadline"),
    ("handle-twice-different.eml", "R12"),
    (
        "handle-without-brackets.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000002-GoodGuy result=success time=2025-06-01T13:51:10Z W09",
    ),
    (
        "holder-not-a-handle.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000002-GoodGuy result=success time=2025-06-01T13:51:10Z W08 W12",
    ),
    (
        "html-agrees.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000002-GoodGuy del=2025-06-13T13:51:08Z claims=address;name result=success time=2025-06-01T13:51:10Z",
    ),
    ("html-disagrees.eml", "R12"),
    ("html-only.eml", "R15 deadline"),
    (
        "mailbox-file.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000002-GoodGuy result=success time=2025-06-01T13:51:10Z",
    ),
    ("multipart-cut-off.eml", "R15 deadline"),
    ("name-broken-ace-whole.eml", "R13"),
    (
        "nested-error-wrapped.eml",
        "request-answer denic.de result=failed ticket=shop-1 time=2025-06-01T13:51:10Z env=test",
    ),
    ("no-registry-fields.eml", "R10"),
    (
        "object-missing.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000002-GoodGuy result=success time=2025-06-01T13:51:10Z",
    ),
    (
        "object-other.eml",
        "unknown result=success time=2025-06-01T13:51:10Z",
    ),
    (
        "pgp-signature-below.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000002-GoodGuy result=success time=2025-06-01T13:51:10Z",
    ),
    (
        "queue-reminder.eml",
        "queue-reminder time=2025-06-01T13:51:10Z W01",
    ),
    ("signature-mark.eml", "R35"),
    (
        "special-blanks-figure-narrow-and-tab.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000002-GoodGuy result=success time=2025-06-01T13:51:10Z W06",
    ),
    ("status-missing.eml", "R10 xn--dnic-loa.de"),
    (
        "success-with-status-failed.eml",
        "request-answer dänic.de/xn--dnic-loa.de status=failed holders=DENIC-1000002-GoodGuy expire=2025-07-01T05:44:58Z result=success time=2025-06-01T13:51:10Z",
    ),
    ("text-with-bom-zero-width-and-nfd.eml", "R28"),
    ("ticket-twice-different.eml", "R12 xn--dnic-loa.de"),
    ("two-statuses.eml", "R12 xn--dnic-loa.de"),
    ("two-text-parts.eml", "R14 deadline"),
    ("unknown-code-alone.eml", "R10 xn--dnic-loa.de"),
    (
        "unknown-code-beside-known.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000002-GoodGuy result=success time=2025-06-01T13:51:10Z W01 W02",
    ),
    (
        "unknown-code-states-known-status.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=pendingCreate holders=DENIC-1000002-GoodGuy result=success time=2025-06-01T13:51:10Z W02",
    ),
    (
        "unknown-field-and-free-text.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000002-GoodGuy result=success time=2025-06-01T13:51:10Z W01",
    ),
    (
        "unknown-status.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=halfHold holders=DENIC-1000002-GoodGuy result=success time=2025-06-01T13:51:10Z W02 W17",
    ),
    (
        "wrapped-claims-without-indent.eml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000002-GoodGuy ded=2025-06-06T13:51:08Z del=2025-06-13T13:51:08Z claims=address;name result=success time=2025-06-01T13:51:10Z",
    ),
    // Queue, key/value.
    ("control-character.kv", "R10"),
    (
        "deadline-brackets-alone.kv",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000888-JENA ded=2026-06-06T13:51:08Z del=2026-06-13T13:51:08Z claims=address;name result=success count=1 time=2026-05-21T11:37:00Z",
    ),
    ("deadline-field-misspelt.kv", "R11 xn--dnic-loa.de deadline"),
    (
        "deadline-field-twice-different.kv",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000888-JENA ded=2026-06-06T13:51:08Z del=2026-06-12T13:51:08Z claims=address;name result=success count=1 time=2026-05-21T11:37:00Z W12 W13",
    ),
    (
        "deadline-field-unreadable.kv",
        "R11 xn--dnic-loa.de deadline",
    ),
    (
        "deadline-field-without-zone.kv",
        "R24 xn--dnic-loa.de deadline",
    ),
    (
        "deadline-fields-alone.kv",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000888-JENA ded=2026-06-06T13:51:08Z del=2026-06-13T13:51:08Z claims=? result=success count=1 time=2026-05-21T11:37:00Z W28",
    ),
    (
        "deadline-fields-and-brackets-differ.kv",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000888-JENA ded=2026-06-05T13:51:08Z del=2026-06-13T13:51:08Z claims=address;name result=success count=1 time=2026-05-21T11:37:00Z W13",
    ),
    (
        "domain-ace-alone.kv",
        "domain-status dänic.de/xn--dnic-loa.de status=connect result=success count=1 time=2026-05-21T11:37:00Z",
    ),
    ("domain-and-ace-disagree.kv", "R13 deadline"),
    ("domain-twice-different.kv", "R12"),
    (
        "domain-without-ace.kv",
        "domain-status dänic.de/xn--dnic-loa.de status=connect result=success count=1 time=2026-05-21T11:37:00Z W09",
    ),
    (
        "line-ends-crlf-and-cr.kv",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000888-JENA result=success count=1 time=2026-05-21T11:37:00Z W01 W01",
    ),
    ("msgtime-missing.kv", "R10 xn--dnic-loa.de deadline"),
    ("msgtime-without-zone.kv", "R24 xn--dnic-loa.de"),
    ("msgtype-missing.kv", "R10 xn--dnic-loa.de"),
    ("neither-result-nor-msgtype.kv", "R10 xn--dnic-loa.de"),
    (
        "not-utf8.kv",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000888-JENA result=success count=1 time=2026-05-21T11:37:00Z W10",
    ),
    (
        "reply-contact-check.kv",
        "request-answer result=success W01",
    ),
    ("reply-delete.kv", "request-answer result=success"),
    ("reply-exception.kv", "request-answer result=exception"),
    (
        "reply-failed.kv",
        "request-answer result=failed ctid=d-000200",
    ),
    (
        "reply-info-blocks.kv",
        "request-answer tuchmacherei-jena.de status=connect holders=DENIC-1000888-JENA result=success W01 W01 W01",
    ),
    (
        "reply-test-environment.kv",
        "request-answer result=success count=0 env=test",
    ),
    (
        "reply-with-deadlines.kv",
        "request-answer denic.de status=connect del=2026-06-13T13:51:08Z claims=address;name result=success ctid=a-000303 W01",
    ),
    ("result-failed-with-message.kv", "R12 xn--dnic-loa.de"),
    ("status-field-and-code-disagree.kv", "R12 xn--dnic-loa.de"),
    ("status-missing.kv", "R10 xn--dnic-loa.de"),
    (
        "status-unknown.kv",
        "domain-status dänic.de/xn--dnic-loa.de status=halfHold holders=DENIC-1000888-JENA result=success count=1 time=2026-05-21T11:37:00Z W17",
    ),
    (
        "type-authInfo2Delete.kv",
        "authinfo-delete dänic.de/xn--dnic-loa.de result=success count=1 time=2026-05-21T11:37:00Z",
    ),
    (
        "type-authInfo2Notify-lower-case.kv",
        "authinfo-notify dänic.de/xn--dnic-loa.de result=success count=1 time=2026-05-21T11:37:00Z",
    ),
    (
        "type-authInfoExpire.kv",
        "authinfo-expire dänic.de/xn--dnic-loa.de expire=2026-06-18T22:00:00Z result=success count=1 time=2026-05-21T11:37:00Z",
    ),
    (
        "type-contactDelete-one-no-handle.kv",
        "contact-delete handles=DENIC-1000888-ALT-0001 result=success count=1 time=2026-05-21T11:37:00Z W08 W12",
    ),
    ("type-contactUpdate-with-deadline.kv", "R12 deadline"),
    (
        "type-contactUpdate.kv",
        "contact-update contact=DENIC-1000888-JENA reference=DENIC#:88123 result=success count=1 time=2026-05-21T11:37:00Z",
    ),
    (
        "type-contactVerificationRequired-joined.kv",
        "contact-verification-required contact=DENIC-1000888-JENA claims=email;name ded=xn--dnic-loa.de@2026-06-06T13:51:08Z del=denic.de@2026-06-01T13:51:08Z result=success count=1 time=2026-05-21T11:37:00Z W01",
    ),
    (
        "type-domainDelete.kv",
        "domain-delete dänic.de/xn--dnic-loa.de result=success count=1 time=2026-05-21T11:37:00Z",
    ),
    (
        "type-expire.kv",
        "expire dänic.de/xn--dnic-loa.de expire=2026-05-20T05:44:58Z result=success count=1 time=2026-05-21T11:37:00Z",
    ),
    (
        "type-expireWarning-with-deadline-field.kv",
        "R11 xn--dnic-loa.de deadline",
    ),
    ("type-expireWarning-without-zone.kv", "R24 xn--dnic-loa.de"),
    (
        "type-unknown.kv",
        "unknown dänic.de/xn--dnic-loa.de result=success count=1 time=2026-05-21T11:37:00Z W02",
    ),
    // Queue, XML.
    (
        "byte-order-mark.xml",
        "authinfo-notify dänic.de/xn--dnic-loa.de result=success count=1 time=2026-05-21T11:37:00Z",
    ),
    ("cut-off.xml", "R10 deadline"),
    ("doctype.xml", "R10"),
    ("end-tags-crossed.xml", "R10"),
    ("entity.xml", "R10"),
    ("missing-blank-between-attributes.xml", "R10"),
    ("no-type.xml", "R10"),
    ("other-encoding-declared.xml", "R10"),
    (
        "reply-contact-info.xml",
        "request-answer result=success W01",
    ),
    (
        "reply-failed.xml",
        "request-answer result=failed ctid=d-000204",
    ),
    (
        "reply-info.xml",
        "request-answer dänic.de/xn--dnic-loa.de status=serverHold holders=DENIC-1000888-JENA del=2026-06-13T13:51:08Z claims=address;name result=success W01",
    ),
    ("second-root.xml", "R10"),
    ("text-after-root.xml", "R10"),
    ("two-messages.xml", "R12"),
    (
        "type-authInfo2Delete.xml",
        "authinfo-delete dänic.de/xn--dnic-loa.de result=success count=1 time=2026-05-21T11:37:00Z",
    ),
    (
        "type-authInfo2Notify.xml",
        "authinfo-notify dänic.de/xn--dnic-loa.de result=success count=1 time=2026-05-21T11:37:00Z",
    ),
    (
        "type-authInfoExpire-lower-case.xml",
        "authinfo-expire dänic.de/xn--dnic-loa.de expire=2026-06-18T22:00:00Z result=success count=1 time=2026-05-21T11:37:00Z",
    ),
    (
        "type-chprovAuthInfo.xml",
        "chprov dänic.de/xn--dnic-loa.de new=Nachbar & Söhne GmbH old=Registrar <Example> GmbH result=success count=1 time=2026-05-21T11:37:00Z W19",
    ),
    (
        "type-contactDelete.xml",
        "contact-delete handles=DENIC-1000888-ALT-0001,DENIC-1000888-ALT-0002 result=success count=1 time=2026-05-21T11:37:00Z",
    ),
    (
        "type-domainDelete.xml",
        "domain-delete dänic.de/xn--dnic-loa.de expire=2026-05-27T05:44:58Z result=success count=1 time=2026-05-21T11:37:00Z",
    ),
    (
        "type-domainStatusUpdate-blanks-in-values.xml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000888-JENA ded=2026-06-06T13:51:08Z del=2026-06-13T13:51:08Z claims=address;name result=success count=1 time=2026-05-21T11:37:00Z",
    ),
    (
        "type-domainStatusUpdate-deadline-twice-different.xml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000888-JENA ded=2026-06-06T13:51:08Z del=2026-06-12T13:51:08Z claims=address;name result=success count=1 time=2026-05-21T11:37:00Z W12 W13",
    ),
    (
        "type-domainStatusUpdate-foreign-element.xml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000888-JENA result=success count=1 time=2026-05-21T11:37:00Z W01",
    ),
    (
        "type-domainStatusUpdate-misspelt-deadline.xml",
        "R11 xn--dnic-loa.de deadline",
    ),
    (
        "type-domainStatusUpdate-unknown-element.xml",
        "domain-status dänic.de/xn--dnic-loa.de status=connect holders=DENIC-1000888-JENA result=success count=1 time=2026-05-21T11:37:00Z W01",
    ),
    (
        "type-expireWarning.xml",
        "expire-warning dänic.de/xn--dnic-loa.de expire=2026-05-27T05:44:58Z result=success count=1 time=2026-05-21T11:37:00Z",
    ),
    (
        "type-unknown.xml",
        "unknown dänic.de/xn--dnic-loa.de result=success count=1 time=2026-05-21T11:37:00Z",
    ),
    (
        "undeclared-xsi.xml",
        "authinfo-notify dänic.de/xn--dnic-loa.de result=success count=1 time=2026-05-21T11:37:00Z W14",
    ),
    ("wrong-namespace.xml", "R10"),
    ("wrong-root.xml", "R10"),
];
