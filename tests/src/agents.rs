//! Real agents from npm, in exactly the versions that `agents.json` pins.
//!
//! They are unpacked, not installed: their packages are self-contained bundles, and their declared dependencies are not
//! on every registry.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use sha2::{Digest, Sha512};

#[derive(Deserialize)]
struct Pins {
    pi: Package,
    /// For each platform.
    codex: BTreeMap<String, Package>,
    /// Claude Code is a program of its own for each platform.
    claude: BTreeMap<String, Package>,
    opencode: BTreeMap<String, Package>,
    node: NodePackages,
}

/// One package: what npm calls it and what its archive must hash to.
#[derive(Deserialize, Clone)]
struct Package {
    name: String,
    version: String,
    /// SHA-512 of the archive, in hexadecimal.
    sha512: String,
}

/// Node for each platform, for where the installed one is too old for the agents.
#[derive(Deserialize)]
struct NodePackages {
    /// The oldest version that will do.
    minimum: [u32; 2],
    packages: BTreeMap<String, Package>,
}

fn pins() -> Pins {
    serde_json::from_str(include_str!("../agents.json")).unwrap()
}

/// What is pinned for this platform.
fn of_this_platform<'a>(packages: &'a BTreeMap<String, Package>, what: &str) -> &'a Package {
    let platform = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    packages.get(&platform).unwrap_or_else(|| panic!("no {what} pinned for {platform}"))
}

/// The Pi coding agent and a Node that can run it.
pub struct Pi {
    node: PathBuf,
    script: PathBuf,
}

impl Pi {
    /// Fetches it, unless it is there.
    pub fn install() -> Self {
        let pins = pins();
        Self { node: node(&pins.node), script: unpacked(&pins.pi).join("dist/bundle/cli.js") }
    }

    /// Its Node and its script.
    pub fn program(&self) -> (&Path, &Path) {
        (&self.node, &self.script)
    }

    /// A command that runs Pi in print mode against a server, with a home of its own and no word to the outside.
    pub fn command(&self, home: &Path, project: &Path) -> Command {
        let mut command = Command::new(&self.node);
        command
            .arg(&self.script)
            .current_dir(project)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home)
            .env("PI_OFFLINE", "1")
            .env("PI_TELEMETRY", "0")
            .env("PI_SKIP_VERSION_CHECK", "1");
        command
    }
}

/// The Codex coding agent.
pub struct Codex {
    program: PathBuf,
}

impl Codex {
    /// Fetches it, unless it is there.
    pub fn install() -> Self {
        let vendor = unpacked(of_this_platform(&pins().codex, "Codex")).join("vendor");
        // The one folder in it is named after the platform.
        let platform = fs::read_dir(vendor).unwrap().next().unwrap().unwrap().path();
        Self { program: platform.join("bin/codex") }
    }

    /// A command that runs Codex without questions in `project`, with a home of its own.
    pub fn command(&self, home: &Path, project: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"])
            .current_dir(project)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home)
            .env("CODEX_HOME", home);
        command
    }
}

/// Claude Code.
pub struct Claude {
    program: PathBuf,
}

impl Claude {
    /// Fetches it, unless it is there.
    pub fn install() -> Self {
        Self { program: unpacked(of_this_platform(&pins().claude, "Claude Code")).join("claude") }
    }

    /// A command that runs it in print mode against a server, with a home of its own, four tools that need no
    /// permission, and no word to the outside.
    pub fn command(&self, server: &str, model: &str, home: &Path, project: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["--tools", "Bash,Read,Edit,Write", "--permission-mode", "bypassPermissions", "-p"])
            .current_dir(project)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home)
            // Else it refuses to run as root without asking for permissions.
            .env("IS_SANDBOX", "1")
            .env("ANTHROPIC_BASE_URL", server)
            .env("ANTHROPIC_AUTH_TOKEN", "local")
            .env("ANTHROPIC_MODEL", model)
            .env("CLAUDE_CODE_MAX_CONTEXT_TOKENS", "65536")
            .env("CLAUDE_CODE_MAX_OUTPUT_TOKENS", "8192")
            .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
            .env("DISABLE_TELEMETRY", "1")
            .env("DISABLE_ERROR_REPORTING", "1")
            .env("DISABLE_AUTOUPDATER", "1")
            .env("ENABLE_TOOL_SEARCH", "false");
        command
    }
}

/// Puts an agent's command into a folder, as its installation puts it on the `PATH`; false where the agent is not pinned
/// for this platform.
pub fn put_command(name: &str, folder: &Path) -> bool {
    let pins = pins();
    let platform = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    let program = match name {
        "pi" => {
            let Pi { node, script } = Pi::install();
            format!("{}' '{}", node.display(), script.display())
        }
        "codex" if pins.codex.contains_key(&platform) => Codex::install().program.display().to_string(),
        "claude" if pins.claude.contains_key(&platform) => Claude::install().program.display().to_string(),
        "opencode" if pins.opencode.contains_key(&platform) => {
            unpacked(&pins.opencode[&platform]).join("bin/opencode").display().to_string()
        }
        _ => return false,
    };
    let command = folder.join(name);
    fs::write(&command, format!("#!/bin/sh\nexec '{program}' \"$@\"\n")).unwrap();
    fs::set_permissions(command, fs::Permissions::from_mode(0o755)).unwrap();
    true
}

/// `node` where it is new enough, else one from npm.
fn node(pins: &NodePackages) -> PathBuf {
    let output = Command::new("node").arg("--version").output();
    let version =
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let mut numbers = version.trim().trim_start_matches('v').split('.').filter_map(|part| part.parse().ok());
    let found: [u32; 2] = [numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)];
    if found >= pins.minimum {
        return "node".into();
    }
    let wanted = format!("Node (nor is {:?} or newer installed)", pins.minimum);
    unpacked(of_this_platform(&pins.packages, &wanted)).join("bin/node")
}

/// The folder of a package's files, fetched by `npm pack` and checked on first use.
fn unpacked(package: &Package) -> PathBuf {
    let name = package.name.trim_start_matches('@').replace('/', "-");
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"));
    let folder = cache.join("shorn/agents").join(format!("{name}-{}", package.version));
    fs::create_dir_all(folder.parent().unwrap()).unwrap();
    let lock = fs::File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    if folder.join("package").is_dir() {
        return folder.join("package");
    }
    let making = tempfile::tempdir_in(folder.parent().unwrap()).unwrap();
    let packed = Command::new("npm")
        .args(["pack", "--silent", &format!("{}@{}", package.name, package.version)])
        .current_dir(making.path())
        .status()
        .unwrap();
    assert!(packed.success(), "npm pack {} failed", package.name);
    let archive = making.path().join(format!("{name}-{}.tgz", package.version));
    let found = Sha512::digest(fs::read(&archive).unwrap());
    let found: String = found.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(found, package.sha512, "{} {} is not what was pinned", package.name, package.version);
    let unpacked = Command::new("tar").arg("xzf").arg(&archive).current_dir(making.path()).status().unwrap();
    assert!(unpacked.success(), "tar failed on {}", archive.display());
    fs::remove_file(archive).unwrap();
    fs::rename(making.keep(), &folder).unwrap();
    folder.join("package")
}
