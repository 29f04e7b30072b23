use std::ops::ControlFlow;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar for loading weights, on standard error; nothing when that is no terminal.
pub fn loading_bar() -> ProgressBar {
    let style =
        ProgressStyle::with_template("loading {bar:40} {bytes}/{total_bytes} ({bytes_per_sec}, {eta} left)")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    bar.set_style(style);
    bar
}

/// Moves the bar; the engine calls it as weights are read.
pub fn moving(bar: &ProgressBar) -> impl FnMut(u64, u64) -> ControlFlow<()> {
    move |done, total| {
        bar.set_length(total);
        bar.set_position(done);
        ControlFlow::Continue(())
    }
}
