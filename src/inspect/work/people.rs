//! People who look in on the web: adding them, what they may, and how they prove that it is them.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret, Totp};

use super::{Work, password};
use crate::inspect::cli::exit;
use crate::inspect::cli::out::json_time;
use crate::model::{OneTimeLink, Role, Theme, User, UserChange, UserName, sha256_hex};
use crate::process::{new_bytes, new_code};

/// How long a one-time link may be used.
pub const LINK_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// A link that was made just now: to be shown once.
pub struct FreshLink {
    /// Where it leads, with its code.
    pub url: SecretString,
    kept: OneTimeLink,
}

impl FreshLink {
    fn new(work: &Work<'_>) -> anyhow::Result<Self> {
        let code = new_code();
        let base = work.config.web_url();
        Ok(FreshLink {
            kept: OneTimeLink {
                digest: link_digest(&code),
                ends_at: work.now().checked_add(LINK_LIFETIME)?,
            },
            url: format!("{base}/sign-in/link?code={code}").into(),
        })
    }
}

/// What a link is kept and looked up by.
pub fn link_digest(code: &str) -> String {
    sha256_hex(code.as_bytes())
}

/// Adds somebody; the link is for them to sign in by for the first time.
pub async fn add(work: &Work<'_>, name: UserName, role: Role) -> anyhow::Result<FreshLink> {
    let link = FreshLink::new(work)?;
    let user = User {
        name,
        role,
        created_at: work.now(),
        disabled_at: None,
        language: None,
        theme: Theme::Auto,
        has_keys: true,
        has_password: false,
        has_totp: false,
        link_ends_at: Some(link.kept.ends_at),
        stamp: 0,
    };
    let audit = work.audit("user add", user.name.as_str(), role.as_str());
    if !work.store.add_user(&user, &link.kept, &audit).await? {
        let name = &user.name;
        return Err(exit::refused(format!(
            "there is a user {name} already; give them another role or choose another name"
        )));
    }
    Ok(link)
}

/// A new link for somebody who cannot sign in any more; an older one is worth nothing from now on.
pub async fn link(work: &Work<'_>, name: &UserName) -> anyhow::Result<FreshLink> {
    let link = FreshLink::new(work)?;
    let change = UserChange::Link(link.kept.clone());
    changed(work, name, &change, "user link", "").await?;
    Ok(link)
}

/// Gives somebody a role. The last admin keeps theirs.
pub async fn set_role(work: &Work<'_>, name: &UserName, role: Role) -> anyhow::Result<()> {
    if role != Role::Admin {
        keep_an_admin(work, name).await?;
    }
    changed(
        work,
        name,
        &UserChange::Role(role),
        "user role",
        role.as_str(),
    )
    .await
}

/// Lets somebody in no more, or again. The last admin stays.
pub async fn set_disabled(
    work: &Work<'_>,
    name: &UserName,
    is_disabled: bool,
) -> anyhow::Result<()> {
    if is_disabled {
        keep_an_admin(work, name).await?;
    }
    let action = match is_disabled {
        true => "user disable",
        false => "user enable",
    };
    changed(work, name, &UserChange::IsDisabled(is_disabled), action, "").await
}

/// Sets somebody's password. The inner error says what is wrong with it.
pub async fn set_password(
    work: &Work<'_>,
    name: &UserName,
    password: SecretString,
) -> anyhow::Result<Result<(), String>> {
    let hash = match password::hash(password, name.as_str()).await? {
        Ok(hash) => hash,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let change = UserChange::Password(hash);
    changed(work, name, &change, "user passwd", "").await?;
    Ok(Ok(()))
}

/// Asks somebody for no second factor any more.
pub async fn totp_off(work: &Work<'_>, name: &UserName) -> anyhow::Result<()> {
    changed(work, name, &UserChange::Totp(None), "user totp", "off").await
}

/// Asks somebody for a code of this authenticator from now on. `step` is that of the code that has
/// proved it.
pub async fn totp_on(
    work: &Work<'_>,
    name: &UserName,
    secret: SecretString,
    step: u64,
) -> anyhow::Result<()> {
    let change = UserChange::Totp(Some((secret, step)));
    changed(work, name, &change, "user totp", "on").await
}

/// Ends all that somebody is signed in with.
pub async fn sign_out(work: &Work<'_>, name: &UserName) -> anyhow::Result<()> {
    changed(work, name, &UserChange::SignOut, "user sign-out", "").await
}

async fn changed(
    work: &Work<'_>,
    name: &UserName,
    change: &UserChange,
    action: &str,
    detail: &str,
) -> anyhow::Result<()> {
    let audit = work.audit(action, name.as_str(), detail);
    match work.store.change_user(name, change, &audit).await? {
        true => Ok(()),
        false => Err(missing(name)),
    }
}

/// There is no such user.
pub fn missing(name: &UserName) -> anyhow::Error {
    exit::not_found(format!(
        "there is no user {name}; `stichtag user list` shows them"
    ))
}

/// Without an admin only the command line could bring one back.
async fn keep_an_admin(work: &Work<'_>, name: &UserName) -> anyhow::Result<()> {
    let is_admin = |user: &User| user.role == Role::Admin && user.disabled_at.is_none();
    let users = work.store.users().await?;
    let (own, others): (Vec<_>, Vec<_>) =
        (users.iter().filter(|user| is_admin(user))).partition(|user| user.name == *name);
    if !own.is_empty() && others.is_empty() {
        return Err(exit::refused(format!(
            "{name} is the only admin; make somebody else admin first"
        )));
    }
    Ok(())
}

/// A new secret for an authenticator, base32.
pub fn new_totp_secret() -> SecretString {
    Secret::from(new_bytes::<20>()).to_base32().into()
}

/// The step of a code, if an authenticator with that secret shows it now, or did half a minute ago, or
/// will.
pub fn totp_step(secret: &SecretString, code: &str, now: jiff::Timestamp) -> Option<u64> {
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let seconds = u64::try_from(now.as_second()).ok()?;
    totp(secret, "")?.check(&digits, seconds)
}

/// What a QR code tells an authenticator.
pub fn totp_url(secret: &SecretString, name: &UserName) -> Option<String> {
    totp(secret, name.as_str())?.to_url().ok()
}

fn totp(secret: &SecretString, name: &str) -> Option<Totp> {
    let secret = Secret::try_from_base32(secret.expose_secret()).ok()?;
    Builder::new()
        .with_secret(secret)
        .with_account_name(name)
        .with_issuer(Some("Stichtag"))
        .build()
        .ok()
}

/// A user as lists show them.
pub fn object(user: &User, now: jiff::Timestamp) -> Value {
    json!({
        "name": user.name.as_str(),
        "role": user.role,
        "state": state(user, now),
        "totp": user.has_totp,
        "created_at": json_time(Some(user.created_at)),
        "disabled_at": json_time(user.disabled_at),
        "link_until": json_time(user.link_ends_at.filter(|at| *at > now)),
    })
}

/// How a user stands: active, invited (no password yet, but a link), no-password, disabled.
pub fn state(user: &User, now: jiff::Timestamp) -> &'static str {
    match user {
        user if user.disabled_at.is_some() => "disabled",
        user if user.has_password => "active",
        user if user.link_ends_at.is_some_and(|at| at > now) => "invited",
        _ => "no-password",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_that_of_rfc_6238_and_half_a_minute_off_at_most() {
        // RFC 6238, appendix B: "12345678901234567890" at 59 seconds, of whose digits the last six count.
        let secret = SecretString::from("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let at = |seconds| jiff::Timestamp::from_second(seconds).unwrap();
        assert_eq!(totp_step(&secret, "287082", at(59)), Some(1));
        assert_eq!(totp_step(&secret, " 287 082 ", at(89)), Some(1));
        assert_eq!(totp_step(&secret, "287082", at(5)), Some(1));
        assert_eq!(totp_step(&secret, "287082", at(90)), None);
        assert_eq!(totp_step(&secret, "", at(59)), None);
    }

    #[test]
    fn an_authenticator_is_told_secret_and_name() {
        let secret = new_totp_secret();
        assert_eq!(secret.expose_secret().len(), 32);
        let url = totp_url(&secret, &"anna@example.net".parse().unwrap()).unwrap();
        assert!(
            url.starts_with("otpauth://totp/Stichtag:anna%40example.net?"),
            "{url}"
        );
        assert!(url.contains(secret.expose_secret()));
    }
}
