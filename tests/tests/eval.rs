//! The coding eval: `shorn eval` with the real server, a scripted model, and agents that do what they should not.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

#[path = "eval/support.rs"]
mod support;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use shorn_tests::agents::Pi;
use shorn_tests::script::Script;
use shorn_tests::server::Server;
use support::{Eval, call, task, tasks_folder};

/// A model that mends `cross-file-bug`, after one answer for the request that tries the KV cache out.
fn mends(tool: impl Fn(&str, &[(&str, &str)]) -> String) -> Vec<String> {
    let edits = json!([{ "oldText": "return sum(items) - box", "newText": "return sum(items) + box" }]);
    vec![
        "Yes.".to_owned(),
        tool("read", &[("path", "test_order.py")]),
        tool("read", &[("path", "order.py")]),
        tool("read", &[("path", "shipping.py")]),
        tool("edit", &[("path", "shipping.py"), ("edits", &edits.to_string())]),
        "The box was taken off; it is added now.".to_owned(),
    ]
}

#[test]
fn every_shipped_tasks_solution_passes_and_doing_nothing_fails() {
    let home = tempfile::tempdir().unwrap();
    let checks = Eval::without_server(home.path(), &["--check"]).json();
    let checks = checks.as_array().unwrap();
    assert!(checks.len() >= 12, "{} tasks", checks.len());
    for check in checks {
        assert_eq!(check["nothing"]["kind"], "failed", "{check}");
        assert_eq!(check["solution"]["kind"], "passed", "{check}");
        assert_eq!(check["differs"], json!([]), "{check}");
    }
}

#[test]
fn the_built_in_agent_mends_a_bug_and_every_turn_is_counted() {
    let script = Script::answers(mends(call));
    let server = Server::scripted(&script, &[]);
    let run = Eval::of(&server, &["--task", "cross-file-bug"]).json();
    assert_eq!(run["end"]["kind"], "completed");
    assert_eq!(run["agent"], "built_in");
    let task = &run["settings"][0]["tasks"][0];
    assert_eq!(task["outcome"], json!({ "kind": "passed" }), "{task}");
    assert_eq!(task["turns"], 5);
    assert!(task["prompt_tokens"].as_u64().unwrap() > task["generated_tokens"].as_u64().unwrap());
    assert_eq!(task["failed_calls"], 0);
    assert_eq!(task["unparsed_calls"], 0);
    assert_eq!(task["extra_files"], json!([]));

    let past = Eval::without_server(server.home(), &["--past"]).json();
    assert_eq!(past, json!([run]));
}

#[test]
fn pi_mends_the_same_bug_in_the_same_cell() {
    let script = Script::answers(mends(call));
    let server = Server::scripted(&script, &[]);
    let pi = Pi::install();
    let (node, pi) = pi.program();
    let run = Eval::of(&server, &["--task", "cross-file-bug", "--pi", pi.to_str().unwrap()])
        .with_path(node.parent().unwrap())
        .json();
    let task = &run["settings"][0]["tasks"][0];
    assert_eq!(run["agent"], "pi");
    assert_eq!(task["outcome"], json!({ "kind": "passed" }), "{run}");
    assert_eq!(task["turns"], 5);
    assert_eq!(task["failed_calls"], 0);
}

#[test]
fn the_built_in_agent_gets_a_tasks_own_tool_with_its_booleans_and_objects() {
    let rollout = json!({
        "percent": 12.5, "groups": ["beta", "staff"], "owner": { "name": "Zoë \"Zed\" Müller", "floor": 3 },
    });
    let rollout = rollout.to_string();
    let flag = [("name", "new-checkout"), ("enabled", "true"), ("hidden", "false"), ("rollout", &rollout)];
    let answers = ["Yes.".to_owned(), call("set_flag", &flag), "It is done.".to_owned()];
    let server = Server::scripted(&Script::answers(answers), &[]);
    let run = Eval::of(&server, &["--task", "tool-arguments"]).json();
    let task = &run["settings"][0]["tasks"][0];
    assert_eq!(task["outcome"], json!({ "kind": "passed" }), "{task}");
}

#[test]
fn a_model_that_only_says_it_is_done_fails() {
    let server = Server::scripted(&Script::answers(["All tests pass now."]), &[]);
    let run = Eval::of(&server, &["--task", "cross-file-bug,implement-from-spec"]).json();
    let tasks = run["settings"][0]["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 2);
    for task in tasks {
        assert_eq!(task["outcome"]["reason"], "tests", "{task}");
        assert!(task["outcome"]["detail"].as_str().unwrap().contains("failed"), "{task}");
    }
}

#[test]
fn calls_that_fail_and_calls_that_cannot_be_read_are_counted() {
    let edits = json!([{ "oldText": "not there", "newText": "" }]).to_string();
    let script = Script::answers([
        "Yes.".to_owned(),
        call("read", &[("path", "nowhere.py")]),
        call("edit", &[("path", "order.py"), ("edits", &edits)]),
        call("run_tests", &[]),
        "<tool_call>\nnothing that could be read</tool_call>".to_owned(),
    ]);
    let server = Server::scripted(&script, &[]);
    let run = Eval::of(&server, &["--task", "cross-file-bug"]).json();
    let task = &run["settings"][0]["tasks"][0];
    assert_eq!(task["failed_calls"], 2, "tests that fail are no failed call: {task}");
    assert_eq!(task["unparsed_calls"], 1, "{task}");
    assert_eq!(task["outcome"]["reason"], "tests");
}

#[test]
fn an_agent_that_edits_the_test_is_caught() {
    let edits = json!([{ "oldText": "== 9", "newText": "== 5" }]).to_string();
    let script = Script::answers([
        "Yes.".to_owned(),
        call("edit", &[("path", "test_order.py"), ("edits", &edits)]),
        call("run_tests", &[]),
        "The test passes.".to_owned(),
    ]);
    let server = Server::scripted(&script, &[]);
    let run = Eval::of(&server, &["--task", "cross-file-bug"]).json();
    let task = &run["settings"][0]["tasks"][0];
    assert_eq!(task["outcome"]["reason"], "tampered", "{task}");
    assert_eq!(task["extra_files"], json!(["test_order.py"]));
}

#[test]
fn an_agent_that_puts_its_own_pytest_in_the_way_does_not_pass() {
    let server = Server::scripted(&Script::answers(["Yes."]), &[]);
    let run = Eval::of(&server, &["--task", "cross-file-bug"])
        .with_program(
            "ask()\n\
             for name in ['pytest.py', 'conftest.py', 'sitecustomize.py', 'order.py']:\n\
             \x20   open(name, 'w').write('import os\\nprint(\"3 passed in 0.01s\")\\nos._exit(0)\\n')\n",
        )
        .json();
    let task = &run["settings"][0]["tasks"][0];
    assert_eq!(task["outcome"]["kind"], "failed", "{task}");
    assert_eq!(task["extra_files"], json!(["conftest.py", "order.py", "pytest.py", "sitecustomize.py"]));
}

#[test]
fn the_same_tasks_run_with_each_kv_cache() {
    let answers = mends(call).into_iter().chain(mends(call));
    let server = Server::scripted(&Script::answers(answers), &[]);
    let run = Eval::of(&server, &["--task", "cross-file-bug", "--kv", "16,k8v4"]).json();
    let settings = run["settings"].as_array().unwrap();
    assert_eq!(settings[0]["kv"], "dense");
    let quantized = json!({ "key_bits": 8, "value_bits": 4, "group_size": 64, "start": 0 });
    assert_eq!(settings[1]["kv"], json!({ "quantized": quantized }));
    for setting in settings {
        assert_eq!(setting["tasks"][0]["outcome"]["kind"], "passed", "{setting}");
    }
    // What the server was really asked for is in its log.
    let requests = server.log();
    assert!(requests.contains("chat/completions"), "{requests}");
}

#[test]
fn a_kv_cache_that_the_model_cannot_take_is_refused_by_name() {
    let server = Server::scripted(&Script::answers(["Yes."]), &[]);
    let eval = Eval::of(&server, &["--task", "cross-file-bug", "--kv", "8", "--kv-group-size", "128"]);
    let said = eval.error();
    assert!(said.contains("group size 128 does not divide"), "{said}");
}

#[test]
fn an_agent_that_asks_too_often_is_ended_at_the_turn_limit() {
    let server = Server::scripted(&Script::answers(["Yes.".to_owned(), call("run_tests", &[])]), &[]);
    let tasks = tasks_folder(&[("endless", &task("turns = 3\nseconds = 300"))]);
    let run = Eval::of(&server, &["--tasks", tasks.path().to_str().unwrap()]).json();
    let task = &run["settings"][0]["tasks"][0];
    assert_eq!(task["outcome"]["reason"], "turn_limit", "{task}");
    assert_eq!(task["turns"], 3);
}

#[test]
fn a_hung_agent_is_ended_with_all_that_it_started() {
    let server = Server::scripted(&Script::answers(["Yes."]), &[]);
    let tasks = tasks_folder(&[("hang", &task("turns = 5\nseconds = 3"))]);
    let mark = support::mark();
    let run = Eval::of(&server, &["--tasks", tasks.path().to_str().unwrap()])
        .with_program(&format!(
            "import signal, subprocess, time\n\
             signal.signal(signal.SIGTERM, signal.SIG_IGN)\n\
             subprocess.Popen(['sh', '-c', 'while :; do sleep 1; done', '{mark}'], start_new_session=True)\n\
             while True: time.sleep(1)\n"
        ))
        .json();
    assert_eq!(run["settings"][0]["tasks"][0]["outcome"]["reason"], "time_limit", "{run}");
    assert_eq!(support::left_running(&mark), Vec::<String>::new());
}

/// An agent that tries to write into `outside` in three ways.
fn writes_outside(outside: &Path, mark: &str) -> String {
    format!(
        "import os, subprocess\n\
         ask()\n\
         outside = {outside:?}\n\
         def attempt(path):\n\
         \x20   try:\n\
         \x20       open(path, 'w').write('here')\n\
         \x20   except OSError as error:\n\
         \x20       print(error)\n\
         attempt(outside + '/directly')\n\
         os.symlink(outside, 'link')\n\
         attempt('link/by-a-link')\n\
         loop = 'while :; do echo here > \"' + outside + '/by-a-child\"; sleep 0.1; done'\n\
         subprocess.Popen(['sh', '-c', loop, {mark:?}], start_new_session=True)\n\
         open('done.txt', 'w').write('done')\n"
    )
}

#[test]
fn an_agent_cannot_write_outside_directly_by_a_link_or_by_a_child_that_outlives_it() {
    let server = Server::scripted(&Script::answers(["Yes."]), &[]);
    let tasks = tasks_folder(&[("outside", &task("turns = 5\nseconds = 120"))]);
    let (outside, mark) = (tempfile::tempdir().unwrap(), support::mark());
    let run = Eval::of(&server, &["--tasks", tasks.path().to_str().unwrap()])
        .with_program(&writes_outside(outside.path(), &mark))
        .json();
    let task = &run["settings"][0]["tasks"][0];
    assert_eq!(task["outcome"]["kind"], "passed", "it did its task: {task}");
    assert_eq!(task["extra_files"], json!(["link"]));
    assert_eq!(support::left_running(&mark), Vec::<String>::new());
    let written: Vec<_> =
        fs::read_dir(outside.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(written.is_empty(), "{written:?}");
}

#[test]
fn unconfined_it_can_write_outside_and_its_child_is_ended_all_the_same() {
    let server = Server::scripted(&Script::answers(["Yes."]), &[]);
    let tasks = tasks_folder(&[("outside", &task("turns = 5\nseconds = 120"))]);
    let (outside, mark) = (tempfile::tempdir().unwrap(), support::mark());
    let run = Eval::of(&server, &["--unconfined", "--tasks", tasks.path().to_str().unwrap()])
        .with_program(&writes_outside(outside.path(), &mark))
        .json();
    assert_eq!(run["confinement"], "none");
    assert_eq!(run["settings"][0]["tasks"][0]["outcome"]["kind"], "passed", "{run}");
    assert!(outside.path().join("directly").exists() && outside.path().join("by-a-link").exists());
    assert_eq!(support::left_running(&mark), Vec::<String>::new());
}

#[test]
fn an_agent_reaches_the_model_and_nothing_else() {
    let server = Server::scripted(&Script::answers(["Yes."]), &[]);
    let tasks = tasks_folder(&[("connect", &task("turns = 5\nseconds = 120"))]);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let run = Eval::of(&server, &["--tasks", tasks.path().to_str().unwrap()])
        .with_program(&format!(
            "import socket\n\
             ask()\n\
             for port in [{port}, {}]:\n\
             \x20   try:\n\
             \x20       socket.create_connection(('127.0.0.1', port), 5)\n\
             \x20       open(f'reached-{{port}}', 'w')\n\
             \x20   except OSError: pass\n\
             for path in ['/v1/models', '/api/status', '/api/models/unload']:\n\
             \x20   try:\n\
             \x20       get(path)\n\
             \x20       open('reached-' + path.replace('/', '-'), 'w')\n\
             \x20   except urllib.error.HTTPError: pass\n\
             open('done.txt', 'w').write('done')\n",
            server.port
        ))
        .json();
    let task = &run["settings"][0]["tasks"][0];
    assert_eq!(task["turns"], 1, "it reached the model: {task}");
    assert_eq!(task["outcome"]["kind"], "passed", "{task}");
    assert_eq!(task["extra_files"], json!([]), "these were reached");
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
#[cfg(target_os = "linux")]
fn an_agent_cannot_see_the_tests_that_decide_nor_the_executable_that_holds_them() {
    let server = Server::scripted(&Script::answers(["Yes."]), &[]);
    let tasks = tasks_folder(&[("look", &task("turns = 5\nseconds = 120"))]);
    let folder = tasks.path().to_str().unwrap();
    let run = Eval::of(&server, &["--tasks", folder])
        .with_program(&format!(
            "import glob\n\
             ask()\n\
             def saw(path):\n\
             \x20   if not os.path.isfile(path): return False\n\
             \x20   try:\n\
             \x20       with open(path, 'rb') as file: found = file.read()\n\
             \x20   except OSError: return False\n\
             \x20   return b'SHORN_EVAL_CELL' in found and not path.endswith('environ')\n\
             places = [{:?}] + glob.glob('/proc/[0-9]*/exe') + glob.glob('/proc/[0-9]*/fd/*')\n\
             for path in places:\n\
             \x20   if saw(path): open('saw-' + path.replace('/', '-'), 'w')\n\
             if glob.glob({folder:?} + '/*') or glob.glob('/oracle/*'): open('saw-tasks', 'w')\n\
             open('done.txt', 'w').write('done')\n",
            shorn_tests::server::shorn()
        ))
        .json();
    let task = &run["settings"][0]["tasks"][0];
    assert_eq!(task["outcome"]["kind"], "passed", "{task}");
    assert_eq!(task["extra_files"], json!([]), "these were seen");
}

#[test]
#[cfg(target_os = "linux")]
fn where_nothing_confines_it_is_refused_with_the_way_out() {
    let home = tempfile::tempdir().unwrap();
    let said = Eval::without_server(home.path(), &["--check"]).without_path().error();
    assert!(said.contains("bubblewrap is not installed") && said.contains("--unconfined"), "{said}");
}

#[test]
fn without_pytest_it_is_told_how_to_get_it() {
    let home = tempfile::tempdir().unwrap();
    let python = shorn_hub_tests::python::environment("without-pytest", "").unwrap();
    let said = Eval::without_server(home.path(), &["--check"]).with_python(&python).error();
    assert!(said.contains("-m pip install pytest"), "{said}");
}

#[test]
fn a_task_that_is_not_there_is_told_with_those_that_are() {
    let home = tempfile::tempdir().unwrap();
    let said = Eval::without_server(home.path(), &["--check", "--task", "cross-file-bag"]).error();
    assert!(said.contains("no task `cross-file-bag`") && said.contains("cross-file-bug"), "{said}");
}

#[test]
fn without_a_server_it_is_told_to_start_one() {
    let home = tempfile::tempdir().unwrap();
    let port = shorn_tests::server::free_port().to_string();
    let said = Eval::without_server(home.path(), &["--port", &port]).error();
    assert!(said.contains("start one with `shorn serve`"), "{said}");
}

/// Nobody may rely on the order of keys, but a person reads the file.
#[test]
fn a_run_is_kept_as_json_that_a_person_can_read() {
    let server = Server::scripted(&Script::answers(["Nothing to do."]), &[]);
    let run = Eval::of(&server, &["--task", "answer-only"]).json();
    let id = run["id"].as_str().unwrap();
    let kept = fs::read_to_string(server.home().join("evals").join(format!("{id}.json"))).unwrap();
    assert!(kept.lines().count() > 20, "{kept}");
    assert_eq!(serde_json::from_str::<Value>(&kept).unwrap(), run);
}
