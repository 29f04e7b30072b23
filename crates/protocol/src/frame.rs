//! One message on the pipe: its length as four bytes, most significant first, and that many bytes of JSON.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longest frame either side accepts: a prompt of a million tokens has room.
pub const MAX_FRAME_BYTES: usize = 64 << 20;

/// Why a frame could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The pipe failed, or ended inside a frame.
    #[error("the pipe broke: {0}")]
    Io(#[from] io::Error),
    /// The length is beyond [`MAX_FRAME_BYTES`].
    #[error("a frame of {0} bytes is too long: the other side does not speak this protocol")]
    TooLong(usize),
    /// The content is not the message it should be.
    #[error("a frame is not a message of this protocol: {0}")]
    NotAMessage(#[from] serde_json::Error),
}

/// Writes one message and flushes.
///
/// # Errors
/// When the pipe is closed.
pub fn write_frame(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = frame.len() - 4;
    frame[..4].copy_from_slice(&(length as u32).to_be_bytes());
    to.write_all(&frame)?;
    to.flush()
}

/// Reads one message; `None` when the pipe ended between two.
///
/// # Errors
/// When the pipe breaks or what it carries is no message.
pub fn read_frame<T: DeserializeOwned>(from: &mut impl Read) -> Result<Option<T>, FrameError> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > MAX_FRAME_BYTES {
        return Err(FrameError::TooLong(length));
    }
    let mut frame = vec![0; length];
    from.read_exact(&mut frame)?;
    Ok(Some(serde_json::from_slice(&frame)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Abort, RequestId, ToWorker};

    #[test]
    fn a_message_survives_the_pipe() {
        let message = ToWorker::Abort(Abort { id: RequestId(7), complete: true });
        let mut pipe = Vec::new();
        write_frame(&mut pipe, &message).unwrap();
        assert_eq!(read_frame(&mut pipe.as_slice()).unwrap(), Some(message));
    }

    #[test]
    fn the_end_between_frames_is_no_error_and_inside_one_is() {
        let mut pipe = Vec::new();
        write_frame(&mut pipe, &ToWorker::ClearPromptCache).unwrap();
        assert_eq!(read_frame::<ToWorker>(&mut &pipe[..0]).unwrap(), None);
        assert!(read_frame::<ToWorker>(&mut &pipe[..pipe.len() - 1]).is_err());
    }

    #[test]
    fn a_length_that_no_message_has_is_refused_before_it_is_allocated() {
        let pipe = u32::MAX.to_be_bytes();
        assert!(matches!(read_frame::<ToWorker>(&mut pipe.as_slice()), Err(FrameError::TooLong(_))));
    }
}
