//! What leaves: the outboxes for customers and for the desk, and the ways to the smarthost and to a webhook.

mod alert;
mod backoff;
mod outbox;
pub mod registry;
mod smtp;
mod webhook;

pub use alert::{AlertWriter, Alerts, alert_due, deliver_alerts, try_channels};
pub use backoff::backoff;
pub use outbox::{Letter, Outbox, PAUSED, RESUMED, SendError, Transport, Writer, deliver_due};
pub use smtp::Smarthost;
pub use webhook::{Webhook, WebhookError, WebhookKey, signature};
