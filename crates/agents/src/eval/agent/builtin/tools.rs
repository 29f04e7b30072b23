//! The built-in agent's tools. An `Err` is what the model reads after `Error: `.

use std::io;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use std::{env, fs};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::eval::task::RecordingTool;

/// Lines of one `read`, or files of a listing.
const MOST_LINES: usize = 400;
/// Bytes of the tests' output.
const MOST_OUTPUT: usize = 8_000;
const TEST_SECONDS: u64 = 120;

pub(super) struct Tools {
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
        let arguments: Value = serde_json::from_str(arguments).map_err(|problem| unfit(name, &problem))?;
        match name {
            "read" => read(fit(name, arguments)?),
            "write" => write(fit(name, arguments)?),
            "edit" => edit(&fit(name, arguments)?),
            "run_tests" => self.run_tests().await,
            _ => match &self.recording {
                Some(tool) if tool.name == name => {
                    let path = Path::new(&tool.file);
                    fs::write(path, arguments.to_string()).map_err(|error| failed(path.display(), &error))?;
                    Ok(tool.done())
                }
                _ => Err(format!("there is no tool {name}. There are read, write, edit and run_tests.")),
            },
        }
    }

    async fn run_tests(&self) -> Result<String, String> {
        let Some(test) = &self.test else { return Err("this project has no tests to run.".to_owned()) };
        // A file, not a pipe: what the tests leave running would hold that open.
        let run = async {
            let file = tempfile::NamedTempFile::new()?;
            let mut command = tokio::process::Command::new("sh");
            command.args(["-c", test]).stdin(Stdio::null()).kill_on_drop(true);
            let mut child = command.stdout(file.reopen()?).stderr(file.reopen()?).spawn()?;
            let status = tokio::time::timeout(Duration::from_secs(TEST_SECONDS), child.wait()).await;
            io::Result::Ok((status.ok().transpose()?, fs::read(file.path())?))
        };
        let (status, output) = run.await.map_err(|error| failed(test, &error))?;
        let end = match status.map(|status| status.code()) {
            Some(code) => format!("[exit code {}]", code.unwrap_or(-1)),
            None => format!("[stopped after {TEST_SECONDS} seconds]"),
        };
        Ok(format!("{}\n{end}", last_part(String::from_utf8_lossy(&output).trim_end())))
    }
}

fn last_part(output: &str) -> String {
    let cut = output.ceil_char_boundary(output.len().saturating_sub(MOST_OUTPUT));
    if cut == 0 {
        output.to_owned()
    } else {
        format!("[the first {cut} bytes are left out]\n{}", &output[cut..])
    }
}

fn read(Read { path, offset, limit }: Read) -> Result<String, String> {
    let place = locate(&path)?;
    if place.is_dir() {
        return list(&place).map_err(|error| failed(&path, &error));
    }
    let text = text(&path, &place)?;
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let first = offset.unwrap_or(1).max(1);
    if lines.is_empty() {
        return Ok("[empty file]".to_owned());
    }
    if first > lines.len() {
        return Err(format!("{path} has only {} lines.", lines.len()));
    }
    let last = lines.len().min(first - 1 + limit.unwrap_or(MOST_LINES).clamp(1, MOST_LINES));
    let mut shown = lines[first - 1..last].concat();
    if last < lines.len() {
        shown.push_str(&format!("[lines {first} to {last} of {}]", lines.len()));
    }
    Ok(shown)
}

fn list(folder: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if name == "__pycache__" || name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = entry.path();
            let shown = path.strip_prefix(".").unwrap_or(&path).display().to_string();
            if entry.file_type()?.is_dir() { folders.push(path) } else { files.push(shown) }
        }
    }
    files.sort();
    let all = files.len();
    files.truncate(MOST_LINES);
    files.extend((all > MOST_LINES).then(|| format!("[{MOST_LINES} of {all} files]")));
    Ok(if all == 0 { "[no files]".to_owned() } else { files.join("\n") })
}

fn write(Write { path, content }: Write) -> Result<String, String> {
    let place = locate(&path)?;
    let write = || {
        fs::create_dir_all(place.parent().unwrap_or(Path::new(".")))?;
        fs::write(&place, content)
    };
    write().map_err(|error| failed(&path, &error))?;
    Ok(format!("Wrote {path}."))
}

fn edit(Edit { path, edits }: &Edit) -> Result<String, String> {
    let place = locate(path)?;
    let text = text(path, &place)?;
    let mut found: Vec<(Range<usize>, usize)> = Vec::new();
    for (number, Replacement { old_text, .. }) in edits.iter().enumerate() {
        found.push((occurrence(&text, old_text, number + 1, path)?, number));
    }
    found.sort_by_key(|(range, _)| range.start);
    if let Some([(_, one), (_, other)]) = found.array_windows().find(|[one, other]| one.0.end > other.0.start)
    {
        let (first, second) = (one.min(other) + 1, one.max(other) + 1);
        return Err(format!("edits {first} and {second} overlap."));
    }
    let mut changed = text.clone();
    for (range, number) in found.iter().rev() {
        changed.replace_range(range.clone(), &edits[*number].new_text);
    }
    match edits.len() {
        0 => Err("edits is empty.".to_owned()),
        _ if changed == text => Err("the edits change nothing.".to_owned()),
        count => {
            fs::write(&place, changed).map_err(|error| failed(path, &error))?;
            Ok(format!("Edited {path}: {count} replacement{}.", if count == 1 { "" } else { "s" }))
        }
    }
}

/// Where a text stands, if it stands there once.
fn occurrence(text: &str, old: &str, number: usize, path: &str) -> Result<Range<usize>, String> {
    if old.is_empty() {
        return Err(format!("oldText of edit {number} is empty."));
    }
    match (text.find(old), text.rfind(old)) {
        (Some(first), Some(last)) if first == last => Ok(first..first + old.len()),
        (Some(_), _) => {
            let times = text.matches(old).count().max(2);
            Err(format!(
                "oldText of edit {number} is in {path} {times} times. Add lines around it until it is there once."
            ))
        }
        _ => Err(format!("oldText of edit {number} is not in {path}. Read it and copy the text exactly.")),
    }
}

/// A path of the project, relative to it.
fn locate(path: &str) -> Result<PathBuf, String> {
    let project = env::current_dir().map_err(|error| failed(path, &error))?;
    let mut place = PathBuf::from(".");
    for part in Path::new(path).strip_prefix(&project).unwrap_or(Path::new(path)).components() {
        match part {
            Component::Normal(name) => place.push(name),
            Component::CurDir => {}
            Component::ParentDir if place.file_name().is_some() => _ = place.pop(),
            _ => return Err(format!("{path} is outside the project.")),
        }
    }
    Ok(place)
}

fn text(path: &str, place: &Path) -> Result<String, String> {
    let bytes = fs::read(place).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("there is no {path}."),
        _ => failed(path, &error),
    })?;
    String::from_utf8(bytes).map_err(|_| format!("{path} is not text."))
}

fn fit<T: DeserializeOwned>(name: &str, arguments: Value) -> Result<T, String> {
    serde_json::from_value(arguments).map_err(|problem| unfit(name, &problem))
}

fn unfit(name: &str, problem: &serde_json::Error) -> String {
    format!("the arguments of {name} are not right: {problem}.")
}

fn failed(what: impl std::fmt::Display, error: &io::Error) -> String {
    format!("{what}: {error}")
}

#[cfg(test)]
#[path = "tools_tests.rs"]
mod tests;
