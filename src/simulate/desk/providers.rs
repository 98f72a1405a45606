//! Secrets for a provider change, and the change (`denic.md` 4.6).

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::asked::{Asked, semantics};
use super::book::{AUTH_INFO_FOR, Book, Domain, Done, Secret};
use super::domains::{alone, is_same};
use super::line::{Line, code};
use super::message::Kind;
use super::reply::Data;
use crate::model::{DomainName, Environment, RegistryStatus, sha256_hex};

impl Domain {
    /// Is that one of its secrets?
    pub(super) fn knows(&self, secret: &str) -> bool {
        let hash = sha256_hex(secret.as_bytes());
        let secrets = [&self.auth_info1, &self.auth_info2];
        secrets
            .into_iter()
            .flatten()
            .any(|known| known.hash == hash)
    }
}

impl Book {
    pub(super) fn auth_info1_create(
        &mut self,
        regacc: &str,
        name: DomainName,
        asked: &Asked,
        now: Timestamp,
    ) -> Done {
        let hash = asked.needed("AuthInfoHash").map_err(alone)?;
        if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(vec![semantics("AuthInfoHash")]);
        }
        let ends_at = match asked.one("AuthInfoExpire") {
            None => now + AUTH_INFO_FOR,
            Some(day) => end_of(day)
                .filter(|end| *end > now && *end <= now + AUTH_INFO_FOR)
                .ok_or_else(|| vec![semantics("AuthInfoExpire")])?,
        };
        let domain = self.own_mut(regacc, &name)?;
        if domain.auth_info1.is_some() {
            return Err(vec![code::AUTH_INFO_EXISTS.line()]);
        }
        domain.auth_info1 = Some(Secret {
            hash: hash.to_ascii_lowercase(),
            ends_at,
        });
        domain.changed_at = now;
        Ok((Vec::new(), Data::AuthInfo { name, ends_at }))
    }

    pub(super) fn auth_info1_delete(
        &mut self,
        regacc: &str,
        name: DomainName,
        now: Timestamp,
    ) -> Done {
        let domain = self.own_mut(regacc, &name)?;
        match domain.auth_info1.take() {
            Some(_) => {
                domain.changed_at = now;
                Ok((Vec::new(), Data::None))
            }
            None => Err(vec![code::WRONG_AUTH_INFO.line()]),
        }
    }

    /// Any member may ask for it; the secret goes by letter to the holders.
    pub(super) fn auth_info2_create(&mut self, name: DomainName, now: Timestamp) -> Done {
        let serial = self.id();
        let Some(domain) = self.domains.get_mut(&name) else {
            return Err(vec![code::NO_DOMAIN.with(name)]);
        };
        if !matches!(
            domain.status,
            RegistryStatus::Connect | RegistryStatus::Failed | RegistryStatus::RedemptionPeriod
        ) {
            return Err(vec![code::WRONG_STATUS.with(&domain.status)]);
        }
        let secret = match self.rules.environment {
            Environment::Test => "geheim".to_owned(),
            Environment::Live => serial.replace('-', "").chars().take(12).collect(),
        };
        let ends_at = now + AUTH_INFO_FOR;
        domain.auth_info2 = Some(Secret {
            hash: sha256_hex(secret.as_bytes()),
            ends_at,
        });
        if domain.status == RegistryStatus::RedemptionPeriod {
            domain.ends_at = Some(ends_at);
        }
        let mut lines: Vec<Line> = Vec::new();
        if domain.status == RegistryStatus::Connect {
            // Documented for this reply, with the deadline that is left.
            lines.push(code::CONNECT.line());
        }
        lines.extend(super::message::deadline_lines(&name, domain));
        let owner = domain.regacc.clone();
        self.letters.insert(name.clone(), secret);
        let kind = Kind::AuthInfo2Notify(name.clone());
        self.tell(&owner, kind, now);
        Ok((lines, Data::AuthInfo { name, ends_at }))
    }

    pub(super) fn domain_chprov(
        &mut self,
        regacc: &str,
        name: DomainName,
        asked: &Asked,
        now: Timestamp,
    ) -> Done {
        let secret = asked.needed("AuthInfo").map_err(alone)?;
        let Some(before) = self.domains.get(&name).cloned() else {
            return Err(vec![code::NO_DOMAIN.with(name)]);
        };
        let is_in_redemption = before.status == RegistryStatus::RedemptionPeriod;
        let hash = sha256_hex(secret.as_bytes());
        let is = |known: &Option<Secret>| known.as_ref().is_some_and(|known| known.hash == hash);
        let is_second = is(&before.auth_info2);
        // From redemption only the second one leads out.
        if !is_second && (is_in_redemption || !is(&before.auth_info1)) {
            return Err(vec![code::WRONG_AUTH_INFO.line()]);
        }
        let fields = self.domain_fields(regacc, asked).map_err(alone)?;
        let stays = !is_second && is_same(&before.fields.holders, &fields.holders);
        let lost_second = before.auth_info2.is_some() && !stays;
        let old = before.regacc.clone();
        let after = Domain {
            regacc: regacc.to_owned(),
            fields,
            changed_at: now,
            auth_info1: None,
            auth_info2: before.auth_info2.clone().filter(|_| stays),
            ..before
        };
        if old != regacc {
            let kind = Kind::Chprov {
                domain: name.clone(),
                new: self.account_name(regacc),
                old: self.account_name(&old),
            };
            self.tell(&old, kind, now);
        }
        let mut lines = self.put_in_place(name, after, now);
        if lost_second && !is_second {
            lines.push(code::AUTH_INFO_REMOVED.line());
        }
        Ok((lines, Data::None))
    }
}

/// The beginning of the day `20260619` by the registry's clocks.
fn end_of(day: &str) -> Option<Timestamp> {
    let date = Date::strptime("%Y%m%d", day).ok()?;
    let zone = TimeZone::get("Europe/Berlin").ok()?;
    Some(date.to_zoned(zone).ok()?.timestamp())
}
