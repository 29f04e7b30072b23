//! The answers of the tools, as `RESULTS.md` has them.

use serde_json::json;
use tempfile::TempDir;

use super::*;

/// A project with these files.
fn project(files: &[(&str, &str)]) -> (TempDir, Tools) {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().canonicalize().unwrap();
    for (path, text) in files {
        fs::create_dir_all(project.join(path).parent().unwrap()).unwrap();
        fs::write(project.join(path), text).unwrap();
    }
    (folder, Tools { project, test: None, recording: None })
}

async fn call(tools: &Tools, name: &str, arguments: Value) -> Result<String, String> {
    tools.call(name, &arguments.to_string()).await
}

async fn edit(text: &str, edits: &[(&str, &str)]) -> (Result<String, String>, String) {
    let (folder, tools) = project(&[("a.py", text)]);
    let edits: Vec<Value> =
        edits.iter().map(|(old, new)| json!({ "oldText": old, "newText": new })).collect();
    let answer = call(&tools, "edit", json!({ "path": "a.py", "edits": edits })).await;
    (answer, fs::read_to_string(folder.path().join("a.py")).unwrap())
}

fn error(problem: &str) -> Result<String, String> {
    Err(problem.to_owned())
}

#[tokio::test]
async fn reading_gives_the_bytes_and_says_which_lines_when_there_are_more() {
    let (_folder, tools) = project(&[("a.txt", "one\n\ttwo\r\nthree"), ("empty", "")]);
    let read = |arguments: Value| call(&tools, "read", arguments);
    assert_eq!(read(json!({ "path": "a.txt" })).await.unwrap(), "one\n\ttwo\r\nthree");
    assert_eq!(
        read(json!({ "path": "./a.txt", "offset": 2, "limit": 1 })).await.unwrap(),
        "\ttwo\r\n[lines 2 to 2 of 3]"
    );
    assert_eq!(read(json!({ "path": "a.txt", "offset": 3 })).await.unwrap(), "three");
    assert_eq!(read(json!({ "path": "a.txt", "offset": 4 })).await, error("a.txt has only 3 lines."));
    assert_eq!(read(json!({ "path": "empty" })).await.unwrap(), "[empty file]");
    assert_eq!(read(json!({ "path": "b.txt" })).await, error("there is no b.txt."));
}

#[tokio::test]
async fn a_read_is_at_most_400_lines() {
    let text: String = (1..=1500).map(|line| format!("{line}\n")).collect();
    let (_folder, tools) = project(&[("long", &text)]);
    let shown = call(&tools, "read", json!({ "path": "long", "limit": 1000 })).await.unwrap();
    assert!(shown.starts_with("1\n2\n") && shown.ends_with("\n400\n[lines 1 to 400 of 1500]"));
}

#[tokio::test]
async fn a_folder_is_its_files_sorted_without_hidden_ones() {
    let files =
        [("b.py", ""), ("sub/deep/c.py", ""), (".git/x", ""), ("__pycache__/b.pyc", ""), ("a.py", "")];
    let (_folder, tools) = project(&files);
    assert_eq!(call(&tools, "read", json!({ "path": "." })).await.unwrap(), "a.py\nb.py\nsub/deep/c.py");
    assert_eq!(call(&tools, "read", json!({ "path": "sub/" })).await.unwrap(), "sub/deep/c.py");
}

#[tokio::test]
async fn paths_stay_in_the_project_however_they_are_written() {
    let (folder, tools) = project(&[("a.py", "a")]);
    let project = folder.path().canonicalize().unwrap();
    let read = |path: String| call(&tools, "read", json!({ "path": path }));
    assert_eq!(read(project.join("a.py").display().to_string()).await.unwrap(), "a");
    assert_eq!(read("sub/../a.py".to_owned()).await.unwrap(), "a");
    assert_eq!(read("../a.py".to_owned()).await, error("../a.py is outside the project."));
    assert_eq!(read("/etc/passwd".to_owned()).await, error("/etc/passwd is outside the project."));
}

#[tokio::test]
async fn writing_makes_folders_and_replaces_what_was_there() {
    let (folder, tools) = project(&[("a.py", "old")]);
    for path in ["a.py", "new/folder/b.py"] {
        let answer = call(&tools, "write", json!({ "path": path, "content": "é\n" })).await;
        assert_eq!(answer.unwrap(), format!("Wrote {path}."));
        assert_eq!(fs::read_to_string(folder.path().join(path)).unwrap(), "é\n");
    }
}

#[tokio::test]
async fn edits_are_made_together_on_the_file_as_it_was() {
    let (answer, text) = edit("a = 1\nb = 2\n", &[("b = 2", "a = 1"), ("a = 1", "b = 2")]).await;
    assert_eq!(answer.unwrap(), "Edited a.py: 2 replacements.");
    assert_eq!(text, "b = 2\na = 1\n");
    let (answer, text) = edit("a = 1\n", &[("a = 1\n", "")]).await;
    assert_eq!((answer.unwrap().as_str(), text.as_str()), ("Edited a.py: 1 replacement.", ""));
}

#[tokio::test]
async fn an_edit_that_does_not_fit_changes_nothing_and_says_what_to_do() {
    let cases: [(&[(&str, &str)], &str); 6] = [
        (&[], "edits is empty."),
        (&[("x", "y"), ("", "z")], "oldText of edit 2 is empty."),
        (&[("xyz", "y")], "oldText of edit 1 is not in a.py. Read it and copy the text exactly."),
        (&[("y", "z")], "oldText of edit 1 is in a.py 2 times. Add lines around it until it is there once."),
        (&[("x", "x")], "the edits change nothing."),
        (&[("y1", "z"), ("x y", "z")], "edits 1 and 2 overlap."),
    ];
    for (edits, problem) in cases {
        let (answer, text) = edit("x y1 y2", edits).await;
        assert_eq!((answer, text.as_str()), (error(problem), "x y1 y2"));
    }
}

#[tokio::test]
async fn a_text_that_overlaps_itself_is_there_more_than_once() {
    let (answer, _) = edit("aaa", &[("aa", "b")]).await;
    assert!(answer.unwrap_err().contains("2 times"));
}

#[tokio::test]
async fn tests_give_their_output_and_how_they_ended() {
    let (_folder, mut tools) = project(&[("a.py", "")]);
    assert_eq!(call(&tools, "run_tests", json!({})).await, error("this project has no tests to run."));
    tools.test = Some("echo one; ls; echo two >&2; exit 3".to_owned());
    assert_eq!(call(&tools, "run_tests", json!({})).await.unwrap(), "one\na.py\ntwo\n[exit code 3]");
    tools.test = Some("head -c 9000 /dev/zero | tr '\\0' x".to_owned());
    let long = call(&tools, "run_tests", json!({})).await.unwrap();
    assert!(
        long.starts_with("[the first 1000 bytes are left out]\nxxx") && long.ends_with("x\n[exit code 0]")
    );
}

#[tokio::test]
async fn tests_that_leave_something_running_are_not_waited_for() {
    let (_folder, mut tools) = project(&[]);
    tools.test = Some("sleep 600 & echo $!".to_owned());
    let answer = call(&tools, "run_tests", json!({})).await.unwrap();
    let id = answer.lines().next().unwrap();
    assert!(std::process::Command::new("kill").arg(id).status().unwrap().success());
}

#[tokio::test]
async fn what_is_no_call_of_a_tool_is_told_so() {
    let (_folder, tools) = project(&[]);
    assert_eq!(
        call(&tools, "read", json!({})).await,
        error("the arguments of read are not right: missing field `path`.")
    );
    assert_eq!(
        call(&tools, "bash", json!({})).await,
        error("there is no tool bash. There are read, write, edit and run_tests.")
    );
    assert!(tools.call("read", "{\"path\":").await.unwrap_err().starts_with("the arguments of read"));
}
