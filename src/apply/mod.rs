//! The domain state machine: (record, event) → (record, effects). Pure; a function per kind of
//! event. What the slots of a record mean is told in `model::record`.

mod effect;
pub mod info;
mod merge;
pub mod order;
pub mod reseller;
mod transition;

pub use effect::{Applied, CaseStep, Effect, Outcome};
pub use merge::contact as merge_contact;
pub use transition::{Situation, Update, answer, apply, update_of};
