//! The processes of an nginx under test: started together, and ended together whatever happens.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::{Builder, nginx_version};
use crate::http::TIMEOUT;
use crate::procfs;
use crate::wait_until;

/// How long nginx gets to end by itself before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// The processes of one nginx: the master is the leader of a process group that all of them, and
/// no others, belong to.
#[derive(Debug)]
pub(super) struct Process {
    master: Child,
    group: i32,
}

/// The workers of a master, by what their process titles say.
#[derive(Debug, Default)]
pub(super) struct Workers {
    pub(super) serving: Vec<i32>,
    pub(super) leaving: Vec<i32>,
}

impl Process {
    /// Starts nginx in its folder and waits until it accepts connections; `Err` holds what it
    /// printed when it ended instead.
    #[track_caller]
    pub(super) fn start(
        dir: &Path,
        builder: &Builder,
        ports: &[(String, u16)],
    ) -> Result<Self, String> {
        let stderr = dir.join("stderr.log");
        let mut command = command(dir, builder.environment());
        command
            .stderr(File::create(&stderr).unwrap_or_else(|e| panic!("{}: {e}", stderr.display())))
            .process_group(0);
        let master = spawn(command);
        let group = master.id().cast_signed();
        let mut process = Self { master, group };

        let start = Instant::now();
        while !process.serves(dir, builder, ports) {
            let ended = process.master.try_wait().ok().flatten();
            let logged = fs::read_to_string(dir.join("error.log")).unwrap_or_default();
            // nginx itself would try the same port for two and a half seconds more.
            if ended.is_some() || is_port_in_use(&logged) {
                let printed = printed(&fs::read(&stderr).unwrap_or_default());
                let status = ended.map(|status| status.to_string()).unwrap_or_default();
                return Err(format!("{printed}{logged}{status}"));
            }
            assert!(
                start.elapsed() < TIMEOUT,
                "nginx has not started within {TIMEOUT:?}"
            );
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(process)
    }

    pub(super) fn master(&self) -> i32 {
        self.master.id().cast_signed()
    }

    pub(super) fn workers(&self) -> Workers {
        let mut workers = Workers::default();
        for pid in self.left() {
            let title = procfs::title(pid).unwrap_or_default();
            if title.starts_with("nginx: worker process is shutting down") {
                workers.leaving.push(pid);
            } else if title.starts_with("nginx: worker process") {
                workers.serving.push(pid);
            }
        }
        workers
    }

    /// Ends nginx gracefully and waits for it.
    #[track_caller]
    pub(super) fn quit(&mut self) {
        signal(self.master(), Signal::QUIT);
        wait_until("nginx has quit", || {
            !matches!(self.master.try_wait(), Ok(None))
        });
    }

    /// Ends all processes: politely, then by force.
    pub(super) fn stop(&mut self) {
        let start = Instant::now();
        if matches!(self.master.try_wait(), Ok(None)) {
            signal(self.master(), Signal::TERM);
        }
        while matches!(self.master.try_wait(), Ok(None)) && start.elapsed() < GRACE {
            std::thread::sleep(Duration::from_millis(2));
        }

        // The master's workers, where it was killed, or another master after a binary upgrade.
        if !self.left().is_empty() {
            if let Some(group) = Pid::from_raw(self.group) {
                let _ = rustix::process::kill_process_group(group, Signal::KILL);
            }
            let _ = self.master.wait();
            while !self.left().is_empty() && start.elapsed() < 2 * GRACE {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }

    /// The processes that are alive.
    pub(super) fn left(&self) -> Vec<i32> {
        let Ok(entries) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|pid| procfs::group(*pid) == Some(self.group))
            .collect()
    }

    /// Whether this nginx, and not another on the same port, accepts connections: the pid file is
    /// written after the listening sockets are bound, and workers start after that.
    fn serves(&self, dir: &Path, builder: &Builder, ports: &[(String, u16)]) -> bool {
        let pid = fs::read_to_string(dir.join("nginx.pid")).unwrap_or_default();
        let workers_wanted = if builder.master {
            builder.worker_count()
        } else {
            0
        };

        pid.trim() == self.master().to_string()
            && self.workers().serving.len() >= workers_wanted
            && TcpStream::connect(("127.0.0.1", ports[0].1)).is_ok()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The command that runs the nginx under test in a folder, without the caller's environment, so
/// that nginx does not see the credentials of the user who runs the tests.
pub(super) fn command(dir: &Path, env: &[(String, String)]) -> Command {
    let mut command = Command::new(binary());
    command
        .arg("-p")
        .arg(dir)
        .arg("-c")
        .arg(dir.join("nginx.conf"));
    // Without it, nginx complains that it cannot open the log of its build's configuration.
    if nginx_version() >= (1, 19, 5) {
        command.arg("-e").arg(dir.join("error.log"));
    }
    command.stdin(Stdio::null()).stdout(Stdio::null());
    set_environment(&mut command, env);
    command
}

/// Whether nginx says that another process listens on its port. Only the number is always there:
/// nginx before 1.19.8 knows no text for it with a current glibc.
pub(super) fn is_port_in_use(log: &str) -> bool {
    log.contains("bind() to ") && log.contains("(98: ")
}

/// What nginx printed before it opened the log of its configuration, as every version prints it.
///
/// Without `-e`, nginx first opens the log that was compiled in. If it cannot, it complains, and
/// prints each line the way it is logged, with the time and the process in front.
pub(super) fn printed(stderr: &[u8]) -> String {
    String::from_utf8_lossy(stderr)
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("nginx: [alert] could not open error log file: "))
        .map(|line| without_time(line).unwrap_or_else(|| line.to_owned()))
        .collect()
}

/// `nginx: [emerg] text` for a line such as `2026/11/30 06:20:10 [emerg] 434#434: text`.
fn without_time(line: &str) -> Option<String> {
    let (time, rest) = line.split_once(" [")?;
    let (level, rest) = rest.split_once("] ")?;
    let (process, text) = rest.split_once(": ")?;
    let is_made_of = |text: &str, more: &str| {
        let mut chars = text.chars();
        !text.is_empty() && chars.all(|c| c.is_ascii_digit() || more.contains(c))
    };
    (is_made_of(time, "/: ") && is_made_of(process, "#"))
        .then(|| format!("nginx: [{level}] {text}"))
}

/// Gives a command these variables and a few that programs need to run, and no other.
fn set_environment(command: &mut Command, env: &[(String, String)]) {
    command.env_clear();
    for name in [
        "PATH",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "ASAN_OPTIONS",
        "LSAN_OPTIONS",
        "TZ",
    ] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.envs(env.iter().map(|(name, value)| (name, value)));
}

/// What `nginx -v` prints.
pub(super) fn version_line() -> String {
    let output = Command::new(binary()).arg("-v").output();
    let output = output.unwrap_or_else(|e| {
        panic!(
            "cannot run {:?}: {e}: install nginx, or name it in AWS_AUTH_NGINX",
            binary()
        )
    });
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The folder of nginx's own dynamic modules, as it was built.
pub(super) fn modules_folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();

    FOLDER.get_or_init(|| {
        let output = Command::new(binary()).arg("-V").output();
        let printed = output.map(|o| String::from_utf8_lossy(&o.stderr).into_owned());
        printed
            .unwrap_or_default()
            .split_whitespace()
            .find_map(|argument| argument.strip_prefix("--modules-path="))
            .map_or_else(|| PathBuf::from("/usr/lib/nginx/modules"), PathBuf::from)
    })
}

/// Sends a signal to a process of ours; one that is gone already does not need it.
pub(super) fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

fn binary() -> OsString {
    std::env::var_os("AWS_AUTH_NGINX").unwrap_or_else(|| {
        // Debian leaves sbin out of the PATH of ordinary users.
        match Path::new("/usr/sbin/nginx").exists() {
            true => "/usr/sbin/nginx".into(),
            false => "nginx".into(),
        }
    })
}

/// Spawns nginx such that it ends when this test's thread does, even by SIGKILL.
#[track_caller]
fn spawn(mut command: Command) -> Child {
    // SAFETY: between fork and exec the closure makes one prctl system call: it allocates
    // nothing, takes no lock and touches no memory of the parent.
    unsafe {
        command.pre_exec(|| {
            rustix::process::set_parent_process_death_signal(Some(Signal::TERM))?;
            Ok(())
        });
    }
    command
        .spawn()
        .unwrap_or_else(|e| panic!("cannot run nginx: {e}"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    #[test]
    fn an_unopened_log_changes_nothing_that_was_printed() {
        let as_logged = b"nginx: [alert] could not open error log file: open() \"/x\" failed\n\
            2026/11/30 06:20:10 [emerg] 434#434: unknown directive in /t/nginx.conf:3\n\
            nginx: configuration file /t/nginx.conf test failed\n";
        assert_eq!(
            super::printed(as_logged),
            "nginx: [emerg] unknown directive in /t/nginx.conf:3\n\
             nginx: configuration file /t/nginx.conf test failed\n"
        );
    }

    #[test]
    fn a_port_in_use_is_seen_without_the_text_of_the_error() {
        for text in ["Address already in use", "Unknown error"] {
            let line = format!("[emerg] 1#1: bind() to 127.0.0.1:80 failed (98: {text})");
            assert!(super::is_port_in_use(&line), "{line}");
        }
        assert!(!super::is_port_in_use(
            "bind() to 0.0.0.0:80 failed (13: x)"
        ));
    }

    #[test]
    fn the_environment_is_what_the_test_says() {
        let mut command = Command::new("env");
        super::set_environment(&mut command, &[("GIVEN".to_owned(), "yes".to_owned())]);
        let output = command.output().expect("env runs");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();

        assert!(printed.lines().any(|line| line == "GIVEN=yes"), "{printed}");
        assert!(
            printed.lines().any(|line| line.starts_with("PATH=")),
            "{printed}"
        );
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
        assert!(!printed.contains("CARGO_MANIFEST_DIR"), "{printed}");
    }
}
