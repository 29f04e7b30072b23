//! Where in the text for the user a call may begin.

/// Follows lines and code fences in the text for the user.
#[derive(Debug)]
pub(super) struct Lines {
    /// Only white space so far on this line.
    blank: bool,
    /// Backticks at the beginning of this line.
    ticks: usize,
    /// Whether the line's backticks are still being counted.
    counting: bool,
    /// Whether anything but white space follows them, and whether that includes a backtick.
    info: bool,
    tick_in_info: bool,
    /// The number of backticks that opened the code fence we are in.
    fence: Option<usize>,
    /// Whether there was any text but white space.
    begun: bool,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            blank: true,
            ticks: 0,
            counting: false,
            info: false,
            tick_in_info: false,
            fence: None,
            begun: false,
        }
    }
}

impl Lines {
    /// Follows the text on.
    pub(super) fn read(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '\n' => self.end_line(),
                ' ' | '\t' | '\r' => self.counting = false,
                '`' if self.blank || self.counting => {
                    (self.blank, self.counting, self.begun) = (false, true, true);
                    self.ticks += 1;
                }
                _ => {
                    (self.blank, self.counting, self.begun) = (false, false, true);
                    self.info = true;
                    self.tick_in_info |= character == '`';
                }
            }
        }
    }

    /// A fence opens with three or more backticks, perhaps a language; it closes with as many or more, alone.
    fn end_line(&mut self) {
        self.fence = match self.fence {
            None if self.ticks >= 3 && !self.tick_in_info => Some(self.ticks),
            Some(open) if self.ticks >= open && !self.info => None,
            unchanged => unchanged,
        };
        *self = Self { fence: self.fence, begun: self.begun, ..Self::default() };
    }

    /// Says that the text goes on at a new place, as after a tool call.
    pub(super) fn restart_line(&mut self) {
        *self = Self { fence: self.fence, begun: self.begun, ..Self::default() };
    }

    /// Whether there was no text but white space yet.
    pub(super) fn nothing_read(&self) -> bool {
        !self.begun
    }

    /// Whether a marker that comes next, after `newlines` more newlines, starts a line outside a code fence.
    pub(super) fn at_line_start(&self, newlines: usize) -> bool {
        let mut lines = Self { ..*self };
        (0..newlines).for_each(|_| lines.end_line());
        lines.blank && lines.fence.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_line_start(text: &str) -> bool {
        let mut lines = Lines::default();
        lines.read(text);
        lines.at_line_start(0)
    }

    #[test]
    fn white_space_leaves_the_line_blank() {
        assert!(at_line_start(""));
        assert!(at_line_start("text\n \t"));
        assert!(!at_line_start("text\n x "));
    }

    #[test]
    fn a_code_fence_holds_no_line_start() {
        assert!(!at_line_start("```rust\nlet x;\n"));
        assert!(at_line_start("```rust\nlet x;\n```\n"));
    }

    #[test]
    fn an_indented_fence_is_a_fence() {
        assert!(!at_line_start("1. so:\n   ```\n"));
    }

    #[test]
    fn a_fence_closes_with_as_many_backticks_alone_on_the_line() {
        assert!(!at_line_start("````\n```\n"));
        assert!(!at_line_start("```\n```python\n"));
        assert!(at_line_start("````\n`````  \n"));
    }

    #[test]
    fn code_in_one_line_is_no_fence() {
        assert!(at_line_start("```code```\n"));
        assert!(at_line_start("` ``` `\n"));
    }

    #[test]
    fn newlines_that_are_still_held_back_count() {
        let mut lines = Lines::default();
        lines.read("text");
        assert!(!lines.at_line_start(0));
        assert!(lines.at_line_start(1));
    }
}
