//! A new token for a program that orders over HTTP.

use rand::distr::{Alphanumeric, SampleString};

/// How many letters and digits a token has by chance: 256 bits.
const LETTERS: usize = 43;

/// A new token, such as `st_` and 43 letters and digits. It is shown once and not kept.
pub fn new_token() -> String {
    format!(
        "st_{}",
        Alphanumeric.sample_string(&mut rand::rng(), LETTERS)
    )
}
