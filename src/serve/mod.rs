//! A server.
mod limits;
