use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::FileError;
use crate::agent::tests::environment;
use crate::config::json_tests::any_file;
use crate::provider::tests::provider;

/// Somebody's file of an agent, as that agent reads it.
fn others(agent: Agent) -> &'static str {
    match agent {
        Agent::Pi => "{\n  // mine\n  \"providers\": {\n    \"a\": {\"baseUrl\": \"http://a\"},\n  }\n}\n",
        Agent::Opencode => "{\n  /* mine */\n  \"model\": \"a/b\",\n  \"provider\": {\"a\": {},}\n}\n",
        Agent::Codex => "# mine\nmodel_reasoning_effort = \"high\"\n",
        Agent::Claude => "{\n  \"permissions\": {\"allow\": []}\n}\n",
    }
}

/// A home folder with an agent in it.
struct Home {
    folder: TempDir,
    agent: Agent,
}

impl Home {
    fn new(agent: Agent) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), agent }
    }

    fn with(agent: Agent, text: &str) -> Self {
        let home = Self::new(agent);
        fs::create_dir_all(home.connection().path().parent().unwrap()).unwrap();
        fs::write(home.connection().path(), text).unwrap();
        home
    }

    fn connection(&self) -> Connection {
        Connection::locate(self.agent, &Environment::with_home(self.folder.path())).unwrap()
    }

    fn path(&self) -> PathBuf {
        self.connection().path().to_owned()
    }

    fn backup(&self) -> PathBuf {
        self.connection().main_file().backup_path()
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    fn files(&self) -> Vec<String> {
        let files = fs::read_dir(self.path().parent().unwrap()).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn add(&self, provider: &Provider) -> Result<Added, ConnectError> {
        self.connection().add(provider)
    }

    fn remove(&self) -> Result<Removed, ConnectError> {
        self.connection().remove()
    }
}

/// A model whose entry has other fields.
fn other_model() -> Provider {
    Provider { reasoning: true, api_key: Some("k".to_owned()), ..provider("other") }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn without_files_they_are_made_for_their_owner_and_removed_again() {
    for agent in Agent::ALL {
        let home = Home::new(agent);
        assert_eq!(home.add(&provider("m")).unwrap(), Added::Created, "{agent}");
        for ConfigText { path, text } in home.connection().config(&provider("m")).unwrap() {
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            assert_eq!(mode(&path), 0o600);
        }
        assert_eq!(home.add(&other_model()).unwrap(), Added::Updated, "{agent}");
        for ConfigText { path, text } in home.connection().config(&other_model()).unwrap() {
            let value = |text: &str| match agent {
                Agent::Codex => text.lines().map(str::to_owned).collect::<std::collections::BTreeSet<_>>(),
                _ => [text.to_owned()].into(),
            };
            assert_eq!(value(&fs::read_to_string(&path).unwrap()), value(&text), "{agent}");
        }
        assert_eq!(home.add(&provider("m")).unwrap(), Added::Updated, "{agent}");
        assert_eq!(home.remove().unwrap(), Removed::Deleted, "{agent}");
        assert!(home.files().is_empty(), "{agent}: {:?}", home.files());
        assert_eq!(home.remove().unwrap(), Removed::NothingThere);
    }
}

#[test]
fn a_file_is_kept_as_it_was_and_comes_back_after_updates() {
    for agent in Agent::ALL {
        for before in [others(agent), ""] {
            let home = Home::with(agent, before);
            let backup = home.backup();
            assert_eq!(home.add(&provider("m")).unwrap(), Added::Added { backup: backup.clone() }, "{agent}");
            assert_eq!(home.add(&other_model()).unwrap(), Added::Updated);
            assert_eq!(home.add(&provider("m")).unwrap(), Added::Updated);
            assert_eq!(fs::read_to_string(&backup).unwrap(), before);
            assert_eq!(home.remove().unwrap(), Removed::Restored, "{agent}");
            assert_eq!(home.text(), before);
            assert_eq!(home.files(), [home.path().file_name().unwrap().to_str().unwrap()]);
        }
    }
}

#[test]
fn what_is_said_already_is_not_written_again() {
    for agent in Agent::ALL {
        let home = Home::with(agent, others(agent));
        home.add(&provider("m")).unwrap();
        let long_ago = std::time::SystemTime::UNIX_EPOCH;
        let file = fs::File::options().write(true).open(home.path()).unwrap();
        file.set_modified(long_ago).unwrap();
        fs::write(home.backup(), "untouched").unwrap();
        assert_eq!(home.add(&provider("m")).unwrap(), Added::Unchanged, "{agent}");
        assert_eq!(fs::metadata(home.path()).unwrap().modified().unwrap(), long_ago);
        assert_eq!(fs::read_to_string(home.backup()).unwrap(), "untouched");
    }
}

#[test]
fn what_was_written_since_stays_when_our_entry_is_removed() {
    for agent in Agent::ALL {
        let home = Home::with(agent, others(agent));
        home.add(&provider("m")).unwrap();
        let later = match agent {
            Agent::Pi | Agent::Opencode => format!("// later\n{}", home.text()),
            Agent::Codex => home.text() + "[later]\nx = 1\n",
            Agent::Claude => {
                home.text().replace("{\n  \"permissions\"", "{\n  \"later\": 1,\n  \"permissions\"")
            }
        };
        fs::write(home.path(), later).unwrap();
        assert_eq!(home.remove().unwrap(), Removed::CutOut, "{agent}");
        assert!(home.text().contains("later") && !home.text().contains("127.0.0.1"), "{}", home.text());
        assert!(home.backup().exists());
    }
}

#[test]
fn a_file_and_its_backup_have_the_mode_of_the_file() {
    for expected in [0o600, 0o644, 0o640] {
        let home = Home::with(Agent::Pi, others(Agent::Pi));
        fs::set_permissions(home.path(), fs::Permissions::from_mode(expected)).unwrap();
        home.add(&provider("m")).unwrap();
        assert_eq!(mode(&home.path()), expected);
        assert_eq!(mode(&home.backup()), expected);
        home.remove().unwrap();
        assert_eq!(mode(&home.path()), expected);
    }
}

#[test]
fn a_link_stays_a_link_and_its_target_is_replaced() {
    for agent in Agent::ALL {
        let home = Home::with(agent, "");
        let target = home.folder.path().join("dotfiles/config");
        fs::create_dir(target.parent().unwrap()).unwrap();
        fs::remove_file(home.path()).unwrap();
        symlink(&target, home.path()).unwrap();
        for text in [others(agent), ""] {
            fs::write(&target, text).unwrap();
            home.add(&provider("Qwen3")).unwrap();
            assert!(fs::read_to_string(&target).unwrap().contains("Qwen3"));
            assert_eq!(home.remove().unwrap(), Removed::Restored, "{agent}");
            assert_eq!(fs::read_to_string(&target).unwrap(), text);
            assert!(home.path().is_symlink());
            assert_eq!(
                fs::read_dir(target.parent().unwrap()).unwrap().count(),
                1,
                "the backup is beside the link"
            );
        }
        let whole = home.connection().config(&provider("m")).unwrap().pop().unwrap();
        fs::write(&target, whole.text).unwrap();
        assert_eq!(home.remove().unwrap(), Removed::CutOut);
        assert!(target.exists(), "a file behind a link is not ours to delete");
    }
}

#[test]
fn a_link_to_nothing_is_refused() {
    for agent in Agent::ALL {
        let home = Home::with(agent, "");
        fs::remove_file(home.path()).unwrap();
        symlink("gone", home.path()).unwrap();
        let message = home.add(&provider("m")).unwrap_err().to_string();
        assert!(
            message.ends_with(
                "is a link to gone, which does not exist; bring that file back or delete the link"
            ),
            "{message}"
        );
        let status = home.connection().status(None);
        let ConnectionStatus::Unusable(ConnectError::File(FileError::DanglingLink { .. })) = status else {
            panic!("{status:?}")
        };
    }
}

#[test]
fn a_write_protected_file_stays_and_is_named() {
    for agent in Agent::ALL {
        let home = Home::with(agent, others(agent));
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o444)).unwrap();
        let message = home.add(&provider("m")).unwrap_err().to_string();
        assert!(message.contains("it is write-protected; nothing was changed"), "{message}");
        assert_eq!(home.text(), others(agent));
    }
}

#[test]
fn a_refused_file_is_named_with_line_and_column_and_nothing_is_written() {
    let refused = [
        (Agent::Pi, "{\n  \"a\" 1}", "line 2, column 7: Expected colon"),
        (
            Agent::Pi,
            "{\"providers\": []}",
            "line 1, column 15: `providers` is not an object; expected a file that Pi can read. Nothing",
        ),
        (Agent::Pi, "{\n/* a */}", "line 2, column 1: comments are read after `//` only"),
        (
            Agent::Pi,
            "{\"providers\": {\n  \"shorn\": {\"headers\": {}}}}",
            "models.json, line 2, column 3: `providers.shorn` is not as Shorn writes it: it has `headers`. Nothing was changed; rename",
        ),
        (Agent::Opencode, "{\"provider\": {\"shorn\": {\"name\": \"Mine\"}}}", "its `name` is not \"Shorn\""),
        (Agent::Opencode, "[]", "opencode.json, line 1, column 1: the outermost value is not an object"),
        (Agent::Codex, "a = \n", "shorn.config.toml, line 1, column 5: "),
        (
            Agent::Codex,
            "model = \"gpt\"\n",
            "shorn.config.toml, line 1, column 1: `model` is here, and Shorn did not",
        ),
        (
            Agent::Claude,
            "// a\n{}",
            "shorn.settings.json, line 1, column 1: comments are not read in this file",
        ),
        (Agent::Claude, "{\"env\": {\"MINE\": \"1\"}}", "`env` is not as Shorn writes it: it has `MINE`"),
    ];
    for (agent, text, expected) in refused {
        let home = Home::with(agent, text);
        for message in [home.add(&provider("m")).unwrap_err(), home.remove().unwrap_err()] {
            assert!(message.to_string().contains(expected), "{message}");
        }
        assert_eq!((home.text().as_str(), home.files().len()), (text, 1), "{agent}");
        assert!(matches!(home.connection().status(Some(&provider("m"))), ConnectionStatus::Unusable(_)));
    }
}

#[test]
fn a_file_that_is_not_utf_8_is_refused_at_its_first_wrong_byte() {
    let home = Home::with(Agent::Pi, "");
    fs::write(home.path(), b"{\n\"\xc3\xa9\xff\": 1}").unwrap();
    let message = home.add(&provider("m")).unwrap_err().to_string();
    assert!(message.contains("models.json, line 2, column 3: not UTF-8;"), "{message}");
}

#[test]
fn the_status_tells_how_an_agent_stands_to_us() {
    for agent in Agent::ALL {
        let home = Home::new(agent);
        assert!(matches!(home.connection().status(None), ConnectionStatus::NotInstalled), "{agent}");
        let bin = home.folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        fs::write(bin.join(agent.program()), "").unwrap();
        let with_path = environment(&[("HOME", home.folder.path()), ("PATH", &bin)]);
        let installed = Connection::locate(agent, &with_path).unwrap();
        assert!(matches!(installed.status(None), ConnectionStatus::NotConnected));
        assert_eq!(installed.program().unwrap(), bin.join(agent.program()));
        let message = home.connection().program().unwrap_err().to_string();
        assert!(
            message.contains(&format!("no command `{}` on the PATH: install {agent}", agent.program())),
            "{message}"
        );

        home.add(&provider("m")).unwrap();
        let connected = |present: Option<&Provider>| match home.connection().status(present) {
            ConnectionStatus::Connected { model, current } => (model.unwrap(), current),
            status => panic!("{agent}: {status:?}"),
        };
        assert_eq!(connected(Some(&provider("m"))), ("m".to_owned(), true), "{agent}");
        assert_eq!(connected(Some(&other_model())), ("m".to_owned(), false));
        let longer = Provider { context_window: 131_072, ..provider("m") };
        assert_eq!(connected(Some(&longer)), ("m".to_owned(), false), "{agent}");
        assert_eq!(connected(None), ("m".to_owned(), false));
    }
}

#[test]
fn the_command_uses_our_model_by_name() {
    let command = |agent: Agent| {
        let home = Path::new("/home/my self");
        Connection::locate(agent, &Environment::with_home(home)).unwrap().command_line("org/m")
    };
    assert_eq!(command(Agent::Pi), "pi --provider shorn --model org/m");
    assert_eq!(command(Agent::Codex), "codex --profile shorn");
    assert_eq!(command(Agent::Claude), "claude --settings '/home/my self/.claude/shorn.settings.json'");
    assert_eq!(command(Agent::Opencode), "opencode --model shorn/org/m");
}

#[test]
fn a_half_connected_agent_is_connected_again_or_removed() {
    let home = Home::new(Agent::Codex);
    home.add(&provider("m")).unwrap();
    fs::remove_file(home.path()).unwrap();
    let status = home.connection().status(Some(&provider("m")));
    assert!(matches!(status, ConnectionStatus::Connected { model: None, current: false }), "{status:?}");
    assert_eq!(home.add(&provider("m")).unwrap(), Added::Created);
    fs::remove_file(home.path()).unwrap();
    assert_eq!(home.remove().unwrap(), Removed::Deleted);
    assert!(home.files().is_empty());
}

#[test]
fn the_catalog_names_the_model_of_the_profile() {
    let home = Home::new(Agent::Codex);
    home.add(&provider("m")).unwrap();
    let catalog = fs::read(home.path().with_file_name("shorn.models.json")).unwrap();
    let catalog: Value = serde_json::from_slice(&catalog).unwrap();
    assert_eq!(catalog["models"][0]["slug"], json!("m"));
    assert!(home.text().contains("model = \"m\"\n") && home.text().contains("\"shorn.models.json\""));
}

proptest! {
    // Each case waits for the disk several times.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 8, ..ProptestConfig::default() })]

    #[test]
    fn any_file_comes_back_byte_for_byte(text in any_file("provider")) {
        let home = Home::with(Agent::Opencode, &text);
        home.add(&provider("m")).unwrap();
        home.add(&other_model()).unwrap();
        prop_assert_eq!(home.remove().unwrap(), Removed::Restored);
        prop_assert_eq!(home.text(), text);
        prop_assert_eq!(home.files(), ["opencode.json"]);
    }
}
