//! The reseller's poll queue: what its frames say, and that nothing of it is lost on the way.

#[path = "poll/events.rs"]
mod events;
#[path = "poll/queue.rs"]
mod queue;
#[path = "poll/written.rs"]
mod written;
