//! A file's bytes on their way, with what can go wrong there.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::stream;

use crate::contents::Contents;
use crate::fault::Fault;
use crate::state::{RequestNumber, Shared};

/// How long what was sent before a cut has to get through: closing takes what is still in hyper's buffer along.
const BEFORE_CUT: Duration = Duration::from_millis(30);

/// A slow file comes in so many pieces a second.
const SLOW_PIECES: u64 = 20;

/// Bytes to send, and what becomes of them.
pub(crate) struct Sending {
    pub contents: Contents,
    /// The next byte to send. Past the file's end there are zeros.
    pub at: u64,
    /// The first byte that is not sent.
    pub end: u64,
    /// Bytes sent.
    sent: u64,
    flipped: Option<u64>,
    /// Bytes after which the connection breaks or goes quiet.
    cut: Option<u64>,
    stall: Option<u64>,
    bytes_per_second: Option<u64>,
    shared: Arc<Shared>,
    request: RequestNumber,
}

impl Sending {
    pub fn new(contents: Contents, shared: Arc<Shared>, request: RequestNumber) -> Self {
        let end = contents.bytes();
        Self {
            contents,
            at: 0,
            end,
            sent: 0,
            flipped: None,
            cut: None,
            stall: None,
            bytes_per_second: None,
            shared,
            request,
        }
    }

    /// Takes on what faults do to the bytes.
    pub fn suffer(&mut self, faults: &[Fault]) {
        for fault in faults {
            match *fault {
                Fault::CutAfter(bytes) => self.cut = Some(bytes),
                Fault::StallAfter(bytes) => self.stall = Some(bytes),
                Fault::FlippedByte(at) => self.flipped = Some(at),
                Fault::ShorterBody(bytes) => self.end = self.end.saturating_sub(bytes).max(self.at),
                Fault::LongerBody(bytes) => self.end += bytes,
                Fault::BytesPerSecond(bytes) => self.bytes_per_second = Some(bytes.max(1)),
                _ => {}
            }
        }
    }

    /// How long the body says it is.
    pub fn length(&self) -> u64 {
        self.end - self.at
    }

    pub fn into_body(self) -> Body {
        Body::from_stream(stream::unfold(self, |mut sending| async move {
            let next = sending.next().await?;
            Some((next, sending))
        }))
    }

    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if self.at >= self.end {
            return None;
        }
        let mut most = self.end - self.at;
        if let Some(stall) = self.stall {
            if self.sent >= stall {
                std::future::pending::<()>().await;
            }
            most = most.min(stall - self.sent);
        }
        if let Some(cut) = self.cut {
            if self.sent >= cut {
                tokio::time::sleep(BEFORE_CUT).await;
                return Some(Err(io::ErrorKind::ConnectionReset.into()));
            }
            most = most.min(cut - self.sent);
        }
        if let Some(speed) = self.bytes_per_second {
            most = most.min(speed.div_ceil(SLOW_PIECES));
            tokio::time::sleep(Duration::from_secs_f64(most as f64 / speed as f64)).await;
        }
        let chunk = match self.read(most) {
            Ok(chunk) => chunk,
            Err(error) => return Some(Err(error)),
        };
        self.at += chunk.len() as u64;
        self.sent += chunk.len() as u64;
        let sent = self.sent;
        self.shared.amend(self.request, |request| request.sent = sent);
        Some(Ok(chunk))
    }

    fn read(&self, most: u64) -> io::Result<Bytes> {
        let there = self.contents.bytes().saturating_sub(self.at);
        if there == 0 {
            return Ok(Bytes::from(vec![0; most.min(64 << 10) as usize]));
        }
        let chunk = self.contents.read(self.at, self.at + most.min(there))?;
        match self.flipped {
            Some(place) if (self.at..self.at + chunk.len() as u64).contains(&place) => {
                let mut wrong = BytesMut::from(chunk.as_ref());
                wrong[(place - self.at) as usize] ^= 1;
                Ok(wrong.freeze())
            }
            _ => Ok(chunk),
        }
    }
}
