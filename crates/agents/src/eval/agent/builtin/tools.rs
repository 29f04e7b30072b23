//! The built-in agent's tools. An `Err` is what the model reads after `Error: `.

use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use std::{fs, io};

use serde::Deserialize;
use serde_json::Value;

use crate::eval::task::RecordingTool;

/// Lines of one `read`, or files of a listing.
const MOST_LINES: usize = 400;
/// Bytes and seconds of the tests.
const MOST_OUTPUT: usize = 8_000;
const TEST_SECONDS: u64 = 120;

pub(super) struct Tools {
    pub(super) project: PathBuf,
    pub(super) test: Option<String>,
    pub(super) recording: Option<RecordingTool>,
}

#[derive(Deserialize)]
struct Read {
    path: String,
    offset: Option<usize>,
    limit: Option<usize>,
}

#[derive(Deserialize)]
struct Write {
    path: String,
    content: String,
}

#[derive(Deserialize)]
struct Edit {
    path: String,
    edits: Vec<Replacement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Replacement {
    old_text: String,
    new_text: String,
}

impl Tools {
    pub(super) async fn call(&self, name: &str, arguments: &str) -> Result<String, String> {
        let arguments: Value = fit(name, serde_json::from_str(arguments))?;
        match (name, &self.recording) {
            ("read", _) => self.read(&fit(name, serde_json::from_value(arguments))?),
            ("write", _) => self.write(&fit(name, serde_json::from_value(arguments))?),
            ("edit", _) => self.edit(&fit(name, serde_json::from_value(arguments))?),
            ("run_tests", _) => self.run_tests().await,
            (_, Some(tool)) if tool.name == name => {
                let written = fs::write(self.project.join(&tool.file), arguments.to_string());
                written.map(|()| tool.done()).map_err(|error| failed(tool.file.display(), &error))
            }
            _ => Err(format!("there is no tool {name}. There are read, write, edit and run_tests.")),
        }
    }

    fn read(&self, Read { path, offset, limit }: &Read) -> Result<String, String> {
        let place = self.locate(path)?;
        if place.is_dir() {
            let mut files = Vec::new();
            self.list(&place, &mut files).map_err(|error| failed(path, &error))?;
            files.sort();
            let all = files.len();
            files.truncate(MOST_LINES);
            files.extend((all > MOST_LINES).then(|| format!("[{MOST_LINES} of {all} files]")));
            return Ok(if all == 0 { "[no files]".to_owned() } else { files.join("\n") });
        }
        let text = text(path, &place)?;
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let (first, all) = (offset.unwrap_or(1).max(1), lines.len());
        if first > all {
            let problem = format!("{path} has only {all} lines.");
            return if all == 0 { Ok("[empty file]".to_owned()) } else { Err(problem) };
        }
        let last = all.min(first - 1 + limit.unwrap_or(MOST_LINES).clamp(1, MOST_LINES));
        let shown = lines[first - 1..last].concat();
        Ok(if last < all { format!("{shown}[lines {first} to {last} of {all}]") } else { shown })
    }

    /// Adds the files below a folder.
    fn list(&self, folder: &Path, files: &mut Vec<String>) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let (name, path) = (entry.file_name(), entry.path());
            if name == "__pycache__" || name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            match entry.file_type()?.is_dir() {
                true => self.list(&path, files)?,
                false => files.push(path.strip_prefix(&self.project).unwrap_or(&path).display().to_string()),
            }
        }
        Ok(())
    }

    fn write(&self, Write { path, content }: &Write) -> Result<String, String> {
        let place = self.locate(path)?;
        let folder = place.parent().unwrap_or(&self.project);
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&place, content));
        written.map(|()| format!("Wrote {path}.")).map_err(|error| failed(path, &error))
    }

    fn edit(&self, Edit { path, edits }: &Edit) -> Result<String, String> {
        let place = self.locate(path)?;
        let text = text(path, &place)?;
        let find = |(index, edit): (usize, &Replacement)| {
            Ok((occurrence(&text, &edit.old_text, index + 1, path)?, index))
        };
        let mut found = edits.iter().enumerate().map(find).collect::<Result<Vec<_>, String>>()?;
        found.sort_by_key(|(range, _)| range.start);
        if let Some([(_, one), (_, other)]) =
            found.array_windows().find(|[one, other]| one.0.end > other.0.start)
        {
            return Err(format!("edits {} and {} overlap.", one.min(other) + 1, one.max(other) + 1));
        }
        let mut changed = text.clone();
        for (range, index) in found.into_iter().rev() {
            changed.replace_range(range, &edits[index].new_text);
        }
        if changed == text {
            let none = edits.is_empty();
            return Err(if none { "edits is empty." } else { "the edits change nothing." }.to_owned());
        }
        fs::write(&place, changed).map_err(|error| failed(path, &error))?;
        let plural = if edits.len() == 1 { "" } else { "s" };
        Ok(format!("Edited {path}: {} replacement{plural}.", edits.len()))
    }

    async fn run_tests(&self) -> Result<String, String> {
        let Some(test) = &self.test else { return Err("this project has no tests to run.".to_owned()) };
        // A file, not a pipe: what the tests leave running would hold that open.
        let run = async {
            let file = tempfile::NamedTempFile::new()?;
            let mut command = tokio::process::Command::new("sh");
            command.args(["-c", test]).current_dir(&self.project).stdin(Stdio::null()).kill_on_drop(true);
            let mut child =
                command.stdout(file.as_file().try_clone()?).stderr(file.as_file().try_clone()?).spawn()?;
            let status = tokio::time::timeout(Duration::from_secs(TEST_SECONDS), child.wait()).await;
            io::Result::Ok((status.ok().transpose()?, fs::read(file.path())?))
        };
        let (status, output) = run.await.map_err(|error| failed(test, &error))?;
        let end = match status.map(|status| status.code()) {
            Some(code) => format!("[exit code {}]", code.unwrap_or(-1)),
            None => format!("[stopped after {TEST_SECONDS} seconds]"),
        };
        let output = String::from_utf8_lossy(&output).trim_end().to_owned();
        let cut = output.ceil_char_boundary(output.len().saturating_sub(MOST_OUTPUT));
        let cut_off =
            if cut == 0 { String::new() } else { format!("[the first {cut} bytes are left out]\n") };
        Ok(format!("{cut_off}{}\n{end}", &output[cut..]))
    }

    /// Where a path of the project is.
    fn locate(&self, path: &str) -> Result<PathBuf, String> {
        let mut inside = PathBuf::new();
        for part in Path::new(path).strip_prefix(&self.project).unwrap_or(Path::new(path)).components() {
            match part {
                Component::Normal(name) => inside.push(name),
                Component::CurDir => {}
                Component::ParentDir if inside.pop() => {}
                _ => return Err(format!("{path} is outside the project.")),
            }
        }
        Ok(self.project.join(inside))
    }
}

/// Where a text stands, if it stands there once.
fn occurrence(text: &str, old: &str, number: usize, path: &str) -> Result<Range<usize>, String> {
    let problem = match (text.find(old), text.rfind(old)) {
        _ if old.is_empty() => "is empty.".to_owned(),
        (Some(first), Some(last)) if first == last => return Ok(first..first + old.len()),
        (Some(_), _) => {
            let times = text.matches(old).count().max(2);
            format!("is in {path} {times} times. Add lines around it until it is there once.")
        }
        _ => format!("is not in {path}. Read it and copy the text exactly."),
    };
    Err(format!("oldText of edit {number} {problem}"))
}

fn text(path: &str, place: &Path) -> Result<String, String> {
    let bytes = fs::read(place).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("there is no {path}."),
        _ => failed(path, &error),
    })?;
    String::from_utf8(bytes).map_err(|_| format!("{path} is not text."))
}

fn fit<T>(name: &str, arguments: serde_json::Result<T>) -> Result<T, String> {
    arguments.map_err(|problem| format!("the arguments of {name} are not right: {problem}."))
}

fn failed(what: impl std::fmt::Display, error: &io::Error) -> String {
    format!("{what}: {error}")
}

#[cfg(test)]
#[path = "tools_tests.rs"]
mod tests;
