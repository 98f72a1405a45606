//! Style and script: embedded, and kept by browsers for as long as they do not change.

use std::sync::LazyLock;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::{Right, Way};
use crate::model::sha256_hex;

/// What every page loads.
pub struct Asset {
    text: &'static str,
    media_type: &'static str,
    route: &'static str,
    version: LazyLock<String>,
}

/// How pages look.
pub static STYLE: Asset = Asset {
    text: include_str!("templates/style.css"),
    media_type: "text/css; charset=utf-8",
    route: "/assets/style.css",
    version: LazyLock::new(|| version(include_str!("templates/style.css"))),
};

/// What makes them more comfortable.
pub static SCRIPT: Asset = Asset {
    text: include_str!("templates/app.js"),
    media_type: "text/javascript; charset=utf-8",
    route: "/assets/app.js",
    version: LazyLock::new(|| version(include_str!("templates/app.js"))),
};

/// A calendar leaf, in the browser's tab.
pub static ICON: Asset = Asset {
    text: include_str!("templates/icon.svg"),
    media_type: "image/svg+xml",
    route: "/assets/icon.svg",
    version: LazyLock::new(|| version(include_str!("templates/icon.svg"))),
};

fn version(text: &str) -> String {
    sha256_hex(text.as_bytes())[..12].to_owned()
}

impl Asset {
    /// Its address, which changes with it.
    pub fn path(&self) -> String {
        format!("{}?v={}", self.route, *self.version)
    }

    fn answer(&self) -> Response {
        let fields = [
            (CONTENT_TYPE, self.media_type),
            (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        ];
        (fields, self.text).into_response()
    }
}

/// The ways in.
pub fn ways() -> Vec<Way> {
    vec![
        Way::look(STYLE.route, Right::Anyone, || async { STYLE.answer() }),
        Way::look(SCRIPT.route, Right::Anyone, || async { SCRIPT.answer() }),
        Way::look(ICON.route, Right::Anyone, || async { ICON.answer() }),
    ]
}
