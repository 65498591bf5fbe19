//! The gateway over HTTP: on a real nats-server, with groups that the test plays.

mod access;
mod attacks;
mod compression;
mod documents;
mod forms;
mod guests;
mod outcomes;
mod reads;
mod routes;
mod support;
mod tokens;
mod watches;
mod writes;
