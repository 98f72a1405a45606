//! Passwords: what is asked of them, how they are kept, and whether one is right.

use std::sync::LazyLock;

use argon2::password_hash::{PasswordHash, SaltString};
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::process::{new_bytes, new_code};

/// Characters that a password has at least.
pub const PASSWORD_LETTERS_MIN: usize = 12;

/// Longer ones only keep the server busy.
const PASSWORD_BYTES_MAX: usize = 1024;

/// Each takes 19 MiB for as long as it lasts.
static TURNS: Semaphore = Semaphore::const_new(2);

/// What is compared with where there is no user or no password, so that it takes as long.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| {
    Some(
        hash_now(&new_code().into())
            .ok()?
            .expose_secret()
            .to_owned(),
    )
});

/// Its hash as it is kept, or what is wrong with it. The name is of whoever is to have it.
pub async fn hash(
    password: SecretString,
    name: &str,
) -> anyhow::Result<Result<SecretString, String>> {
    if let Some(wrong) = objection(password.expose_secret(), name) {
        return Ok(Err(wrong));
    }
    let _turn = TURNS.acquire().await?;
    Ok(Ok(
        tokio::task::spawn_blocking(move || hash_now(&password)).await??
    ))
}

/// Is it the password with that hash? Without a hash it takes as long and is not.
pub async fn is_right(password: SecretString, kept: Option<SecretString>) -> anyhow::Result<bool> {
    let _turn = TURNS.acquire().await?;
    Ok(tokio::task::spawn_blocking(move || is_right_now(&password, kept.as_ref())).await?)
}

fn objection(password: &str, name: &str) -> Option<String> {
    let letters = password.chars().count();
    if letters < PASSWORD_LETTERS_MIN {
        return Some(format!(
            "a password has {PASSWORD_LETTERS_MIN} characters or more; four words in a row are easy to keep"
        ));
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Some(format!("a password has {PASSWORD_BYTES_MAX} bytes at most"));
    }
    let first = password.chars().next();
    if password.chars().all(|letter| Some(letter) == first)
        || password.to_lowercase().contains(&name.to_lowercase()) && letters < name.len() + 8
    {
        return Some("a password must not be the name or one character again and again".to_owned());
    }
    None
}

/// argon2id with the crate's parameters (19 MiB, 2 rounds), which are those of OWASP.
fn hash_now(password: &SecretString) -> anyhow::Result<SecretString> {
    let failed = |error| anyhow::anyhow!("a password cannot be hashed: {error}");
    let salt = SaltString::encode_b64(&new_bytes::<16>()).map_err(failed)?;
    let hashed = Argon2::default()
        .hash_password(password.expose_secret().as_bytes(), &salt)
        .map_err(failed)?;
    Ok(hashed.to_string().into())
}

fn is_right_now(password: &SecretString, kept: Option<&SecretString>) -> bool {
    let text = kept.map(|kept| kept.expose_secret());
    let Some(hash) = text.or(NOBODY.as_deref()) else {
        return false;
    };
    let Ok(hash) = PasswordHash::new(hash) else {
        return false;
    };
    let password = password.expose_secret();
    let is_equal = Argon2::default().verify_password(password.as_bytes(), &hash);
    kept.is_some() && password.len() <= PASSWORD_BYTES_MAX && is_equal.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_kept_as_argon2id_with_a_salt_of_its_own() {
        let password = SecretString::from("correct horse battery");
        let [one, other] = [(); 2].map(|()| hash_now(&password).unwrap());
        assert!(
            one.expose_secret()
                .starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
        );
        assert_ne!(one.expose_secret(), other.expose_secret());
        assert!(is_right_now(&password, Some(&one)) && is_right_now(&password, Some(&other)));
        assert!(!is_right_now(&"correct horse batterz".into(), Some(&one)));
        assert!(!is_right_now(&password, None));
        assert!(!is_right_now(&password, Some(&"".into())));
    }

    #[test]
    fn what_is_easily_guessed_is_not_taken() {
        for wrong in [
            "",
            "short",
            "aaaaaaaaaaaaaaaa",
            "Anna.Beispiel1",
            &"ab".repeat(600),
        ] {
            assert!(objection(wrong, "anna.beispiel").is_some(), "{wrong}");
        }
        for fine in ["vier Wörter in einer Reihe", "x9!kkQ#mmZ2p"] {
            assert_eq!(objection(fine, "anna"), None, "{fine}");
        }
    }
}
