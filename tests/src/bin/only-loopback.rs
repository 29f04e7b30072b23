//! `only-loopback ADDRESS SOCKET PROGRAM ..`: runs a program in a network namespace, this process' own, where `ADDRESS` is
//! what listens at the Unix socket outside. See `shorn_tests::loopback`.
#![allow(clippy::unwrap_used, reason = "a broken test may panic")]

use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::thread;

use shorn_tests::loopback::join;

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let mut next = || arguments.next().expect("only-loopback ADDRESS SOCKET PROGRAM ..");
    let (address, socket, program) = (next().into_string().unwrap(), next(), next());
    assert!(Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap().success());
    let listener = TcpListener::bind(address).unwrap();
    thread::spawn(move || {
        for inside in listener.incoming().map_while(Result::ok) {
            // A server that is gone is a connection that ends.
            if let Ok(outside) = UnixStream::connect(&socket) {
                join(outside, inside);
            }
        }
    });
    let status = Command::new(program).args(arguments).status().unwrap();
    std::process::exit(status.code().unwrap_or(1));
}
