//! Where models are looked for.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folders that hold models. None of them needs to exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// Shorn's own: `org/name` or `name` inside it.
    pub own: PathBuf,
    /// The Hugging Face cache, the folder called `hub`: `models--org--name` inside it.
    pub hugging_face: PathBuf,
    /// LM Studio's models folder: `publisher/name` inside it.
    pub lm_studio: PathBuf,
    /// Where the embedded model is, once it is [unpacked](crate::embedded::unpack).
    pub embedded: Option<PathBuf>,
}

impl Folders {
    /// The folders of a person with this home folder; `data_directory` is Shorn's, `variable` looks up environment
    /// variables.
    ///
    /// - Own: `models` in the data folder.
    /// - Hugging Face: `HF_HUB_CACHE`, else its older name `HUGGINGFACE_HUB_CACHE`, else `hub` in `HF_HOME`, else
    ///   `huggingface/hub` in `XDG_CACHE_HOME`, else in `~/.cache` (as huggingface_hub's `constants.py` has it).
    /// - LM Studio: what its `settings.json` names, else `models` in its home. That is `LMSTUDIO_HOME`, else what
    ///   `~/.lmstudio-home-pointer` names, else `~/.cache/lm-studio` if it is there, else `~/.lmstudio` (as lmstudio-js'
    ///   `findLMStudioHome.ts` has it).
    ///
    /// An empty variable counts as not set, and a leading `~` stands for the home folder.
    pub fn new(data_directory: &Path, home: &Path, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| {
            let value = variable(name).filter(|value| !value.is_empty())?;
            Some(from_home(home, Path::new(&value)))
        };
        Self {
            own: data_directory.join("models"),
            hugging_face: hub_cache(home, &set),
            lm_studio: lm_studio_models(&lm_studio_home(home, &set)),
            embedded: None,
        }
    }
}

fn from_home(home: &Path, path: &Path) -> PathBuf {
    match path.strip_prefix("~") {
        Ok(rest) => home.join(rest),
        Err(_) => path.to_owned(),
    }
}

fn hub_cache(home: &Path, set: &impl Fn(&str) -> Option<PathBuf>) -> PathBuf {
    set("HF_HUB_CACHE").or_else(|| set("HUGGINGFACE_HUB_CACHE")).unwrap_or_else(|| {
        let cache = || set("XDG_CACHE_HOME").unwrap_or_else(|| home.join(".cache")).join("huggingface");
        set("HF_HOME").unwrap_or_else(cache).join("hub")
    })
}

fn lm_studio_home(home: &Path, set: &impl Fn(&str) -> Option<PathBuf>) -> PathBuf {
    let pointer = || {
        let text = fs::read_to_string(home.join(".lmstudio-home-pointer")).ok()?;
        let path = text.trim();
        (!path.is_empty()).then(|| PathBuf::from(path))
    };
    let old = || Some(home.join(".cache/lm-studio")).filter(|folder| folder.is_dir());
    set("LMSTUDIO_HOME").or_else(pointer).or_else(old).unwrap_or_else(|| home.join(".lmstudio"))
}

fn lm_studio_models(lm_studio: &Path) -> PathBuf {
    let chosen = || {
        let settings: Value =
            serde_json::from_slice(&fs::read(lm_studio.join("settings.json")).ok()?).ok()?;
        let folder = settings.get("downloadsFolder")?.as_str()?;
        (!folder.is_empty()).then(|| PathBuf::from(folder))
    };
    chosen().unwrap_or_else(|| lm_studio.join("models"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(home: &Path, variables: &[(&str, &str)]) -> Folders {
        Folders::new(&home.join("data"), home, |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn without_variables_the_folders_are_the_tools_own_defaults() {
        let home = tempfile::tempdir().unwrap();
        let folders = with(home.path(), &[]);
        assert_eq!(folders.hugging_face, home.path().join(".cache/huggingface/hub"));
        assert_eq!(folders.lm_studio, home.path().join(".lmstudio/models"));
        assert!(folders.own.ends_with("models") && folders.own.starts_with(home.path()));
    }

    #[test]
    fn the_cache_variables_win_in_the_order_that_the_hubs_own_library_gives_them() {
        let home = Path::new("/home/ada");
        let all = [
            ("HF_HUB_CACHE", "/a"),
            ("HUGGINGFACE_HUB_CACHE", "/b"),
            ("HF_HOME", "/c"),
            ("XDG_CACHE_HOME", "/d"),
        ];
        let expected = ["/a", "/b", "/c/hub", "/d/huggingface/hub", "/home/ada/.cache/huggingface/hub"];
        for (skipped, expected) in expected.into_iter().enumerate() {
            assert_eq!(with(home, &all[skipped..]).hugging_face, Path::new(expected));
        }
    }

    #[test]
    fn a_tilde_is_the_home_folder_and_an_empty_variable_is_none() {
        let folders = with(Path::new("/home/ada"), &[("HF_HUB_CACHE", ""), ("HF_HOME", "~/hf")]);
        assert_eq!(folders.hugging_face, Path::new("/home/ada/hf/hub"));
    }

    #[test]
    fn shorns_own_models_are_in_its_data_folder() {
        assert_eq!(with(Path::new("/h"), &[]).own, Path::new("/h/data/models"));
    }

    #[test]
    fn lm_studios_pointer_and_settings_are_followed() {
        let home = tempfile::tempdir().unwrap();
        let lm_studio = home.path().join("elsewhere");
        fs::create_dir(&lm_studio).unwrap();
        let pointer = format!("{}\n", lm_studio.display());
        fs::write(home.path().join(".lmstudio-home-pointer"), pointer).unwrap();
        assert_eq!(with(home.path(), &[]).lm_studio, lm_studio.join("models"));
        fs::write(lm_studio.join("settings.json"), r#"{"downloadsFolder": "/Volumes/Models"}"#).unwrap();
        assert_eq!(with(home.path(), &[]).lm_studio, Path::new("/Volumes/Models"));
    }

    #[test]
    fn lm_studios_older_home_is_taken_where_it_is_there() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join(".cache/lm-studio")).unwrap();
        assert_eq!(with(home.path(), &[]).lm_studio, home.path().join(".cache/lm-studio/models"));
    }
}
