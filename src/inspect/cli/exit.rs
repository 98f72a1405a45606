//! Exit codes (`product.md`, chapter 3).

use std::process::ExitCode;

use crate::model::without_logins;

/// Done.
pub const DONE: u8 = 0;
/// It failed.
pub const FAILED: u8 = 1;
/// It was asked for wrongly.
pub const USAGE: u8 = 2;
/// The configuration is invalid, or the daemon does not run.
pub const INVALID: u8 = 3;
/// There is no such thing.
pub const NOT_FOUND: u8 = 4;
/// It must be confirmed with `--yes`.
pub const UNCONFIRMED: u8 = 5;
/// Busy, try again.
pub const BUSY: u8 = 6;
/// Finished, and something needs attention.
pub const ATTENTION: u8 = 10;
/// Try again, in the words of `sysexits.h`, for a mail piped in.
pub const TRY_AGAIN: u8 = 75;

/// A failure with its own exit code.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// One sentence.
    pub text: String,
}

/// It is not done, for a reason that whoever asked can do something about.
pub fn refused(text: impl Into<String>) -> anyhow::Error {
    Failure {
        code: FAILED,
        text: text.into(),
    }
    .into()
}

/// There is no such thing.
pub fn not_found(text: impl Into<String>) -> anyhow::Error {
    Failure {
        code: NOT_FOUND,
        text: text.into(),
    }
    .into()
}

/// The code for an error, and what to print of it (nothing when nobody reads any more).
pub fn report(error: &anyhow::Error) -> ExitCode {
    let is_pipe_closed = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::BrokenPipe);
    if is_pipe_closed {
        return ExitCode::from(DONE);
    }
    let text = format!("{error:#}");
    for (number, line) in without_logins(&text).lines().enumerate() {
        let name = if number == 0 { "stichtag: " } else { "" };
        eprintln!("{name}{}", super::out::clean(line));
    }
    let code = error.chain().find_map(|cause| {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return Some(failure.code);
        }
        if cause.is::<crate::config::ConfigError>() {
            return Some(INVALID);
        }
        match cause.downcast_ref::<crate::store::StoreError>() {
            Some(crate::store::StoreError::Busy) => Some(BUSY),
            _ => None,
        }
    });
    ExitCode::from(code.unwrap_or(FAILED))
}
