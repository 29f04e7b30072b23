//! Listening, so that all connections can be broken at once.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// A port that is listened on, until this is dropped.
pub(crate) struct Listening {
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

pub(crate) async fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

impl Listening {
    pub fn start(listener: TcpListener, routes: Router, online: watch::Receiver<bool>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        Ok(Self { address, task: tokio::spawn(accept(listener, routes, online)) })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Connections are tasks of the set: they end with it.
async fn accept(listener: TcpListener, routes: Router, mut online: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let (Ok((stream, _)), true) = (accepted, *online.borrow()) {
                    connections.spawn(serve(stream, routes.clone()));
                }
            }
            changed = online.changed() => {
                if changed.is_err() {
                    return;
                }
                if !*online.borrow() {
                    connections.abort_all();
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, routes: Router) {
    let _ = stream.set_nodelay(true);
    // A client that goes away, and a body that is cut on purpose, are errors here and no concern.
    let _ =
        http1::Builder::new().serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes)).await;
}
