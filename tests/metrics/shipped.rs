//! The alerts and the board that are shipped.
