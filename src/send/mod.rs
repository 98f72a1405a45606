//! What leaves: the outboxes for customers and for the desk, the ways to the smarthost and to a webhook,
//! and signed requests to a registry.

mod alert;
mod ask;
mod backoff;
pub mod centralnic;
mod outbox;
pub mod registry;
mod request_mail;
mod requests;
mod sign;
mod smtp;
mod webhook;

pub use alert::{AlertWriter, Alerts, alert_due, deliver_alerts, try_channels};
pub use ask::{Asker, Line, LineError, RRI, ask_due, strand};
pub use backoff::backoff;
pub use outbox::{Letter, Outbox, PAUSED, RESUMED, SendError, Transport, Writer, deliver_due};
pub use request_mail::{RequestMail, RequestMailError, SignatureForm, signed_request};
pub use requests::{Requests, deliver_requests, request_subject};
pub use sign::{Detached, SignError, SigningKey, SigningKeyError, SigningKeyFault};
pub use smtp::Smarthost;
pub use webhook::{Webhook, WebhookError, WebhookKey, signature};
