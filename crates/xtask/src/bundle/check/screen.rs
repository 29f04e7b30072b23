//! A screen that nobody looks at: an X server in memory, and how many colours it shows.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::program::Program;

/// A window that drew text and controls has far more colours; one that stayed empty has one or two.
const COLOURS_OF_A_DRAWN_WINDOW: usize = 32;

/// A screen of 1280 x 900 pixels.
pub struct Screen {
    server: Program,
    folder: tempfile::TempDir,
    /// `:N`.
    pub display: String,
}

impl Screen {
    /// Starts it on a display that is free.
    pub fn start(patience: Duration) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0", "1280x900x24", "-fbdir"]);
        command.arg(folder.path());
        let mut server = Program::start("Xvfb", command)?;
        let display = loop {
            let line = server.line_with("", patience)?;
            if let Ok(number) = line.trim().parse::<u32>() {
                break format!(":{number}");
            }
        };
        Ok(Self { server, folder, display })
    }

    /// Waits until something was drawn on it, and until then looks whether `program` is alive.
    pub fn wait_for_window(&mut self, program: &mut Program, patience: Duration) -> Result<usize> {
        let until = Instant::now() + patience;
        loop {
            program.is_running()?;
            self.server.is_running()?;
            let colours = colours(&self.folder.path().join("Xvfb_screen0"))?;
            if colours >= COLOURS_OF_A_DRAWN_WINDOW {
                return Ok(colours);
            }
            ensure!(Instant::now() < until, "no window was drawn: the screen has {colours} colours");
            thread::sleep(Duration::from_millis(250));
        }
    }

    /// Keeps what is seen as an X window dump.
    pub fn save(&self, to: &Path) -> Result<()> {
        fs::copy(self.folder.path().join("Xvfb_screen0"), to)?;
        Ok(())
    }
}

/// How many colours an X window dump has. Its header is words of 32 bits, most significant byte first: the first is the
/// header's size, the 20th the number of entries in the colour table, of 12 bytes each; then come pixels of 4 bytes.
fn colours(dump: &Path) -> Result<usize> {
    let bytes = fs::read(dump).with_context(|| format!("cannot read {}", dump.display()))?;
    let word = |index: usize| {
        let bytes = bytes.get(index * 4..index * 4 + 4).context("the screen's file is too short")?;
        Ok::<usize, anyhow::Error>(u32::from_be_bytes(bytes.try_into()?) as usize)
    };
    let pixels = bytes.get(word(0)? + word(19)? * 12..).context("the screen's file has no pixels")?;
    Ok(pixels.chunks_exact(4).collect::<HashSet<_>>().len())
}
