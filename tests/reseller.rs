//! CentralNic Reseller: its API, what we ask it, and the simulated system that answers.

#[path = "reseller/samples.rs"]
mod samples;
