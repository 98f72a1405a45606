//! Any mail is survived: every one is answered, what was answered with 250 is kept byte by byte, all of
//! it is decided, and no domain changes by what nobody has signed.

#[path = "survival/house.rs"]
mod house;
#[path = "survival/mutated.rs"]
mod mutated;
#[path = "survival/shapes.rs"]
mod shapes;
#[path = "survival/wire.rs"]
mod wire;
