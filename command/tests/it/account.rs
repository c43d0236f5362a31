//! The commands that call AWS: the real program with the real SDK against a loopback server.

mod accounts;
mod audit;
mod audit_direct;
mod credentials;
mod function;
mod live;
mod results;
mod scan;
mod scan_memory;
mod server;
mod status;
mod status_function;
mod status_watch;
