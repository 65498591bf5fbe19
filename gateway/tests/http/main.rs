//! The gateway over HTTP: on a real nats-server, with groups that the test plays.

mod access;
mod attacks;
mod compression;
mod documents;
mod dpop;
mod forms;
mod guests;
mod keeping;
mod outcomes;
mod rates;
mod reach;
mod reads;
mod routes;
mod screens;
mod shapes;
mod strangler;
mod support;
mod tls;
mod tokens;
mod tricks;
mod watches;
mod writes;
