//! What comes as well: older and coded forms, failed requests, contacts, forgeries.

use super::{Chapter, Delivery, Desk, Expected, LIVE_ADDRESS, Step, by_mail, fact};
use crate::model::reason;
use crate::model::{Claim, DomainName, Environment, NoticeKind, Ticket};
use crate::simulate::{Body, Dates, Encoding, Layout, QueueContact, StatusMail};
use crate::store::MessageVerdict::{Applied, Held};

impl Desk<'_> {
    pub(super) fn forms(&self) -> anyhow::Result<Chapter> {
        let claims = || vec![Claim::Address, Claim::Name];
        let stove = fact("kachelofen-waage.de", &["DENIC-1000888-WAAGE"])?.verification(
            self.at(40, 0)?,
            self.at(100, 0)?,
            claims(),
        );
        let wave = fact("grüne-welle-hamm.de", &["DENIC-1000888-WELLE"])?
            .server_hold(self.at(60, 0)?, claims());
        let sailing =
            self.sailing()?
                .verification(self.at(31, 0)?, self.at(121, 0)?, vec![Claim::Name]);
        let kites: DomainName = "drachenbau-elbe.de".parse()?;
        let plain = |fact, dates, minute| -> anyhow::Result<StatusMail> {
            let body = Body::Status(fact, dates);
            let at = self.at(0, minute)?;
            Ok(StatusMail::new(Environment::Live, LIVE_ADDRESS, at, body))
        };
        let coded = StatusMail {
            layout: Layout::Page,
            encoding: Encoding::QuotedPrintable,
            ..plain(wave, Dates::Named, 21)?
        };
        let failed = StatusMail::new(
            Environment::Live,
            LIVE_ADDRESS,
            self.at(0, 23)?,
            Body::Failed {
                domain: "fahrradkurier-lahn.de".parse()?,
                ticket: Ticket("shop-77120".to_owned()),
                errors: vec![(
                    "53000060009".to_owned(),
                    "At least one Contact does not exist [DENIC-1000888-NIEMAND]".to_owned(),
                )],
            },
        );
        let contact = QueueContact {
            environment: Environment::Live,
            at: self.at(0, 24)?,
            contact: "DENIC-1000888-ELBE".parse()?,
            claims: vec![Claim::Name, Claim::Email],
            domain_count: 2,
            earliest_dedelegation: (kites.clone(), self.at(50, 0)?),
            earliest_deletion: (kites, self.at(140, 0)?),
        };
        let steps = vec![
            Step {
                title: "The form of before April 2025: bare instants in brackets, no claims.",
                at: self.at(0, 20)?,
                delivery: by_mail(&plain(stove, Dates::Bare, 20)?)?,
                expected: Expected {
                    verdict: Applied,
                    codes: &[reason::BARE_DATE],
                    notices: &[(NoticeKind::VerificationRequired, "K-30015")],
                },
                shows_text: false,
            },
            Step {
                title: "serverHold in quoted-printable, U+00A0 everywhere; the customer's \
                        language is not known, so the notice speaks two.",
                at: self.at(0, 21)?,
                delivery: by_mail(&coded)?,
                expected: Expected {
                    verdict: Applied,
                    codes: &[reason::SPECIAL_BLANKS, reason::NO_COLON],
                    notices: &[(NoticeKind::OnHold, "K-40003")],
                },
                shows_text: true,
            },
            Step {
                title: "The customer's only address lies under the domain in danger.",
                at: self.at(0, 22)?,
                delivery: by_mail(&plain(sailing, Dates::Named, 22)?)?,
                expected: Expected {
                    verdict: Applied,
                    codes: &[reason::ADDRESS_AT_RISK],
                    notices: &[(NoticeKind::VerificationRequired, "K-20077")],
                },
                shows_text: false,
            },
            Step {
                title: "A request of ours failed; the ticket is our own reference. The domain \
                        stays as it is.",
                at: self.at(0, 23)?,
                delivery: by_mail(&failed)?,
                expected: Expected {
                    verdict: Applied,
                    codes: &[],
                    notices: &[],
                },
                shows_text: false,
            },
            Step {
                title: "A holder must be verified, told through the queue in XML: every domain of \
                        that holder, two customers.",
                at: self.at(0, 24)?,
                delivery: Delivery::Queue {
                    environment: Environment::Live,
                    form: "contactVerificationRequired, XML",
                    raw: contact.to_xml(),
                },
                expected: Expected {
                    verdict: Applied,
                    codes: &[],
                    notices: &[
                        (NoticeKind::VerificationRequired, "K-30015"),
                        (NoticeKind::VerificationRequired, "K-10482"),
                    ],
                },
                shows_text: false,
            },
        ];
        Ok(Chapter {
            title: "Other forms, and who is told",
            steps,
        })
    }

    pub(super) fn doubtful(&self) -> anyhow::Result<Chapter> {
        let claims = || vec![Claim::Address, Claim::Name];
        let kites = || fact("drachenbau-elbe.de", &["DENIC-1000888-ELBE"]);
        let plain = |fact, dates, minute| -> anyhow::Result<StatusMail> {
            let body = Body::Status(fact, dates);
            let at = self.at(0, minute)?;
            Ok(StatusMail::new(Environment::Live, LIVE_ADDRESS, at, body))
        };
        let held = kites()?.server_hold(self.at(2, 0)?, claims());
        let forged = StatusMail {
            forged_from: Some(
                "\"registry-response@denic.de\" <registry-response@denic.de.example.org>"
                    .to_owned(),
            ),
            ..plain(held, Dates::Named, 30)?
        };
        let unproven = plain(
            kites()?.server_hold(self.at(2, 0)?, claims()),
            Dates::Named,
            30,
        )?;
        let crossed = StatusMail {
            subject_of: Some(Environment::Test),
            ..plain(kites()?, Dates::Named, 31)?
        };
        let unknown = fact("niemandsland-eifel.de", &["DENIC-1000888-NIEMAND"])?;
        let unreadable = fact("fahrradkurier-lahn.de", &["DENIC-1000888-ELBE"])?.verification(
            self.at(30, 0)?,
            self.at(120, 0)?,
            claims(),
        );
        let steps = vec![
            Step {
                title: "A forgery: the genuine address is only the display name.",
                at: self.at(0, 30)?,
                delivery: Delivery::Mail {
                    from: "bounce@gateway.example.org".to_owned(),
                    to: LIVE_ADDRESS,
                    raw: forged.to_bytes(),
                },
                expected: Expected {
                    verdict: Held,
                    codes: &[reason::ENVELOPE_SENDER, reason::FROM_ADDRESS],
                    notices: &[],
                },
                shows_text: false,
            },
            Step {
                title: "A better forgery: every address is right, and nothing proves them.",
                at: self.at(0, 30)?,
                delivery: Delivery::Mail {
                    from: StatusMail::sender(Environment::Live).to_owned(),
                    to: LIVE_ADDRESS,
                    raw: unproven.to_bytes(),
                },
                expected: Expected {
                    verdict: Held,
                    codes: &[reason::NO_PROOF],
                    notices: &[],
                },
                shows_text: false,
            },
            Step {
                title: "The live sender with a TEST subject: live and test never mix.",
                at: self.at(0, 31)?,
                delivery: by_mail(&crossed)?,
                expected: Expected {
                    verdict: Held,
                    codes: &[reason::ENVIRONMENT_CONFLICT],
                    notices: &[],
                },
                shows_text: false,
            },
            Step {
                title: "A domain that nobody imported.",
                at: self.at(0, 32)?,
                delivery: by_mail(&plain(unknown, Dates::Named, 32)?)?,
                expected: Expected {
                    verdict: Held,
                    codes: &[reason::NOT_OURS],
                    notices: &[],
                },
                shows_text: false,
            },
            Step {
                title: "A deadline that cannot be read: nothing is guessed, an alarm is raised.",
                at: self.at(0, 33)?,
                delivery: by_mail(&plain(unreadable, Dates::Unreadable, 33)?)?,
                expected: Expected {
                    verdict: Held,
                    codes: &[reason::DEADLINE_UNREADABLE],
                    notices: &[],
                },
                shows_text: false,
            },
        ];
        Ok(Chapter {
            title: "Doubtful mail: kept, answered with 250, held for a person",
            steps,
        })
    }
}
