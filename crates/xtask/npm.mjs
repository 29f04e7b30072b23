// `npm start` and `npm test`: checks what must be there before Cargo can run, then hands over to `cargo xtask`.
// Everything else is Rust; this file exists because it must run before there is a Rust compiler.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir, platform } from "node:os";
import { join } from "node:path";

const NODE = [20, 19];
const RUST = [1, 95];
const PYTHON = [3, 10];
// A C++ compiler and fmt for MLX's C API, libclang for its bindings, curl and unzip for its wheel.
const DEBIAN_PACKAGES = ["g++", "libfmt-dev", "libclang-dev", "curl", "unzip", "ca-certificates"];
// The window and the icon in the panel.
const DEBIAN_APP_PACKAGES = ["libwebkit2gtk-4.1-dev", "libayatana-appindicator3-dev", "pkg-config"];
// To put MLX into a package; a display and a bus to check it with.
const DEBIAN_BUNDLE_PACKAGES = ["patchelf", "xvfb", "dbus"];
// The browser that the front end is tested in; a display, a bus and a driver for the real window; Python's own packages of
// the Hub's and of the APIs' makers; what confines the eval's agents, and lists what they leave running; what brings up the
// loopback that is all that other agents see of the network.
const DEBIAN_TEST_PACKAGES = [
  ...["chromium", "xvfb", "xauth", "dbus", "webkit2gtk-driver", "python3-venv"],
  ...["bubblewrap", "procps", "iproute2"],
];

const [task, ...options] = process.argv.slice(2);
const problems = [];

/** What a command prints, or nothing when it cannot be run. */
function output(command, ...options) {
  const result = spawnSync(command, options, { encoding: "utf8" });
  return result.status === 0 ? result.stdout : "";
}

/** Whether a version such as `v20.19.0` is at least `[major, minor]`. */
function isAtLeast(version, [major, minor]) {
  const found = version.match(/(\d+)\.(\d+)/);
  return found !== null && (Number(found[1]) > major || (Number(found[1]) === major && Number(found[2]) >= minor));
}

function checkNode() {
  if (!isAtLeast(process.version, NODE)) {
    problems.push(`Node ${NODE.join(".")} or newer is needed, this is ${process.version}: install it from https://nodejs.org`);
  }
}

function checkRust() {
  // rustup puts Cargo here; a shell that was open before may not know.
  const bin = join(homedir(), ".cargo", "bin");
  if (existsSync(join(bin, "cargo"))) process.env.PATH = `${bin}:${process.env.PATH}`;
  const version = output("cargo", "--version");
  if (version === "") {
    problems.push("Rust is needed: curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh");
  } else if (!isAtLeast(version, RUST)) {
    problems.push(`Rust ${RUST.join(".")} or newer is needed, this is ${version.trim()}: rustup update stable`);
  }
}

function checkMac() {
  if (output("xcode-select", "-p") === "") problems.push("Xcode is needed: install it, then run xcode-select --install");
  if (output("xcrun", "-f", "metal") === "") {
    problems.push("Xcode's Metal toolchain is needed: xcodebuild -downloadComponent MetalToolchain");
  }
  if (output("cmake", "--version") === "") problems.push("cmake is needed: brew install cmake");
  if (task === "test" && !isAtLeast(output("python3", "--version"), PYTHON)) {
    problems.push(`Python ${PYTHON.join(".")} or newer is needed for the tests: brew install python`);
  }
}

/** Whether `npm start` opens a window, as `cargo xtask start` decides it. */
function opensWindow() {
  return !options.includes("--server") && Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
}

function checkLinux() {
  if (output("dpkg-query", "--version") === "") {
    // Another distribution: its own packages of the same things.
    if (output("c++", "--version") === "") problems.push("a C++ compiler, fmt, libclang, curl, unzip, WebKitGTK 4.1 and Ayatana AppIndicator are needed");
    return;
  }
  const needed = [
    ...DEBIAN_PACKAGES,
    ...(task === "start" && !opensWindow() ? [] : DEBIAN_APP_PACKAGES),
    ...(task === "bundle" ? DEBIAN_BUNDLE_PACKAGES : []),
    ...(task === "test" ? DEBIAN_TEST_PACKAGES : []),
  ];
  const missing = needed.filter(
    (name) => !output("dpkg-query", "--show", "--showformat=${Status}", name).includes("install ok installed"),
  );
  if (missing.length === 0) return;
  const install = `apt-get install -y --no-install-recommends ${missing.join(" ")}`;
  if (process.getuid?.() !== 0) {
    problems.push(`packages are missing: sudo ${install}`);
    return;
  }
  console.error(`installing ${missing.join(" ")}`);
  const shell = `apt-get update -qq && DEBIAN_FRONTEND=noninteractive ${install}`;
  const result = spawnSync("sh", ["-c", shell], { stdio: ["ignore", "ignore", "inherit"] });
  if (result.status !== 0) problems.push(`packages could not be installed: ${install}`);
}

checkNode();
checkRust();
if (platform() === "darwin") checkMac();
else if (platform() === "linux") checkLinux();
else problems.push(`${platform()} is not supported: Shorn runs on macOS, and on Linux for development`);

if (problems.length > 0) {
  console.error(problems.map((problem) => `* ${problem}`).join("\n"));
  process.exit(1);
}
const result = spawnSync("cargo", ["xtask", task, ...options], { stdio: "inherit" });
process.exit(result.status ?? 1);
