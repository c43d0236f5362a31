//! The commands that ask AWS: the real program with the real SDK against a loopback server.

mod scan;
mod server;
