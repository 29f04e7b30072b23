//! Packages from npm. They are unpacked, not installed: they are self-contained bundles, and their declared dependencies
//! are not on every registry.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;
use sha2::{Digest, Sha512};

#[derive(Deserialize)]
struct Pins {
    pi: Package,
    /// These are programs, one for each platform.
    codex: BTreeMap<String, Package>,
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
    serde_json::from_str(include_str!("../../agents.json")).unwrap()
}

/// What is pinned for this platform, unpacked.
fn of_this_platform(packages: &BTreeMap<String, Package>) -> Option<PathBuf> {
    let platform = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    packages.get(&platform).map(unpacked)
}

/// Pi's folder.
pub(super) fn pi() -> PathBuf {
    unpacked(&pins().pi)
}

/// Codex' folder, where it is pinned for this platform.
pub(super) fn codex() -> Option<PathBuf> {
    of_this_platform(&pins().codex)
}

/// Claude Code's.
pub(super) fn claude() -> Option<PathBuf> {
    of_this_platform(&pins().claude)
}

/// opencode's.
pub(super) fn opencode() -> Option<PathBuf> {
    of_this_platform(&pins().opencode)
}

/// `node` where it is new enough, else one from npm.
pub(super) fn node() -> PathBuf {
    let pins = pins().node;
    let output = Command::new("node").arg("--version").output();
    let version =
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let mut numbers = version.trim().trim_start_matches('v').split('.').filter_map(|part| part.parse().ok());
    let found: [u32; 2] = [numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)];
    if found >= pins.minimum {
        return "node".into();
    }
    let packaged = of_this_platform(&pins.packages);
    packaged.unwrap_or_else(|| panic!("install Node {:?} or newer", pins.minimum)).join("bin/node")
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
