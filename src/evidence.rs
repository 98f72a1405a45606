//! Facts of one message's origin, gathered here and judged by `authenticate`.

pub mod openpgp;
