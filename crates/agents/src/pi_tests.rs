use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use proptest::prelude::*;
use tempfile::TempDir;

use super::models_file::tests::any_models_file;
use super::*;

const OTHERS: &str = "{\n  // mine\n  \"providers\": {\n    \"a\": {\"baseUrl\": \"http://a\"},\n  }\n}\n";

/// A home folder with Pi in it.
struct Home {
    folder: TempDir,
    pi: Pi,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pi = Pi::locate(&environment(folder.path(), None)).unwrap();
        Self { folder, pi }
    }

    fn with(text: &str) -> Self {
        let home = Self::new();
        fs::create_dir_all(home.pi.models_path().parent().unwrap()).unwrap();
        fs::write(home.pi.models_path(), text).unwrap();
        home
    }

    fn text(&self) -> String {
        fs::read_to_string(self.pi.models_path()).unwrap()
    }

    fn files(&self) -> Vec<String> {
        let files = fs::read_dir(self.pi.models_path().parent().unwrap()).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn environment(home: &Path, agent_directory: Option<&str>) -> PiEnvironment {
    PiEnvironment {
        home: Some(home.to_owned()),
        agent_directory: agent_directory.map(OsString::from),
        search_path: None,
    }
}

fn provider() -> PiProvider {
    PiProvider {
        base_url: "http://127.0.0.1:1234/v1".to_owned(),
        model: "mlx-community/Qwen3-Coder".to_owned(),
        display_name: "Qwen3 Coder".to_owned(),
        context_window: 65536,
        max_tokens: 8192,
        reasoning: true,
        images: false,
        api_key: None,
    }
}

fn other_model() -> PiProvider {
    PiProvider { model: "other".to_owned(), reasoning: false, ..provider() }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn pis_folder_is_found_as_pi_finds_it() {
    let models = |agent_directory| {
        Pi::locate(&environment(Path::new("/home/me"), agent_directory)).map(|pi| pi.models)
    };
    assert_eq!(models(None).unwrap(), Path::new("/home/me/.pi/agent/models.json"));
    assert_eq!(models(Some("")).unwrap(), Path::new("/home/me/.pi/agent/models.json"));
    assert_eq!(models(Some("/pi dir")).unwrap(), Path::new("/pi dir/models.json"));
    assert_eq!(models(Some("~/pi")).unwrap(), Path::new("/home/me/pi/models.json"));
    assert_eq!(models(Some("~")).unwrap(), Path::new("/home/me/models.json"));
    let message = models(Some("pi")).unwrap_err().to_string();
    assert!(message.ends_with("PI_CODING_AGENT_DIR is pi, which is another folder wherever Pi is started; set it to an absolute path"), "{message}");
    let error = Pi::locate(&PiEnvironment::default()).unwrap_err();
    assert!(matches!(error, PiError::NoHome), "{error}");
}

#[test]
fn without_a_file_one_is_made_for_its_owner_and_removed_again() {
    let home = Home::new();
    assert_eq!(home.pi.add(&provider()).unwrap(), PiAdded::Created);
    assert_eq!(home.text(), provider().models_json().unwrap());
    assert_eq!(mode(home.pi.models_path()), 0o600);
    assert_eq!(home.pi.add(&other_model()).unwrap(), PiAdded::Updated);
    assert_eq!(home.text(), other_model().models_json().unwrap());
    assert_eq!(home.pi.remove().unwrap(), PiRemoved::Deleted);
    assert!(home.files().is_empty());
    assert_eq!(home.pi.remove().unwrap(), PiRemoved::NothingThere);
}

#[test]
fn a_file_is_kept_as_it_was_and_comes_back_after_updates() {
    let home = Home::with(OTHERS);
    let backup = home.pi.backup_path();
    assert_eq!(home.pi.add(&provider()).unwrap(), PiAdded::Added { backup: backup.clone() });
    assert_eq!(home.pi.add(&other_model()).unwrap(), PiAdded::Updated);
    assert_eq!(fs::read_to_string(&backup).unwrap(), OTHERS);
    assert_eq!(home.pi.remove().unwrap(), PiRemoved::Restored);
    assert_eq!(home.text(), OTHERS);
    assert_eq!(home.files(), ["models.json"]);
}

#[test]
fn an_empty_file_comes_back_empty() {
    let home = Home::with("");
    home.pi.add(&provider()).unwrap();
    assert_eq!(home.pi.remove().unwrap(), PiRemoved::Restored);
    assert_eq!(home.text(), "");
}

#[test]
fn what_is_said_already_is_not_written_again() {
    let home = Home::with(OTHERS);
    home.pi.add(&provider()).unwrap();
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    let file = fs::File::options().write(true).open(home.pi.models_path()).unwrap();
    file.set_modified(long_ago).unwrap();
    fs::write(home.pi.backup_path(), "untouched").unwrap();
    assert_eq!(home.pi.add(&provider()).unwrap(), PiAdded::Unchanged);
    assert_eq!(fs::metadata(home.pi.models_path()).unwrap().modified().unwrap(), long_ago);
    assert_eq!(fs::read_to_string(home.pi.backup_path()).unwrap(), "untouched");
}

#[test]
fn what_was_written_since_stays_when_the_provider_is_removed() {
    let home = Home::with(OTHERS);
    home.pi.add(&provider()).unwrap();
    fs::write(home.pi.models_path(), format!("// later\n{}", home.text())).unwrap();
    assert_eq!(home.pi.remove().unwrap(), PiRemoved::CutOut);
    assert_eq!(home.text(), format!("// later\n{OTHERS}"));
    assert_eq!(home.files(), ["models.json", "models.json.before-shorn"]);
}

#[test]
fn the_file_and_its_backup_have_the_mode_of_the_file() {
    for expected in [0o600, 0o644, 0o640] {
        let home = Home::with(OTHERS);
        fs::set_permissions(home.pi.models_path(), fs::Permissions::from_mode(expected)).unwrap();
        home.pi.add(&provider()).unwrap();
        assert_eq!(mode(home.pi.models_path()), expected);
        assert_eq!(mode(&home.pi.backup_path()), expected);
        home.pi.remove().unwrap();
        assert_eq!(mode(home.pi.models_path()), expected);
    }
}

#[test]
fn a_link_stays_a_link_and_its_target_is_replaced() {
    let home = Home::with("");
    let dotfiles = home.folder.path().join("dotfiles");
    fs::create_dir(&dotfiles).unwrap();
    let target = dotfiles.join("pi.json");
    fs::remove_file(home.pi.models_path()).unwrap();
    symlink("../../dotfiles/pi.json", home.pi.models_path()).unwrap();
    for text in [OTHERS, ""] {
        fs::write(&target, text).unwrap();
        home.pi.add(&provider()).unwrap();
        assert!(fs::read_to_string(&target).unwrap().contains("Qwen3 Coder"));
        assert_eq!(home.pi.remove().unwrap(), PiRemoved::Restored);
        assert_eq!(fs::read_to_string(&target).unwrap(), text);
        assert!(home.pi.models_path().is_symlink());
        assert_eq!(fs::read_dir(&dotfiles).unwrap().count(), 1, "the backup is in Pi's folder");
    }
    fs::write(&target, provider().models_json().unwrap()).unwrap();
    assert_eq!(home.pi.remove().unwrap(), PiRemoved::CutOut);
    assert!(target.exists(), "a file behind a link is not ours to delete");
}

#[test]
fn a_link_to_nothing_is_refused() {
    let home = Home::with("");
    fs::remove_file(home.pi.models_path()).unwrap();
    symlink("gone.json", home.pi.models_path()).unwrap();
    let message = home.pi.add(&provider()).unwrap_err().to_string();
    assert!(
        message.ends_with("models.json: is a link to gone.json, which does not exist; bring that file back or delete the link"),
        "{message}"
    );
    assert!(matches!(
        home.pi.status(None),
        PiStatus::Unusable(PiError::File(FileError::DanglingLink { .. }))
    ));
}

#[test]
fn a_refused_file_is_named_with_line_and_column_and_stays() {
    let foreign = "{\"providers\": {\n  \"shorn\": {\"baseUrl\": \"http://x\", \"headers\": {}}}}";
    for (text, expected) in [
        ("{\n  \"a\" 1}", "models.json, line 2, column 7: Expected colon"),
        (
            "{\"providers\": []}",
            "models.json, line 1, column 15: `providers` is not an object; expected JSON as Pi reads",
        ),
        ("{\n/* a */}", "models.json, line 2, column 1: Pi reads comments after `//` only"),
        (
            foreign,
            "models.json, line 2, column 3: there is a provider `shorn` that is not as Shorn writes it: it has `headers`. Nothing was changed; rename",
        ),
    ] {
        let home = Home::with(text);
        for message in [home.pi.add(&provider()).unwrap_err(), home.pi.remove().unwrap_err()] {
            assert!(message.to_string().contains(expected), "{message}");
        }
        assert_eq!((home.text().as_str(), home.files().len()), (text, 1));
        assert!(matches!(home.pi.status(Some(&provider())), PiStatus::Unusable(_)));
    }
}

#[test]
fn a_file_that_is_not_utf_8_is_refused_at_its_first_wrong_byte() {
    let home = Home::with("");
    fs::write(home.pi.models_path(), b"{\n\"\xc3\xa9\xff\": 1}").unwrap();
    let message = home.pi.add(&provider()).unwrap_err().to_string();
    assert!(message.contains("models.json, line 2, column 3: not UTF-8;"), "{message}");
}

#[test]
fn the_status_tells_how_pi_stands_to_us() {
    let home = Home::new();
    assert!(matches!(home.pi.status(None), PiStatus::NotInstalled));
    let bin = home.folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("pi"), "").unwrap();
    let environment =
        PiEnvironment { search_path: Some(bin.into()), ..environment(home.folder.path(), None) };
    assert!(matches!(Pi::locate(&environment).unwrap().status(None), PiStatus::NotConnected));
    fs::create_dir_all(home.pi.models_path().parent().unwrap()).unwrap();
    assert!(matches!(home.pi.status(None), PiStatus::NotConnected));

    home.pi.add(&provider()).unwrap();
    let connected = |present: Option<&PiProvider>| match home.pi.status(present) {
        PiStatus::Connected { provider, current } => (*provider, current),
        status => panic!("{status:?}"),
    };
    assert_eq!(connected(Some(&provider())), (provider(), true));
    assert_eq!(connected(Some(&other_model())), (provider(), false));
    assert_eq!(connected(None), (provider(), false));
}

proptest! {
    // Each case waits for the disk several times.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 8, ..ProptestConfig::default() })]

    #[test]
    fn any_file_comes_back_byte_for_byte(text in any_models_file()) {
        let home = Home::with(&text);
        home.pi.add(&provider()).unwrap();
        home.pi.add(&other_model()).unwrap();
        prop_assert_eq!(home.pi.remove().unwrap(), PiRemoved::Restored);
        prop_assert_eq!(home.text(), text);
        prop_assert_eq!(home.files(), ["models.json"]);
    }
}
