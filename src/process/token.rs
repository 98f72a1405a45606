//! What nobody can guess: tokens, codes of links, salts.

use rand::Rng;
use rand::distr::{Alphanumeric, SampleString};

/// How many letters and digits a token has by chance: 256 bits.
const LETTERS: usize = 43;

/// A new token of a program that orders over HTTP, such as `st_` and 43 letters and digits. It is shown
/// once and not kept.
pub fn new_token() -> String {
    format!("st_{}", new_code())
}

/// 43 letters and digits.
pub fn new_code() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), LETTERS)
}

/// So many bytes by chance.
pub fn new_bytes<const N: usize>() -> [u8; N] {
    rand::rng().random()
}
