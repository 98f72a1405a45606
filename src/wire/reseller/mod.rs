//! The API of CentralNic Reseller over HTTPS (`centralnic.md` 1 to 3).

mod command;
mod halt;
mod line;
mod pace;

pub use command::{Command, CommandError, ListKind, commands, hidden};
pub use halt::Halt;
pub use line::{Answer, Call, CallError, ResellerApi, ResellerLine, ResellerLogin};
pub use pace::Pace;
