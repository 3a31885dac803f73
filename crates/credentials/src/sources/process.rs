//! `process`: a program that prints credentials, as [`credential_process`][1] of the SDKs.
//!
//! [1]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::arguments::Arguments;
use crate::command_line;
use crate::fetch::Fetch;
use crate::host::{Command, ExitStatus};
use crate::response::{Document, Names, Parts, ResponseError, check_fresh};
use crate::{Credentials, DefinitionError, FetchError, Host};

/// Enough for a program that asks somebody far away.
const TIMEOUT: Duration = Duration::from_secs(30);
const LIMIT: usize = 64 * 1024;

const NAMES: Names = Names {
    session_token: "SessionToken",
    temporary: false,
};

/// A program and its arguments.
#[derive(Clone)]
pub(crate) struct Process {
    words: Rc<[Zeroizing<String>]>,
}

impl Process {
    pub(crate) fn parse(arguments: &mut Arguments<'_>) -> Result<Self, DefinitionError> {
        Self::with_example(arguments, "/usr/local/bin/print-credentials --for web")
    }

    /// Reads `command=`; `example` shows how.
    pub(crate) fn with_example(
        arguments: &mut Arguments<'_>,
        example: &'static str,
    ) -> Result<Self, DefinitionError> {
        let line = arguments.require("command", example)?;
        Ok(Self::new("command=", line)?)
    }

    /// Reads the command line that `setting` has.
    pub(crate) fn new(setting: &str, line: &str) -> Result<Self, FetchError> {
        match command_line::split(line) {
            Ok(words) => Ok(Self {
                words: words.into(),
            }),
            Err(error) => Err(FetchError::setting(setting, error.to_string())),
        }
    }

    pub(crate) fn program(&self) -> PathBuf {
        PathBuf::from(self.words[0].as_str())
    }

    /// Without the arguments, which may be secrets.
    pub(crate) fn describe(&self) -> String {
        format!("process {}", self.program().display())
    }

    pub(crate) fn identify(&self, text: &mut String) {
        text.push_str("process\0");
        for word in &*self.words {
            text.push_str(word);
            text.push('\0');
        }
    }

    pub(crate) async fn fetch<H: Host>(
        &self,
        fetch: &Fetch<'_, H>,
    ) -> Result<Credentials, FetchError> {
        let output = self.run(fetch).await?;
        self.read(&output, fetch.now())
            .map_err(|error| FetchError::Response {
                from: self.program().display().to_string(),
                error,
            })
    }

    /// What the program prints.
    pub(crate) async fn run<H: Host>(
        &self,
        fetch: &Fetch<'_, H>,
    ) -> Result<Zeroizing<Vec<u8>>, FetchError> {
        let program = self.program();
        let arguments = self.words[1..].iter();
        let command = Command {
            program: program.clone(),
            arguments: arguments.cloned().collect(),
            environment: fetch.environment.for_children(),
            timeout: TIMEOUT,
            limit: LIMIT,
        };
        let output = match fetch.host.run(command).await {
            Ok(output) => output,
            Err(error) => return Err(FetchError::Run { program, error }),
        };
        if output.status != ExitStatus::Exited(0) {
            let status = output.status;
            return Err(FetchError::Exit { program, status });
        }
        Ok(output.stdout)
    }

    fn read(&self, output: &[u8], now: i64) -> Result<Credentials, ResponseError> {
        let mut document = Document::parse(output)?;
        if document.number("Version") != Some(1) {
            return Err(ResponseError::Version);
        }
        let parts = Parts::of(&mut document, &NAMES)?;
        let credentials = parts.into_credentials(&NAMES, self.describe())?;
        check_fresh(&credentials, now)?;
        Ok(credentials)
    }
}
