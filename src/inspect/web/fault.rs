//! Why a page is not shown, or something not done.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::inspect::cli::exit;
use crate::store::StoreError;

/// Why a page is not shown, or something not done. [`guard`](super::guard) makes the page of it, in the
/// caller's language.
#[derive(Clone, Debug)]
pub enum Fault {
    /// There is no such page, message, case; a sentence.
    Missing(String),
    /// What was sent cannot be used; a sentence that says what was expected.
    Wrong(String),
    /// It is no longer as it was when the page was shown; a sentence.
    Late(String),
    /// The caller's role does not allow it.
    Forbidden,
    /// Nobody is signed in.
    Stranger,
    /// The form is not one of ours, or too old.
    Foreign,
    /// Too large.
    Large,
    /// Too much at once.
    Busy,
    /// We failed; the log has it.
    Trouble,
}

impl Fault {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Fault::Missing(_) => StatusCode::NOT_FOUND,
            Fault::Wrong(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Fault::Late(_) => StatusCode::CONFLICT,
            Fault::Forbidden | Fault::Foreign => StatusCode::FORBIDDEN,
            Fault::Stranger => StatusCode::UNAUTHORIZED,
            Fault::Large => StatusCode::PAYLOAD_TOO_LARGE,
            Fault::Busy | Fault::Trouble => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The word its page knows it by.
    pub fn name(&self) -> &'static str {
        match self {
            Fault::Missing(_) => "missing",
            Fault::Wrong(_) => "wrong",
            Fault::Late(_) => "late",
            Fault::Forbidden => "forbidden",
            Fault::Stranger => "stranger",
            Fault::Foreign => "foreign",
            Fault::Large => "large",
            Fault::Busy => "busy",
            Fault::Trouble => "trouble",
        }
    }

    /// What is said beside it; empty: nothing.
    pub fn text(&self) -> &str {
        match self {
            Fault::Missing(text) | Fault::Wrong(text) | Fault::Late(text) => text,
            _ => "",
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        tracing::error!("web: {error}");
        match error {
            StoreError::Busy => Fault::Busy,
            _ => Fault::Trouble,
        }
    }
}

impl From<minijinja::Error> for Fault {
    fn from(error: minijinja::Error) -> Self {
        tracing::error!("web: a page cannot be written: {error:#}");
        Fault::Trouble
    }
}

impl From<anyhow::Error> for Fault {
    /// What the command line says with an exit code of its own is said here, too.
    fn from(error: anyhow::Error) -> Self {
        if let Some(failure) = error.downcast_ref::<exit::Failure>() {
            let text = failure.text.clone();
            return match failure.code {
                exit::NOT_FOUND => Fault::Missing(text),
                exit::BUSY => Fault::Busy,
                exit::FAILED => Fault::Late(text),
                _ => Fault::Wrong(text),
            };
        }
        tracing::error!("web: {error:#}");
        Fault::Trouble
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut answer = self.status().into_response();
        answer.extensions_mut().insert(self);
        answer
    }
}
