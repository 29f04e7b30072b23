//! Writing down what an answer brings.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::digest::Hasher;
use super::interruption::{Interruption, Trouble};
use super::partial::Partial;
use super::plan::{Blob, Plan};
use super::retry::Deadline;
use super::{DownloadProblem, ProblemCode, disk};
use crate::remote::FileResponse;

/// Why a try did not bring all that was missing.
#[derive(Debug)]
pub(super) enum Failure {
    /// No further try will help.
    Interrupted(Interruption),
    /// It may be over soon.
    Trouble(Trouble),
    /// The answer is not the part of the file that was asked for.
    OtherPart(DownloadProblem),
    /// This is not the file that the Hub's list has, or what was there of it is not.
    OtherFile(String),
}

impl From<Interruption> for Failure {
    fn from(interruption: Interruption) -> Self {
        Self::Interrupted(interruption)
    }
}

impl From<DownloadProblem> for Failure {
    fn from(problem: DownloadProblem) -> Self {
        Self::Interrupted(problem.into())
    }
}

/// An answer under way into a file.
pub(super) struct Receiving {
    pub response: FileResponse,
    /// Bytes at its beginning that are there already.
    pub known: u64,
    pub plan: Arc<Plan>,
    /// The file's place in the plan.
    pub index: usize,
    pub stall: Duration,
    pub stop: CancellationToken,
}

impl Receiving {
    /// Writes each piece as it comes: what has arrived waits nowhere but in the connection's own buffer, and that is
    /// all that a killed program loses. It ends with the answer, or when the file has all its bytes: what a server
    /// sends beyond them is not wanted.
    ///
    /// A server that ignores the range sends everything anew. Then what is there already is compared by its hash and
    /// not written again: it stays, whenever that answer breaks off.
    ///
    /// Must run on a thread that may wait for the disk.
    pub fn run(mut self, partial: &mut Partial, runtime: &Handle) -> Result<(), Failure> {
        let mut known = Known { left: self.known, hasher: partial.fresh_hasher() };
        while partial.missing() > 0 {
            let Some(mut piece) = runtime.block_on(self.next())? else {
                return match known.left {
                    0 => Ok(()),
                    left => Err(Failure::OtherFile(format!("it ends {left} bytes before what had arrived"))),
                };
            };
            known.compare(&mut piece, partial)?;
            let wanted = partial.missing().min(piece.len() as u64) as usize;
            let before = partial.length();
            let written = partial.append(&piece[..wanted]);
            self.blob().set_done(partial.length());
            self.plan.add_received(partial.length() - before);
            written.map_err(|error| disk::write_problem(partial.path(), &error, &self.plan))?;
        }
        Ok(())
    }

    fn blob(&self) -> &Blob {
        &self.plan.blobs[self.index]
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        let patience = Deadline::after(self.stall);
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Interruption::Stopped.into()),
            piece = self.response.chunk() => piece.map_err(|error| match Trouble::of(error) {
                Ok(trouble) => Failure::Trouble(trouble),
                Err(interruption) => interruption.into(),
            }),
            () = patience.passed() => {
                let why = format!("nothing has come for {} seconds", self.stall.as_secs_f64());
                Err(Failure::Trouble(DownloadProblem::new(ProblemCode::Network, why).into()))
            }
        }
    }
}

/// The part of an answer that is there already.
struct Known {
    left: u64,
    hasher: Hasher,
}

impl Known {
    /// Takes it off a piece.
    fn compare(&mut self, piece: &mut Bytes, partial: &Partial) -> Result<(), Failure> {
        if self.left == 0 {
            return Ok(());
        }
        let known = piece.split_to(self.left.min(piece.len() as u64) as usize);
        self.hasher.update(&known);
        self.left -= known.len() as u64;
        if self.left == 0 && self.hasher.clone().hex() != partial.hash() {
            return Err(Failure::OtherFile("it begins otherwise than what had arrived".to_owned()));
        }
        Ok(())
    }
}
