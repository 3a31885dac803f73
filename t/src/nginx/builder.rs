//! The configuration of an nginx under test, and how it starts.

mod render;

use super::{Nginx, TestResult, process};
use crate::alone::Running;
use crate::scratch::Scratch;

/// A configuration, built from snippets that are put into a minimal `nginx.conf`.
///
/// Snippets and files may hold placeholders, which are replaced when nginx starts: `{port}`, the
/// server's port; `{dir}`, nginx's folder; `{h2_port}`; and the names given to
/// [`Builder::extra_port`] and [`Builder::var`]. Any other brace stays as it is.
#[derive(Clone, Debug)]
pub struct Builder {
    main: String,
    events: String,
    http: String,
    server: String,
    conf: Option<String>,
    files: Vec<(String, Vec<u8>)>,
    vars: Vec<(String, String)>,
    extra_ports: Vec<String>,
    env: Vec<(String, String)>,
    modules: Vec<String>,
    with_module: bool,
    workers: usize,
    user: String,
    pub(super) master: bool,
    level: String,
    debug: bool,
    http2: bool,
    pub(super) allowed: Vec<String>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            main: String::new(),
            events: String::new(),
            http: String::new(),
            server: String::new(),
            conf: None,
            files: Vec::new(),
            vars: Vec::new(),
            extra_ports: Vec::new(),
            env: Vec::new(),
            modules: Vec::new(),
            with_module: true,
            workers: 1,
            user: "root".to_owned(),
            master: true,
            level: "info".to_owned(),
            debug: false,
            http2: false,
            allowed: Vec::new(),
        }
    }
}

impl Builder {
    /// Sets the snippet at the top level, after `load_module`.
    pub fn main(mut self, snippet: &str) -> Self {
        self.main = snippet.to_owned();
        self
    }

    /// Sets the snippet in `events`.
    pub fn events(mut self, snippet: &str) -> Self {
        self.events = snippet.to_owned();
        self
    }

    /// Sets the snippet in `http`, before the server.
    pub fn http(mut self, snippet: &str) -> Self {
        self.http = snippet.to_owned();
        self
    }

    /// Sets the snippet in `server`.
    pub fn server(mut self, snippet: &str) -> Self {
        self.server = snippet.to_owned();
        self
    }

    /// Sets the whole configuration file instead of the snippets. Besides the other placeholders,
    /// `{preamble}` stands for the top-level directives every test needs (load_module, user, pid,
    /// error_log) and `{paths}` for those of `http` (access_log and temporary folders).
    pub fn conf(mut self, conf: &str) -> Self {
        self.conf = Some(conf.to_owned());
        self
    }

    /// Adds a file below nginx's folder, with placeholders replaced where it is text.
    pub fn file(mut self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.files.retain(|(n, _)| n != name);
        self.files
            .push((name.to_owned(), content.as_ref().to_vec()));
        self
    }

    /// Adds the placeholder `{name}`; its value may hold `{port}`, `{dir}` and names given before.
    pub fn var(mut self, name: &str, value: impl ToString) -> Self {
        self.vars.retain(|(n, _)| n != name);
        self.vars.push((name.to_owned(), value.to_string()));
        self
    }

    /// Takes another free port; `{name}` stands for it, and [`Nginx::port_of`] tells it.
    pub fn extra_port(mut self, name: &str) -> Self {
        self.extra_ports.push(name.to_owned());
        self
    }

    /// Makes the server listen on `{h2_port}` too, for HTTP/2 without TLS.
    pub fn http2(mut self) -> Self {
        self.http2 = true;
        self
    }

    /// Sets a variable in nginx's environment, which otherwise has `PATH` and little else.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Loads another module, by its absolute path or by its name in nginx's modules folder.
    pub fn load_module(mut self, module: &str) -> Self {
        self.modules.push(module.to_owned());
        self
    }

    /// Does not load the module under test.
    pub fn without_module(mut self) -> Self {
        self.with_module = false;
        self
    }

    /// Sets the number of workers (1).
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// Sets the user (and group) that workers run as, where nginx is started as root (`root`).
    pub fn user(mut self, user: &str) -> Self {
        self.user = user.to_owned();
        self
    }

    /// Runs nginx as a single process.
    pub fn master_off(mut self) -> Self {
        self.master = false;
        self
    }

    /// Sets the level of the error log (`info`).
    pub fn log_level(mut self, level: &str) -> Self {
        self.level = level.to_owned();
        self
    }

    /// Writes a second log of level `debug`, for [`Nginx::debug_log`].
    pub fn debug(mut self) -> Self {
        self.debug = true;
        self
    }

    /// Does not hold those error log lines against the test that hold this text.
    pub fn allow_log(mut self, text: &str) -> Self {
        self.allowed.push(text.to_owned());
        self
    }

    /// Starts nginx and waits until it accepts connections; fails the test if it does not start.
    ///
    /// nginx ends with the thread that starts it, so that nothing outlives a test.
    #[track_caller]
    pub fn start(self) -> Nginx {
        match self.try_start() {
            Ok(nginx) => nginx,
            Err(output) => panic!("nginx does not start:\n{output}"),
        }
    }

    /// Starts nginx and waits until it accepts connections; `Err` holds what nginx printed.
    #[track_caller]
    pub fn try_start(self) -> Result<Nginx, String> {
        self.try_start_on(Self::choose_ports)
    }

    #[track_caller]
    fn try_start_on(
        self,
        mut choose_ports: impl FnMut(&Self) -> Vec<(String, u16)>,
    ) -> Result<Nginx, String> {
        let running = Running::new();
        // Another process may take a port between our look and nginx's bind.
        let mut attempts = 10;
        loop {
            let scratch = Scratch::new("nginx");
            let ports = choose_ports(&self);
            self.write_files(&scratch, &ports);

            match process::Process::start(scratch.path(), &self, &ports) {
                Ok(process) => {
                    let allowed = self.allowed.clone();
                    return Ok(Nginx {
                        process,
                        builder: self,
                        ports,
                        allowed,
                        scratch,
                        _running: running,
                    });
                }
                Err(output) if process::is_port_in_use(&output) && attempts > 0 => {
                    attempts -= 1;
                }
                Err(output) => return Err(output),
            }
        }
    }

    /// Runs `nginx -t` over the configuration.
    #[track_caller]
    pub fn check(self) -> TestResult {
        let scratch = Scratch::new("nginx-t");
        self.write_files(&scratch, &self.choose_ports());

        let output = process::command(scratch.path(), &self.env)
            .arg("-t")
            .output()
            .unwrap_or_else(|e| panic!("cannot run nginx: {e}"));
        TestResult {
            ok: output.status.success(),
            stderr: process::printed(&output.stderr),
        }
    }

    pub(super) fn environment(&self) -> &[(String, String)] {
        &self.env
    }

    pub(super) fn worker_count(&self) -> usize {
        self.workers
    }

    fn choose_ports(&self) -> Vec<(String, u16)> {
        let mut names = vec!["port".to_owned()];
        if self.http2 {
            names.push("h2_port".to_owned());
        }
        names.extend(self.extra_ports.iter().cloned());

        // All are held until the last is chosen, so that they differ.
        let listeners: Vec<_> = names
            .iter()
            .map(|_| std::net::TcpListener::bind("127.0.0.1:0").expect("a free port"))
            .collect();
        let port =
            |l: &std::net::TcpListener| l.local_addr().map(|a| a.port()).expect("an address");
        names.into_iter().zip(listeners.iter().map(port)).collect()
    }

    /// Writes the files that nginx starts with.
    #[track_caller]
    pub(super) fn write_files(&self, scratch: &Scratch, ports: &[(String, u16)]) {
        for (name, content) in &self.files {
            match std::str::from_utf8(content) {
                Ok(text) => scratch.write(name, self.replace(text, scratch.path(), ports)),
                Err(_) => scratch.write(name, content),
            };
        }
        // nginx creates the temporary folders itself, with the worker's owner.
        scratch.write("nginx.conf", self.render(scratch.path(), ports));
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::Builder;

    #[test]
    fn another_port_is_taken_where_one_is_in_use() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = (taken.local_addr().unwrap().port(), taken);
        let mut attempts = 0;

        let nginx = Builder::default()
            .without_module()
            .server("return 204;")
            .try_start_on(|builder| {
                attempts += 1;
                match attempts {
                    1 | 2 => vec![("port".to_owned(), taken.0)],
                    _ => builder.choose_ports(),
                }
            })
            .expect("nginx starts");
        assert_eq!(attempts, 3);
        assert_eq!(crate::http::get(nginx.port(), "/").status, 204);
    }
}
