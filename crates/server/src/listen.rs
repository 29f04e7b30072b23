//! Opening the port.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another program has the port.
    #[error("port {port} is taken by {holder}; end that program, or choose another port with --port")]
    Taken {
        /// The port.
        port: u16,
        /// The program, by name and process id, if the system tells.
        holder: String,
    },
    /// The network must not reach a server without a key.
    #[error(
        "listening on {0} lets other machines in: set a key with SHORN_API_KEY or --api-key-file, or listen on \
         127.0.0.1"
    )]
    NeedsKey(IpAddr),
    /// The system refused for another reason.
    #[error("cannot listen on {address}: {source}")]
    Refused {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// Opens `host`:`port`. For the IPv4 loopback address the IPv6 one is opened too, where there is one: `localhost` may
/// mean either. Port 0 lets the system choose.
///
/// # Errors
/// When the port is taken (and by whom), or the host is not loopback and no key protects it.
pub async fn listen(host: IpAddr, port: u16, has_key: bool) -> Result<Vec<TcpListener>, ListenError> {
    if !host.is_loopback() && !has_key {
        return Err(ListenError::NeedsKey(host));
    }
    let first = bind(SocketAddr::new(host, port)).await?;
    let port = first.local_addr().map_or(port, |address| address.port());
    let mut listeners = vec![first];
    if host == IpAddr::V4(Ipv4Addr::LOCALHOST) {
        match bind(SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port)).await {
            Ok(listener) => listeners.push(listener),
            Err(error @ ListenError::Taken { .. }) => return Err(error),
            Err(error) => tracing::debug!("no IPv6 loopback: {error}"),
        }
    }
    Ok(listeners)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let port = address.port();
            Err(ListenError::Taken { port, holder: holder_of(port) })
        }
        Err(source) => Err(ListenError::Refused { address, source }),
    }
}

/// The program that listens on a port, by name and process id, if the system tells.
pub fn holder_of(port: u16) -> String {
    match listeners::get_process_by_port(port, listeners::Protocol::TCP) {
        Ok(process) => format!("{} (process {})", process.name, process.pid),
        Err(_) => "another program".to_owned(),
    }
}
