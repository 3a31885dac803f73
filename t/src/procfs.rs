//! What the kernel tells of a process, in `/proc`.

use std::fs;

/// A line of `/proc/PID/status` that is an amount of memory, such as `VmRSS`, in bytes.
#[track_caller]
pub fn memory(pid: i32, name: &str) -> usize {
    let text = status(pid, name).unwrap_or_else(|| panic!("process {pid} has no {name}"));
    let kibibytes = text
        .strip_suffix(" kB")
        .and_then(|text| text.trim().parse().ok());
    let kibibytes: usize = kibibytes.unwrap_or_else(|| panic!("{name}: {text}"));
    kibibytes << 10
}

/// A line of `/proc/PID/status`, without its name; none if the process is gone.
pub fn status(pid: i32, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.map(|text| text.trim().to_owned())
}

/// Whether there is such a process, and not only what is left of it for its parent to see.
pub fn is_alive(pid: i32) -> bool {
    status(pid, "State").is_some_and(|state| !state.starts_with(['Z', 'X']))
}

/// The process group of a process; none if it has ended, even if its parent has not noticed yet.
pub fn group(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // "pid (name) state ppid pgrp ...": the name may hold spaces and parentheses.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    match fields.next()? {
        "Z" | "X" => None,
        _ => fields.nth(1)?.parse().ok(),
    }
}

/// The command line of a process, where nginx writes what the process is; none if it is gone.
pub fn title(pid: i32) -> Option<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio, id};

    #[test]
    fn a_process_is_alive_until_it_has_ended() {
        let own = id().cast_signed();
        assert!(super::is_alive(own));
        assert!(super::memory(own, "VmHWM") >= super::memory(own, "VmRSS"));
        assert_eq!(super::status(own, "VmHW"), None);

        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .spawn()
            .expect("cat runs");
        let pid = child.id().cast_signed();
        crate::wait_until("cat runs", || {
            super::title(pid).is_some_and(|title| title.starts_with("cat\0"))
        });
        assert_eq!(super::group(pid), super::group(own));
        drop(child.stdin.take());
        crate::wait_until("cat is a zombie", || !super::is_alive(pid));
        assert_eq!(super::status(pid, "Pid"), Some(pid.to_string()));
        assert_eq!(super::group(pid), None);
        child.wait().expect("it has ended");
        assert_eq!(super::status(pid, "Pid"), None);
    }
}
