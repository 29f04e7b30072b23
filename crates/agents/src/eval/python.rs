//! The Python that runs a task's tests.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, io};

use serde::Deserialize;

use super::sandbox::is_of_system;

/// Asks a Python where it is and what it needs.
const QUESTION: &str = "\
import json, site, sys
try:
    import pytest
except ImportError:
    pytest = None
print(json.dumps({
    'program': sys.executable,
    'version': sys.version.split()[0],
    'pytest': pytest and pytest.__version__,
    'folders': [sys.prefix, sys.base_prefix, sys.exec_prefix] + [path for path in sys.path if path],
    'user': site.getuserbase() if site.ENABLE_USER_SITE else None,
}))";

/// A Python with pytest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Python {
    /// The program itself, behind links and shims.
    pub(super) program: PathBuf,
    /// Folders that it reads and that are not the system's.
    pub(super) folders: Vec<PathBuf>,
    /// The person's own packages, where it looks for them.
    user: Option<PathBuf>,
}

/// There is no Python that can run the tests.
#[derive(Debug, thiserror::Error)]
pub enum NoPython {
    /// There is none.
    #[error("the tasks' tests need Python 3 with pytest, and `{program}` cannot be run: {source}")]
    Missing {
        /// What was tried.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// It does not answer as a Python would.
    #[error("`{program}` does not work as Python 3: {said}")]
    Broken {
        /// What was tried.
        program: String,
        /// What it says.
        said: String,
    },
    /// There is no pytest.
    #[error(
        "the tasks' tests need pytest, which Python {version} at {program} does not have; \
         `{program} -m pip install pytest` installs it, or name another Python with --python"
    )]
    NoPytest {
        /// The program.
        program: PathBuf,
        /// Its version.
        version: String,
    },
}

#[derive(Deserialize)]
struct Answer {
    program: PathBuf,
    version: String,
    pytest: Option<String>,
    folders: Vec<PathBuf>,
    user: Option<PathBuf>,
}

impl Python {
    /// Tries one out.
    ///
    /// # Errors
    /// When it is not there, or has no pytest.
    pub fn find(program: &Path) -> Result<Self, NoPython> {
        let name = program.display().to_string();
        let mut command = Command::new(program);
        command.args(["-c", QUESTION]).env_remove("PYTHONPATH").env_remove("PYTHONHOME").stdin(Stdio::null());
        let output =
            command.output().map_err(|source| NoPython::Missing { program: name.clone(), source })?;
        let answer: Answer = serde_json::from_slice(&output.stdout).map_err(|_| NoPython::Broken {
            program: name,
            said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })?;
        if answer.pytest.is_none() {
            return Err(NoPython::NoPytest { program: answer.program, version: answer.version });
        }
        let mut folders = answer.folders;
        folders.retain(|folder| folder.exists() && !is_of_system(folder));
        folders.sort();
        folders.dedup();
        Ok(Self { program: answer.program, folders, user: answer.user })
    }

    /// Puts `python3` and `python` into a folder, for tests that agents run by these names.
    pub(super) fn put_into(&self, folder: &Path) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        fs::create_dir_all(folder)?;
        // A link would make a virtual environment forget what it is.
        let script = format!("#!/bin/sh\nexec '{}' \"$@\"\n", self.program.display());
        for name in ["python3", "python"] {
            let path = folder.join(name);
            fs::write(&path, &script)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        }
        Ok(())
    }

    /// Variables with which pytest writes nothing but its results.
    pub(super) fn variables(&self) -> Vec<(OsString, OsString)> {
        let mut variables: Vec<(OsString, OsString)> = vec![
            ("PYTHONDONTWRITEBYTECODE".into(), "1".into()),
            ("PYTEST_ADDOPTS".into(), "-p no:cacheprovider --color=no".into()),
        ];
        variables.extend(self.user.iter().map(|user| ("PYTHONUSERBASE".into(), user.into())));
        variables
    }
}
