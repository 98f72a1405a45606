//! The whole circle with a registry that acts on what it is asked: order, request by RRI, answer, queue,
//! verification, proof. Two programs and one store, killed at any moment.

#[path = "circle/house.rs"]
mod house;
#[path = "circle/killed.rs"]
mod killed;
#[path = "circle/secret.rs"]
mod secret;
#[path = "circle/walk.rs"]
mod walk;
