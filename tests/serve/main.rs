//! Tests the server from the outside: real HTTP over a socket.

#![cfg(feature = "serve")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that panics has failed, also in its helpers"
)]

mod answers;
mod bits;
mod client;
mod clients_that_leave;
mod endpoints;
mod guard;
mod inside;
mod limits;
mod load;
mod program;
mod server;
#[path = "../skip/mod.rs"]
mod skip;
mod streams;
