//! A network that holds one server and nothing else, for programs that must not talk to anyone but it.
//!
//! On Linux a program gets a network namespace of its own. Its loopback is not the machine's, so whoever calls the
//! server's port there is passed on through a Unix socket, by `only-loopback` inside and by [`Loopback`] outside. Where
//! the system does not let us make namespaces, as on macOS, the program runs as it is: its own switches keep it quiet.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;

/// What makes a network namespace: as root, or as a user that becomes root in a namespace of its own.
const WAYS: [&[&str]; 2] = [&["--net"], &["--map-root-user", "--net"]];

/// A way to one server.
pub struct Loopback {
    /// The server, as `127.0.0.1:1234`.
    server: String,
    folder: tempfile::TempDir,
}

impl Loopback {
    /// A way to the server at `http://127.0.0.1:PORT`.
    pub fn to(server: &str) -> Self {
        let server = server.trim_start_matches("http://").to_owned();
        let loopback = Self { server, folder: tempfile::tempdir().unwrap() };
        let listener = UnixListener::bind(loopback.socket()).unwrap();
        let server = loopback.server.clone();
        thread::spawn(move || {
            for inside in listener.incoming().map_while(Result::ok) {
                let Ok(outside) = TcpStream::connect(&server) else { continue };
                join(inside, outside);
            }
        });
        loopback
    }

    /// Runs `program` where this server is all there is.
    pub fn command(&self, program: &Path) -> Command {
        let Some(way) = way() else { return Command::new(program) };
        let relay = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("only-loopback");
        let mut command = Command::new("unshare");
        command.args(way).arg("--").arg(relay).args([&self.server]).arg(self.socket()).arg(program);
        command
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("server")
    }
}

/// How namespaces are made here, if they can be.
fn way() -> Option<&'static [&'static str]> {
    static WAY: OnceLock<Option<&[&str]>> = OnceLock::new();
    *WAY.get_or_init(|| {
        let works = |way: &&&[&str]| {
            let output =
                Command::new("unshare").args(**way).args(["--", "ip", "link", "set", "lo", "up"]).output();
            output.is_ok_and(|output| output.status.success())
        };
        let way = WAYS.iter().find(works).copied();
        if way.is_none() {
            eprintln!("no network namespace can be made here: agents run with the machine's network");
        }
        way
    })
}

/// Passes on what either end sends, until both have ended.
pub fn join(inside: UnixStream, outside: TcpStream) {
    let (Ok(mut from_inside), Ok(mut from_outside)) = (inside.try_clone(), outside.try_clone()) else {
        return;
    };
    let (mut to_inside, mut to_outside) = (inside, outside);
    thread::spawn(move || {
        let _ = io::copy(&mut from_inside, &mut to_outside);
        let _ = to_outside.shutdown(Shutdown::Write);
    });
    thread::spawn(move || {
        let _ = io::copy(&mut from_outside, &mut to_inside);
        let _ = to_inside.shutdown(Shutdown::Write);
    });
}
