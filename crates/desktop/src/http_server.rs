//! The HTTP server: started and stopped by hand, and what the window shows of it.

use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::sync::Arc;

use serde::Serialize;
use shorn_server::{App, Guard, holder_of, listen, router};
use tokio::sync::{Mutex, oneshot, watch};
use tokio::task::JoinHandle;
use ts_rs::TS;

use crate::error::AppError;
use crate::settings::AppSettings;

/// Whether the server answers.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ServerState {
    /// It was stopped, or not started yet.
    Stopped,
    /// It opens its port.
    Starting,
    /// It answers.
    Running {
        /// Where, on this machine; ends in `/v1`.
        base_url: String,
        /// The port.
        port: u16,
        /// Whether other machines can reach it.
        network: bool,
    },
    /// It could not be started.
    Failed {
        /// Why.
        error: AppError,
    },
}

/// Whether a port can be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(untagged)]
pub enum PortCheck {
    /// It can.
    Free {
        /// Says so.
        #[ts(type = "true")]
        free: bool,
    },
    /// Another program has it.
    Taken {
        /// Says so.
        #[ts(type = "false")]
        free: bool,
        /// The program, in words.
        holder: String,
        /// A port that is free.
        free_port: u16,
    },
}

/// The server, whether it runs or not.
#[derive(Debug)]
pub(crate) struct HttpServer {
    state: watch::Sender<ServerState>,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

impl HttpServer {
    pub fn new() -> Self {
        Self { state: watch::Sender::new(ServerState::Stopped), running: Mutex::default() }
    }

    pub fn state(&self) -> watch::Receiver<ServerState> {
        self.state.subscribe()
    }

    /// Starts it with these settings; ends the one that runs first.
    pub async fn start(&self, app: Arc<App>, settings: &AppSettings) -> Result<(), AppError> {
        let mut running = self.running.lock().await;
        end(running.take()).await;
        self.state.send_replace(ServerState::Starting);
        let AppSettings { port, network, api_key, .. } = settings.clone();
        let host = if network { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
        let listeners = match listen(IpAddr::V4(host), port, api_key.is_some()).await {
            Ok(listeners) => listeners,
            Err(error) => {
                let error = AppError::from(error);
                self.state.send_replace(ServerState::Failed { error: error.clone() });
                return Err(error);
            }
        };
        let routes = router(app, Guard::new(port, !network, api_key));
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            let _ = stopped.await;
        };
        let task = tokio::spawn(shorn_server::serve(listeners, routes, stopped));
        *running = Some(Running { stop, task });
        let base_url = base_url(port);
        tracing::info!("the server answers at {base_url}");
        self.state.send_replace(ServerState::Running { base_url, port, network });
        Ok(())
    }

    /// Ends it. Replies under way go on to their end.
    pub async fn stop(&self) {
        let mut running = self.running.lock().await;
        end(running.take()).await;
        self.state.send_replace(ServerState::Stopped);
    }

    /// Whether the server could have a port; its own counts as free.
    pub fn check_port(&self, port: u16) -> PortCheck {
        let ours = matches!(&*self.state.borrow(), ServerState::Running { port: ours, .. } if *ours == port);
        match ours || is_free(port) {
            true => PortCheck::Free { free: true },
            false => {
                let (holder, free_port) = (holder_of(port), free_port_after(port));
                PortCheck::Taken { free: false, holder, free_port }
            }
        }
    }
}

async fn end(running: Option<Running>) {
    if let Some(Running { stop, task }) = running {
        let _ = stop.send(());
        // It returns when its port is free again.
        if let Ok(Err(error)) = task.await {
            tracing::warn!("the server did not end well: {error}");
        }
    }
}

/// Where programs on this machine reach a server on `port`.
pub(crate) fn base_url(port: u16) -> String {
    format!("http://127.0.0.1:{port}/v1")
}

/// The next port above `port` that can be had.
pub(crate) fn free_port_after(port: u16) -> u16 {
    let above = (port..u16::MAX).skip(1).take(100);
    above.chain(1024..port).find(|port| is_free(*port)).unwrap_or(0)
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
