//! The process between a worker and the program that it runs.
//!
//! Between `fork` and `exec`, only async-signal-safe functions are called, since nginx can have
//! threads. Everything that needs memory is prepared before.

#[cfg(target_os = "linux")]
use std::ffi::CStr;
use std::ffi::{c_char, c_int};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::ptr::null_mut;

use super::Report;

/// The name of supervisors in the list of processes, after "nginx: ".
#[cfg(target_os = "linux")]
const TITLE: &CStr = c"aws_auth command supervisor";

/// What is prepared for the supervisor and the program.
pub(super) struct Prepared {
    pub(super) path: *const c_char,
    pub(super) arguments: *const *const c_char,
    pub(super) environment: *const *const c_char,
    pub(super) null: RawFd,
    pub(super) output: RawFd,
    pub(super) reports: RawFd,
    pub(super) control: RawFd,
    pub(super) milliseconds: i64,
}

/// # Safety
/// Only in a process that was just forked, with every signal held back.
pub(super) unsafe fn supervise(prepared: &Prepared) -> ! {
    // SAFETY: async-signal-safe calls on descriptors of `prepared`, on stack memory, and on what
    // was prepared before the fork.
    unsafe {
        // Detached from the terminal's signals, and from nginx's process group.
        libc::setsid();
        reset_signals();
        #[cfg(target_os = "linux")]
        // It would look like a second master process or worker.
        nginx_sys::ngx_setproctitle(TITLE.as_ptr().cast_mut());
        libc::signal(libc::SIGCHLD, on_child as *const () as libc::sighandler_t);
        #[cfg(target_os = "linux")]
        // What the program leaves must be cleaned up by this process, not by nginx.
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1);

        let pid = libc::fork();
        if pid == 0 {
            become_program(prepared);
        }
        close_all_but(&[prepared.reports, prepared.control]);
        if pid < 0 {
            report(prepared.reports, Report::NOT_STARTED, errno());
            libc::_exit(0);
        }
        libc::setpgid(pid, pid);
        let is_released = wait_for_end(prepared, pid);
        libc::kill(-pid, libc::SIGKILL);
        if !is_released {
            kill_children();
        }
        // If its process group is known, it is the program, and what the program has left there.
        reap(if is_released { -pid } else { -1 });
        libc::_exit(0);
    }
}

/// Reports the program's end, and returns when the worker is no longer interested or the time limit
/// has passed. Returns whether the worker has released the program. The program is not reaped, so
/// that its number stays that of its process group.
///
/// # Safety
/// As [`supervise`].
unsafe fn wait_for_end(prepared: &Prepared, pid: libc::pid_t) -> bool {
    // SAFETY: as `supervise`.
    unsafe {
        // SIGCHLD interrupts ppoll, and nothing else.
        let mut all_but_child = MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(all_but_child.as_mut_ptr());

        let end = monotonic().saturating_add(prepared.milliseconds);
        let mut has_ended = false;
        loop {
            if !has_ended {
                has_ended = report_end(prepared.reports, pid);
            }
            let left = end - monotonic();
            if left <= 0 {
                return false;
            }
            let timeout = libc::timespec {
                tv_sec: (left / 1000) as libc::time_t,
                tv_nsec: (left % 1000 * 1_000_000) as libc::c_long,
            };
            let mut control = libc::pollfd {
                fd: prepared.control,
                events: libc::POLLIN,
                revents: 0,
            };
            let mask = all_but_child.as_ptr();
            let code = libc::ppoll(&mut control, 1, &timeout, mask);
            if code > 0 || (code < 0 && errno() != libc::EINTR) {
                let mut byte = 0_u8;
                return code > 0 && libc::read(prepared.control, (&raw mut byte).cast(), 1) == 1;
            }
        }
    }
}

/// Whether the program has ended. If so, this has been reported.
///
/// # Safety
/// As [`supervise`].
unsafe fn report_end(reports: RawFd, pid: libc::pid_t) -> bool {
    // SAFETY: as `supervise`; all zero is a valid value of this plain C structure.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        let code = libc::waitid(libc::P_PID, pid as libc::id_t, &mut info, options);
        if code != 0 || info.si_pid() != pid {
            return false;
        }
        let kind = match info.si_code {
            libc::CLD_EXITED => Report::EXITED,
            _ => Report::SIGNALED,
        };
        report(reports, kind, info.si_status());
        true
    }
}

/// # Safety
/// As [`supervise`].
unsafe fn become_program(prepared: &Prepared) -> ! {
    // SAFETY: as `supervise`.
    unsafe {
        libc::setpgid(0, 0);
        reset_signals();
        let mut none = MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), null_mut());

        let ready = libc::dup2(prepared.null, 0) >= 0
            && libc::dup2(prepared.output, 1) >= 0
            && libc::dup2(prepared.null, 2) >= 0
            && libc::chdir(c"/".as_ptr()) == 0;
        if ready {
            close_all_but(&[0, 1, 2, prepared.reports]);
            libc::execve(prepared.path, prepared.arguments, prepared.environment);
        }
        report(prepared.reports, Report::NOT_STARTED, errno());
        libc::_exit(127);
    }
}

extern "C" fn on_child(_signal: c_int) {}

/// Restores the default action of every signal; nginx has handlers, and ignores SIGPIPE.
///
/// # Safety
/// As [`supervise`].
unsafe fn reset_signals() {
    // The numbers that all systems share, and Linux's below the real-time ones.
    for signal in 1..32 {
        // SAFETY: as `supervise`. It fails for the few that cannot be changed.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Closes every descriptor except those in `kept`.
///
/// # Safety
/// As [`supervise`].
unsafe fn close_all_but(kept: &[RawFd]) {
    /// If the system cannot close a range, and the end is unknown.
    const HIGHEST: RawFd = 65_536;

    // SAFETY: as `supervise`; the process owns its descriptors, and uses no others any more.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        let highest = match libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) {
            0 => RawFd::try_from(limit.rlim_cur).map_or(HIGHEST, |most| most.min(HIGHEST)),
            _ => HIGHEST,
        };
        let mut from = 0;
        while from <= highest {
            let next = kept.iter().copied().filter(|fd| *fd >= from).min();
            let to = next.map_or(RawFd::MAX, |fd| fd - 1);
            if from <= to && !close_range(from, to) {
                for fd in from..=to.min(highest) {
                    libc::close(fd);
                }
            }
            match next {
                Some(fd) => from = fd + 1,
                None => return,
            }
        }
    }
}

/// False if the system cannot.
///
/// # Safety
/// As [`supervise`].
unsafe fn close_range(from: RawFd, to: RawFd) -> bool {
    #[cfg(target_os = "linux")]
    // SAFETY: as `supervise`.
    unsafe {
        libc::syscall(libc::SYS_close_range, from, to, 0) == 0
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (from, to);
        false
    }
}

/// Waits shortly for what was killed. `group` is as in waitpid.
///
/// # Safety
/// As [`supervise`].
unsafe fn reap(group: libc::pid_t) {
    // SAFETY: as `supervise`.
    unsafe {
        for _ in 0..100 {
            match libc::waitpid(group, null_mut(), libc::WNOHANG) {
                0 => {
                    libc::poll(null_mut(), 0, 10);
                }
                -1 => return,
                _ => {}
            }
        }
    }
}

/// Kills what has left the process group, too: as a subreaper, this process becomes the parent of
/// orphans below it.
///
/// # Safety
/// As [`supervise`].
unsafe fn kill_children() {
    // SAFETY: as `supervise`; the buffer has the length that is given.
    unsafe {
        for _ in 0..100 {
            let path = c"/proc/thread-self/children";
            let file = libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
            if file < 0 {
                // The system does not have that list: the process group has been killed.
                return;
            }
            let mut numbers = [0_u8; 4096];
            let length = libc::read(file, numbers.as_mut_ptr().cast(), numbers.len());
            libc::close(file);
            let numbers = numbers.get(..usize::try_from(length).unwrap_or(0));
            let mut pid: libc::pid_t = 0;
            // A number that is cut off by the end of the buffer has no space after it: it is left
            // for the next round.
            for byte in numbers.unwrap_or_default() {
                if byte.is_ascii_digit() {
                    pid = pid.wrapping_mul(10).wrapping_add((byte - b'0').into());
                } else {
                    if pid > 1 {
                        libc::kill(pid, libc::SIGKILL);
                    }
                    pid = 0;
                }
            }
            loop {
                match libc::waitpid(-1, null_mut(), libc::WNOHANG) {
                    0 => break,
                    -1 => return,
                    _ => {}
                }
            }
            libc::poll(null_mut(), 0, 10);
        }
    }
}

/// # Safety
/// As [`supervise`].
unsafe fn report(to: RawFd, kind: u8, value: i32) {
    let bytes = Report::encode(kind, value);
    // SAFETY: a pipe takes so few bytes at once; where its reader has gone nobody wants them.
    unsafe { libc::write(to, bytes.as_ptr().cast(), bytes.len()) };
}

fn errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Milliseconds of the system's monotonic clock.
///
/// # Safety
/// As [`supervise`].
unsafe fn monotonic() -> i64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: room for the result.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}
