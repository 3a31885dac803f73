//! The text of an `nginx.conf`, and what stands for its placeholders.

use std::path::Path;

use super::Builder;
use crate::nginx::{load_directive, nginx_version, process};

impl Builder {
    /// The text of `nginx.conf`.
    #[track_caller]
    pub(super) fn render(&self, dir: &Path, ports: &[(String, u16)]) -> String {
        let conf = match &self.conf {
            // Without the placeholder a file needs no module.
            Some(conf) if !conf.contains("{preamble}") => conf.replace("{paths}", &self.paths()),
            Some(conf) => conf
                .replace("{preamble}", &self.preamble())
                .replace("{paths}", &self.paths()),
            None => format!(
                "{}{}\n\
                 events {{\n    worker_connections 512;\n{}\n}}\n\
                 http {{\n{}{}\n\
                 server {{\n    listen 127.0.0.1:{{port}};\n{}{}\n}}\n}}\n",
                self.preamble(),
                self.main,
                self.events,
                self.paths(),
                self.http,
                self.listen_http2(),
                self.server
            ),
        };
        self.replace(&conf, dir, ports)
    }

    #[track_caller]
    fn preamble(&self) -> String {
        let mut text = String::new();
        if self.with_module {
            text.push_str(&load_directive());
            text.push('\n');
        }
        for module in &self.modules {
            let path = match module.starts_with('/') {
                true => module.clone(),
                false => process::modules_folder().join(module).display().to_string(),
            };
            text.push_str(&format!("load_module \"{path}\";\n"));
        }
        // As root, workers would become a user who cannot write to our folder.
        if rustix::process::geteuid().is_root() {
            text.push_str(&format!("user {};\n", self.user));
        }
        if !self.master {
            text.push_str("master_process off;\n");
        }
        text.push_str(&format!(
            "daemon off;\npid {{dir}}/nginx.pid;\nworker_processes {};\n\
             error_log {{dir}}/error.log {};\n",
            self.workers, self.level
        ));
        if self.debug {
            text.push_str("error_log {dir}/debug.log debug;\n");
        }
        text
    }

    fn paths(&self) -> String {
        let mut text = "    log_format harness '$request_method|$request_uri|$status\
                        |$upstream_status|$upstream_cache_status';\n    \
                        access_log {dir}/access.log harness;\n    \
                        # The default up to nginx 1.29.6.\n    \
                        proxy_http_version 1.0;\n"
            .to_owned();
        for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
            text.push_str(&format!("    {kind}_temp_path {{dir}}/{kind}_temp;\n"));
        }
        text
    }

    fn listen_http2(&self) -> &'static str {
        match self.http2 {
            false => "",
            // The parameter of `listen` is deprecated since 1.25.1, with a warning.
            true if nginx_version() < (1, 25, 1) => "    listen 127.0.0.1:{h2_port} http2;\n",
            true => "    listen 127.0.0.1:{h2_port};\n    http2 on;\n",
        }
    }

    pub(super) fn replace(&self, text: &str, dir: &Path, ports: &[(String, u16)]) -> String {
        let mut text = text.to_owned();
        // Last given first: a value may hold the names given before it.
        for (name, value) in self.vars.iter().rev() {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        for (name, port) in ports {
            text = text.replace(&format!("{{{name}}}"), &port.to_string());
        }
        text.replace("{dir}", &dir.display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::Builder;

    #[test]
    fn placeholders_are_replaced_and_other_braces_stay() {
        let builder = Builder::default()
            .var("host", "127.0.0.1:{port}")
            .var("url", "http://{host}/{dir}")
            .conf("a {url}; location ~ \"^/[0-9]{2}$\" { {unknown} }");
        let ports = [("port".to_owned(), 81)];
        assert_eq!(
            builder.render(std::path::Path::new("/d"), &ports),
            "a http://127.0.0.1:81//d; location ~ \"^/[0-9]{2}$\" { {unknown} }"
        );
    }
}
