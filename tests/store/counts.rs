//! Counts stay in step with what they count, whatever becomes of it.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use stichtag::model::{CaseState, Due, Environment, InboundId, Reason, VerificationFact, reason};
use stichtag::store::{
    CaseChange, CaseNote, Counting, Delivery, DueAsk, KeyEnd, LogFilter, MessageVerdict, Spell,
    SpellKind, SqliteStore, Store, Totals,
};

use super::bench::{
    Bench, LEASE, at, audit, change, customer, draft, key, mail, now, sealed, url, with_domain,
};

type Days = BTreeMap<(String, String, String, &'static str), u64>;

/// The counts as the store has them.
async fn counted(store: &SqliteStore) -> Days {
    let days = store.message_days(Timestamp::UNIX_EPOCH).await.unwrap();
    days.into_iter()
        .map(|day| {
            let environment = day.environment.map(|environment| environment.to_string());
            let key = (
                day.day.to_string(),
                environment.unwrap_or_default(),
                day.source.to_string(),
                day.verdict.as_str(),
            );
            (key, day.count)
        })
        .collect()
}

/// The same, message by message.
async fn counted_one_by_one(store: &SqliteStore) -> Days {
    let mut days = Days::new();
    for entry in store.log(&LogFilter::default()).await.unwrap() {
        let decision = entry.decision.as_ref();
        let environment = decision.and_then(|decision| decision.environment);
        let verdict = decision.map_or(MessageVerdict::Deferred, |decision| decision.verdict);
        let day = entry.received_at.to_zoned(TimeZone::UTC).date();
        let key = (
            day.to_string(),
            environment.map_or(String::new(), |environment| environment.to_string()),
            entry.source,
            verdict.as_str(),
        );
        *days.entry(key).or_default() += 1;
    }
    days
}

/// Messages of some days, kept.
async fn kept(store: &SqliteStore, hours: &[i64]) -> Vec<InboundId> {
    let mails = hours.iter().map(|hour| {
        let mut mail = mail(format!("mail of hour {hour}").as_bytes());
        mail.received_at = now() - SignedDuration::from_hours(*hour);
        sealed(mail)
    });
    store.keep(mails.collect()).await.unwrap()
}

async fn judge(
    store: &SqliteStore,
    id: InboundId,
    verdict: MessageVerdict,
    environment: Option<Environment>,
    codes: &[stichtag::model::ReasonCode],
) {
    let mut change = change(id);
    change.decision.verdict = verdict;
    change.decision.environment = environment;
    change.decision.reasons = codes.iter().map(|code| Reason::new(*code, "so")).collect();
    store.commit(&[change]).await.unwrap();
}

#[tokio::test]
async fn messages_per_day_follow_every_change_of_a_verdict() {
    let bench = Bench::new().await;
    let store = &bench.store;
    let ids = kept(store, &[0, 1, 30, 31, 80]).await;
    let step = async |what: &str| {
        let counted = counted(store).await;
        assert_eq!(counted, counted_one_by_one(store).await, "{what}");
        counted
    };
    let deferred = step("nothing is judged").await;
    assert_eq!(deferred.values().sum::<u64>(), 5);
    assert!(
        deferred
            .keys()
            .all(|(_, _, _, verdict)| *verdict == "deferred")
    );

    let live = Some(Environment::Live);
    judge(store, ids[0], MessageVerdict::Applied, live, &[]).await;
    for (id, code) in [(ids[1], reason::NO_PROOF), (ids[2], reason::NO_PROOF)] {
        judge(store, id, MessageVerdict::Held, None, &[code]).await;
    }
    judge(
        store,
        ids[3],
        MessageVerdict::Unchanged,
        Some(Environment::Test),
        &[],
    )
    .await;
    step("judged").await;

    let why = Reason::new(reason::BY_PERSON, "forged");
    let (asked, who) = ([ids[1], ids[0], ids[1]], audit("held refuse"));
    assert_eq!(store.refuse(&asked, &why, &who).await.unwrap(), 1);
    step("refused").await;

    store
        .requeue(&[ids[2], ids[3]], true, &audit("held release"))
        .await
        .unwrap();
    step("in line again").await;
    judge(
        store,
        ids[2],
        MessageVerdict::Applied,
        live,
        &[reason::RELEASED],
    )
    .await;
    judge(store, ids[3], MessageVerdict::Unchanged, live, &[]).await;
    let last = step("judged again").await;
    assert_eq!(last.values().sum::<u64>(), 5);

    store
        .requeue(&[ids[0]], false, &audit("replay"))
        .await
        .unwrap();
    let mut again = change(ids[0]);
    again.decision.verdict = MessageVerdict::Unchanged;
    store.rehearse(&[again.clone()]).await.unwrap();
    step("only rehearsed").await;
    store.commit(&[again]).await.unwrap();
    assert_eq!(step("a replay without news").await, last);

    let since = now() - SignedDuration::from_hours(24);
    let days = store.message_days(since).await.unwrap();
    assert!(
        days.iter()
            .all(|day| day.day.to_string().as_str() >= "2026-05-09"),
        "{days:?}"
    );
    assert_eq!(days.iter().map(|day| day.count).sum::<u64>(), 4);
}

#[tokio::test]
async fn what_only_grows_counts_a_message_once_for_each_verdict_and_reason() {
    let bench = Bench::new().await;
    let store = &bench.store;
    let ids = kept(store, &[0, 5]).await;
    let held = [reason::NO_PROOF, reason::NO_PROOF, reason::FROM_COUNT];
    judge(store, ids[0], MessageVerdict::Held, None, &held).await;
    for _ in 0..2 {
        store
            .requeue(&[ids[0]], false, &audit("replay"))
            .await
            .unwrap();
        judge(store, ids[0], MessageVerdict::Held, None, &held[..1]).await;
    }
    store
        .requeue(&[ids[0]], true, &audit("held release"))
        .await
        .unwrap();
    let live = Some(Environment::Live);
    judge(
        store,
        ids[0],
        MessageVerdict::Applied,
        live,
        &[reason::RELEASED],
    )
    .await;
    judge(store, ids[1], MessageVerdict::Applied, live, &[]).await;

    let totals = store.totals().await.unwrap();
    let denic =
        |environment: &str, verdict: &str| [environment, "denic-mail", verdict].map(str::to_owned);
    assert_eq!(
        totals.messages,
        [(denic("", "held"), 1), (denic("live", "applied"), 2)]
    );
    let mut codes = vec![
        (reason::NO_PROOF.to_string(), 1),
        (reason::FROM_COUNT.to_string(), 1),
        (reason::RELEASED.to_string(), 1),
    ];
    codes.sort();
    assert_eq!(totals.reasons, codes);
    let bytes = "mail of hour 0".len() + "mail of hour 5".len();
    assert_eq!(totals.bytes, [("denic-mail".to_owned(), bytes as u64)]);
    let heard = ["live", "denic-mail"].map(str::to_owned);
    assert_eq!(totals.heard, [(heard, now())]);
    assert!(totals.database_bytes > 100_000, "{}", totals.database_bytes);
}

#[tokio::test]
async fn what_is_held_is_counted_with_the_oldest() {
    let bench = Bench::new().await;
    let store = &bench.store;
    let ids = kept(store, &[9, 7, 5, 3]).await;
    let hour = |hour| now() - SignedDuration::from_hours(hour);
    for (id, environment) in
        ids.iter()
            .zip([Some(Environment::Live), None, Some(Environment::Live), None])
    {
        judge(store, *id, MessageVerdict::Held, environment, &[]).await;
    }
    assert_eq!(
        store.totals().await.unwrap().held,
        [(String::new(), 2, hour(7)), ("live".to_owned(), 2, hour(9))]
    );
    let why = Reason::new(reason::BY_PERSON, "forged");
    store
        .refuse(&[ids[0], ids[1], ids[3]], &why, &audit("held refuse"))
        .await
        .unwrap();
    assert_eq!(
        store.totals().await.unwrap().held,
        [("live".to_owned(), 1, hour(5))]
    );
}

#[tokio::test]
async fn notices_and_cases_are_counted_as_they_go_on() {
    let bench = Bench::new().await;
    let store = &bench.store;
    let id = bench.notice("dänic.de").await;
    let later = now() + SignedDuration::from_hours(1);
    let ends = |totals: &Totals| -> Vec<(String, u64)> {
        let of = |([kind, language, end], count): &([String; 3], u64)| {
            assert_eq!(
                (kind.as_str(), language.as_str()),
                ("verification-required", "de")
            );
            (end.clone(), *count)
        };
        totals.notices.iter().map(of).collect()
    };
    let cases = async || store.totals().await.unwrap().cases;
    let case = |state: &str, count| (["live".to_owned(), state.to_owned()], count);
    assert_eq!(ends(&store.totals().await.unwrap()), []);
    assert_eq!(cases().await, [case("open", 1)]);

    let retry = Delivery::Unsure {
        at: later,
        reply: "later".to_owned(),
    };
    for _ in 0..2 {
        store.claim_notices(later, 9, LEASE).await.unwrap();
        store.settle_notice(id, &retry, None).await.unwrap();
    }
    assert_eq!(
        ends(&store.totals().await.unwrap()),
        [("delayed".to_owned(), 1)]
    );
    let sent = Delivery::Sent {
        at: later,
        reply: "ok".to_owned(),
    };
    store.settle_notice(id, &sent, None).await.unwrap();
    store.settle_notice(id, &sent, None).await.unwrap();
    let totals = store.totals().await.unwrap();
    assert_eq!(
        ends(&totals),
        [("delayed".to_owned(), 1), ("sent".to_owned(), 1)]
    );
    let spell = &totals.spells[0];
    assert_eq!((spell.kind, spell.seconds), (SpellKind::Notice, 3600.0));
    assert_eq!(
        spell.labels,
        ["verification-required".to_owned(), String::new()]
    );
    let place = SpellKind::Notice
        .bounds()
        .iter()
        .position(|bound| *bound == 3600.0);
    assert_eq!(
        spell.buckets[place.unwrap()],
        1,
        "a bound belongs to its bucket"
    );
    assert_eq!(spell.buckets.iter().sum::<u64>(), 1);

    let note = CaseNote {
        at: later,
        actor: "1000 anna".to_owned(),
        text: "done".to_owned(),
    };
    let number = store.cases(true).await.unwrap()[0].id;
    store.note_case(number, &note, true).await.unwrap();
    assert_eq!(cases().await, [case("closed", 1)]);
}

#[tokio::test]
async fn a_database_of_before_is_counted_when_it_is_opened() {
    let bench = Bench::new().await;
    let store = &bench.store;
    let ids = kept(store, &[0, 1, 30, 31]).await;
    judge(
        store,
        ids[0],
        MessageVerdict::Applied,
        Some(Environment::Live),
        &[],
    )
    .await;
    judge(
        store,
        ids[2],
        MessageVerdict::Held,
        None,
        &[reason::NO_PROOF],
    )
    .await;
    let notice = bench.notice("dänic.de").await;
    let sent = Delivery::Sent {
        at: now(),
        reply: "ok".to_owned(),
    };
    store.settle_notice(notice, &sent, None).await.unwrap();
    let (days, totals) = (counted(store).await, store.totals().await.unwrap());

    let file = SqliteConnectOptions::new().filename(bench.file());
    let mut plain = SqliteConnection::connect_with(&file).await.unwrap();
    let step = include_str!("../../src/store/migrations/sqlite/0009_counts.sql");
    for line in step.lines().filter(|line| line.starts_with("CREATE ")) {
        let mut words = line.split_whitespace().skip(1);
        let (kind, name) = (words.next().unwrap(), words.next().unwrap());
        let drop = format!("DROP {kind} IF EXISTS {name}");
        sqlx::query(sqlx::AssertSqlSafe(drop))
            .execute(&mut plain)
            .await
            .unwrap();
    }
    sqlx::query("DELETE FROM _sqlx_migrations WHERE version = 9")
        .execute(&mut plain)
        .await
        .unwrap();
    plain.close().await.unwrap();

    let again = SqliteStore::open(&url(&bench.folder)).await.unwrap();
    assert_eq!(counted(&again).await, days);
    let counted = again.totals().await.unwrap();
    assert_eq!(counted.messages, totals.messages);
    assert_eq!(counted.bytes, totals.bytes);
    assert_eq!(counted.reasons, totals.reasons);
    assert_eq!(counted.notices, totals.notices);
    assert_eq!(counted.cases, totals.cases);
    assert_eq!(counted.heard, totals.heard);
}

#[tokio::test]
async fn open_cases_are_counted_by_their_deadlines() {
    let bench = Bench::new().await;
    let store = &bench.store;
    let mut own = customer("K-2");
    own.email = "info@nur-hier.de".to_owned();
    store.put_customers(&[customer("K-1"), own]).await.unwrap();
    let day = |days: i64| now() + SignedDuration::from_hours(24 * days);
    for (domain, owner, dedelegation, deletion, is_told) in [
        ("bald.de", "K-1", Some(2), Some(9), false),
        ("gesagt.de", "K-1", Some(2), Some(20), true),
        ("nur-hier.de", "K-2", Some(5), None, false),
        ("weg.de", "K-1", Some(-1), Some(40), false),
    ] {
        let id = bench.keep(domain.as_bytes()).await;
        let mut record = stichtag::model::DomainRecord::new(key(domain), now());
        record.customer = Some(stichtag::model::CustomerId(owner.to_owned()));
        record.facts.verification = Some(VerificationFact {
            at: now(),
            due: Due {
                dedelegation_at: dedelegation.map(day),
                deletion_at: deletion.map(day),
                suspension_at: None,
                claims: None,
            },
        });
        let mut change = with_domain(id, record, CaseChange::Open(CaseState::Open));
        let mut told = draft(owner, domain, "first");
        // A mail of its own for each.
        told.notice.recipient = format!("{owner}+{domain}@example.net");
        change.domains[0].notices.push(told);
        store.commit(&[change]).await.unwrap();
        if is_told {
            let notices = store.notices(&Default::default()).await.unwrap();
            let sent = Delivery::Sent {
                at: now(),
                reply: "ok".to_owned(),
            };
            store
                .settle_notice(notices.last().unwrap().notice.id, &sent, None)
                .await
                .unwrap();
        }
    }
    let ask = DueAsk {
        now: now(),
        within: [1, 3, 7, 14, 30].map(day).to_vec(),
        told_before: day(3),
        writes_to_owners: true,
    };
    let [dedelegation, deletion, suspension] = store.due_counts(&ask).await.unwrap();
    assert_eq!(dedelegation.within, [0, 2, 3, 3, 3]);
    assert_eq!(dedelegation.next, Some(day(2)));
    assert_eq!(deletion.within, [0, 0, 0, 1, 2]);
    assert_eq!(deletion.next, Some(day(9)));
    assert_eq!((deletion.untold, deletion.at_risk), (0, 0));
    assert_eq!(suspension.within, [0; 5]);
    assert_eq!(suspension.next, None);
    // bald.de, and weg.de, whose day has passed without a word.
    assert_eq!((dedelegation.untold, dedelegation.at_risk), (2, 1));
}

#[tokio::test]
async fn how_long_things_took_and_when_keys_end_is_remembered() {
    let bench = Bench::new().await;
    let store = &bench.store;
    let spell = |command: &str, seconds| Spell {
        kind: SpellKind::Reseller,
        labels: [command.to_owned(), "success".to_owned()],
        seconds,
    };
    let spells = [
        spell("StatusDomain", 0.2),
        spell("StatusDomain", 99.0),
        spell("CheckDomain", 0.0),
    ];
    store.note_spells(&spells).await.unwrap();
    let spells = store.totals().await.unwrap().spells;
    assert_eq!(spells.len(), 2);
    assert_eq!(spells[0].labels[0], "CheckDomain");
    assert_eq!(spells[0].buckets[0], 1);
    assert_eq!(spells[1].buckets, [0, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert!((spells[1].seconds - 99.2).abs() < 1e-9);

    let end = |name: &str| KeyEnd {
        fingerprint: name.to_owned(),
        ends_at: now() + 24.hours(),
    };
    store.note_keys(&[end("aa"), end("bb")]).await.unwrap();
    store.note_keys(&[end("cc")]).await.unwrap();
    assert_eq!(store.totals().await.unwrap().keys, [end("cc")]);
    assert_eq!(at("2026-05-11T12:00:00Z"), end("cc").ends_at);
}
