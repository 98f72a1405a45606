//! What the registry documents: three variants by mail, live and test, and the same facts by queue.

use super::{Chapter, Delivery, Desk, Expected, Form, Step, by_mail, danic};
use crate::model::reason;
use crate::model::{Claim, Environment, NoticeKind};
use crate::simulate::{Dates, DomainFact};
use crate::store::MessageVerdict::{Applied, Held, Unchanged};

impl Desk<'_> {
    pub(super) fn live(&self) -> anyhow::Result<Chapter> {
        let registered = danic()?;
        let asked = self.asked()?;
        let first = self.mail(
            Environment::Live,
            asked.clone(),
            Dates::Named,
            self.at(0, 3)?,
        );
        let steps = vec![
            Step {
                title: "Live, connect: the domain is registered. Set as on the registry's page, \
                        indented with U+00A0.",
                at: self.at(0, 0)?,
                delivery: by_mail(&self.mail(
                    Environment::Live,
                    registered.clone(),
                    Dates::Named,
                    self.at(0, 0)?,
                ))?,
                expected: Expected {
                    verdict: Applied,
                    codes: &[reason::SPECIAL_BLANKS],
                    notices: &[(NoticeKind::Registered, "K-10482")],
                },
                shows_text: true,
            },
            self.queued(1, &registered, Environment::Live, Form::KeyValue)?,
            self.queued(2, &registered, Environment::Live, Form::Xml)?,
            Step {
                title: "Live, connect with a request for verification: HOLDER without its colon, \
                        both deadlines.",
                at: self.at(0, 3)?,
                delivery: by_mail(&first)?,
                expected: Expected {
                    verdict: Applied,
                    codes: &[reason::NO_COLON],
                    notices: &[(NoticeKind::VerificationRequired, "K-10482")],
                },
                shows_text: true,
            },
            self.queued(4, &asked, Environment::Live, Form::KeyValue)?,
            self.queued(5, &asked, Environment::Live, Form::Xml)?,
            Step {
                title: "The same mail once more: nobody is told twice.",
                at: self.at(0, 6)?,
                delivery: by_mail(&first)?,
                expected: Expected {
                    verdict: Unchanged,
                    codes: &[reason::SAME_MAIL],
                    notices: &[],
                },
                shows_text: false,
            },
        ];
        Ok(Chapter {
            title: "Live: registered, then asked for verification; by mail and by queue",
            steps,
        })
    }

    pub(super) fn test(&self) -> anyhow::Result<Chapter> {
        let due = self.at(45, 0)?;
        let claims = vec![Claim::Address, Claim::Name];
        let asked = danic()?.verification(due, due, claims.clone());
        let held = danic()?.server_hold(due, claims);
        let mail = |fact, dates, minute| -> anyhow::Result<Delivery> {
            let at = self.at(0, minute)?;
            by_mail(&self.mail(Environment::Test, fact, dates, at))
        };
        let steps = vec![
            Step {
                title: "Test, connect: the same name is another domain here; nothing live moves.",
                at: self.at(0, 10)?,
                delivery: mail(danic()?, Dates::Named, 10)?,
                expected: Expected {
                    verdict: Applied,
                    codes: &[reason::SPECIAL_BLANKS],
                    notices: &[(NoticeKind::Registered, "K-90001")],
                },
                shows_text: false,
            },
            Step {
                title: "Test, connect with a request for verification: `[ate:` for `[Date:`, and \
                        both deadlines on one instant.",
                at: self.at(0, 11)?,
                delivery: mail(asked.clone(), Dates::Mistyped, 11)?,
                expected: Expected {
                    verdict: Applied,
                    codes: &[reason::NO_COLON, reason::ATE_TYPO, reason::EQUAL_DEADLINES],
                    notices: &[(NoticeKind::VerificationRequired, "K-90001")],
                },
                shows_text: false,
            },
            self.queued(12, &asked, Environment::Test, Form::KeyValue)?,
            Step {
                title: "Test, serverHold: off the net, one deadline left.",
                at: self.at(0, 13)?,
                delivery: mail(held, Dates::Named, 13)?,
                expected: Expected {
                    verdict: Applied,
                    codes: &[reason::NO_COLON],
                    notices: &[(NoticeKind::OnHold, "K-90001")],
                },
                shows_text: false,
            },
        ];
        Ok(Chapter {
            title: "Test: the same three variants in the other environment",
            steps,
        })
    }

    pub(super) fn later(&self) -> anyhow::Result<Chapter> {
        let claims = || vec![Claim::Address, Claim::Name];
        let held = danic()?.server_hold(self.at(120, 0)?, claims());
        let sailing = self
            .sailing()?
            .server_hold(self.at(121, 0)?, vec![Claim::Name]);
        let late = self.mail(Environment::Live, danic()?, Dates::Named, self.at(25, 0)?);
        let replayed = self.mail(Environment::Live, danic()?, Dates::Named, self.at(20, 0)?);
        let cleared = self.mail(Environment::Live, danic()?, Dates::Named, self.at(32, 0)?);
        let steps = vec![
            Step {
                title: "The clock moves to the first deadline of dänic.de. Nothing was proven: \
                        live, serverHold.",
                at: self.at(30, 1)?,
                delivery: by_mail(&self.mail(
                    Environment::Live,
                    held.clone(),
                    Dates::Named,
                    self.at(30, 1)?,
                ))?,
                expected: Expected {
                    verdict: Applied,
                    codes: &[reason::NO_COLON],
                    notices: &[(NoticeKind::OnHold, "K-10482")],
                },
                shows_text: false,
            },
            self.queued_at(30, 2, &held, Environment::Live, Form::KeyValue)?,
            self.queued_at(30, 3, &held, Environment::Live, Form::Xml)?,
            Step {
                title: "A mail of day 25 that lay somewhere: too old to overwrite anything.",
                at: self.at(30, 4)?,
                delivery: by_mail(&late)?,
                expected: Expected {
                    verdict: Unchanged,
                    codes: &[reason::OLDER],
                    notices: &[],
                },
                shows_text: false,
            },
            Step {
                title: "A genuine mail of day 20, sent again by whoever kept it: signed, but too old.",
                at: self.at(30, 5)?,
                delivery: by_mail(&replayed)?,
                expected: Expected {
                    verdict: Held,
                    codes: &[reason::REPLAYED],
                    notices: &[],
                },
                shows_text: false,
            },
            Step {
                title: "A day later the sailing school goes off the net; mail to its address is \
                        lost now, so a person must telephone.",
                at: self.at(31, 1)?,
                delivery: by_mail(&self.mail(
                    Environment::Live,
                    sailing,
                    Dates::Named,
                    self.at(31, 1)?,
                ))?,
                expected: Expected {
                    verdict: Applied,
                    codes: &[reason::ADDRESS_AT_RISK],
                    notices: &[(NoticeKind::OnHold, "K-20077")],
                },
                shows_text: false,
            },
            Step {
                title: "Meanwhile the holder of dänic.de was verified: connect, no deadline.",
                at: self.at(32, 0)?,
                delivery: by_mail(&cleared)?,
                expected: Expected {
                    verdict: Applied,
                    codes: &[],
                    notices: &[(NoticeKind::Resolved, "K-10482")],
                },
                shows_text: false,
            },
        ];
        Ok(Chapter {
            title: "Thirty days later",
            steps,
        })
    }

    fn asked(&self) -> anyhow::Result<DomainFact> {
        Ok(danic()?.verification(
            self.at(30, 0)?,
            self.at(120, 0)?,
            vec![Claim::Address, Claim::Name],
        ))
    }
}
