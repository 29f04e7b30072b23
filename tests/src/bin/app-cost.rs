//! `cargo xtask measure app`: what the released app costs while it does nothing, and how soon it is there. Prints JSON.
//! The first argument is the checkout.
#![allow(clippy::unwrap_used, reason = "a broken measurement may panic")]

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("this measurement needs /proc and a display of its own: it runs on Linux");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::io::{BufRead, BufReader};
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    use serde_json::{Value, json};
    use shorn_tests::session::Session;

    /// How long nothing is done.
    const IDLE: Duration = Duration::from_secs(60);
    /// Starts whose median is taken.
    const STARTS: usize = 5;

    pub fn main() {
        let checkout = PathBuf::from(std::env::args_os().nth(1).unwrap());
        let release = checkout.join("target/release");
        let (hidden, shown) = idle(&release);
        let mut starts: Vec<f64> = (0..STARTS).map(|_| start(&checkout)).collect();
        starts.sort_by(f64::total_cmp);
        let results = json!({
            "idle_seconds": IDLE.as_secs(),
            "idle_window_hidden": hidden,
            "idle_window_shown": shown,
            "second_npm_start_to_window_seconds": { "median": starts[STARTS / 2], "all": starts },
        });
        println!("{results}");
    }

    /// With a model loaded and the server running: hidden as after login, then with the window shown.
    fn idle(release: &Path) -> (Value, Value) {
        let session = Session::start(&json!({}));
        let tray = session.tray_host();
        let mut app =
            session.command(release.join("shorn-app")).arg("--hidden").stderr(Stdio::null()).spawn().unwrap();
        tray.wait_for("shorn-embedded, KV cache");
        let hidden = cost(&session);
        tray.choose("Open Shorn");
        std::thread::sleep(Duration::from_secs(5));
        let shown = cost(&session);
        tray.choose("Quit Shorn");
        app.wait().unwrap();
        (hidden, shown)
    }

    fn cost(session: &Session) -> Value {
        std::thread::sleep(Duration::from_secs(5));
        let app = session.processes_of("shorn-app");
        let before = processor_seconds(&app);
        std::thread::sleep(IDLE);
        let percent = (processor_seconds(&app) - before) / IDLE.as_secs_f64() * 100.0;
        json!({
            "app_pss_megabytes": megabytes(&app),
            "app_cpu_percent": percent,
            "web_view_pss_megabytes": megabytes(&session.processes_of("WebKit")),
            "worker_pss_megabytes": megabytes(&session.processes_of("shorn")),
        })
    }

    /// Proportional set size, in megabytes of 10^6 bytes.
    fn megabytes(processes: &[u32]) -> f64 {
        let kilobytes = |process: &u32| -> f64 {
            let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
            line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0.0)
        };
        processes.iter().map(kilobytes).sum::<f64>() * 1024.0 / 1e6
    }

    /// User and system time, at the hundred ticks a second that Linux counts in.
    fn processor_seconds(processes: &[u32]) -> f64 {
        let ticks = |process: &u32| -> f64 {
            let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            // The name before may hold spaces; it ends with the last bracket. Fields 14 and 15 are what is wanted.
            let rest = text.rsplit_once(')').map_or("", |(_, rest)| rest);
            rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum()
        };
        processes.iter().map(ticks).sum::<f64>() / 100.0
    }

    /// Seconds from `npm start` on a checkout that is built until the window shows its page.
    fn start(checkout: &Path) -> f64 {
        let session = Session::start(&json!({}));
        let began = Instant::now();
        let mut npm = session.command("npm");
        let mut npm = npm
            .arg("start")
            .current_dir(checkout)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(npm.stderr.take().unwrap()).lines();
        let open = lines.map_while(Result::ok).any(|line| line.contains("the window is open"));
        let seconds = began.elapsed().as_secs_f64();
        for app in session.processes_of("shorn-app") {
            Command::new("kill").arg(app.to_string()).status().unwrap();
        }
        npm.wait().unwrap();
        assert!(open, "npm start opened no window");
        seconds
    }
}
