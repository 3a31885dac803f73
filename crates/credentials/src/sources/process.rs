//! `process`: a program that prints credentials, like [`credential_process`][1] of the SDKs.
//!
//! [1]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::{CredentialSource, ParseContext};
use crate::arguments::Arguments;
use crate::command_line;
use crate::fetch::Fetch;
use crate::host::{Command, ExitStatus};
use crate::response::{CredentialFields, Document, FieldNames, ResponseError, check_fresh};
use crate::{Credentials, Declaration, DefinitionError, FetchError, Host, Material, Secret};

/// Enough for a program that asks a remote service.
const TIMEOUT: Duration = Duration::from_secs(30);
const LIMIT: usize = 64 * 1024;

const NAMES: FieldNames = FieldNames {
    session_token: "SessionToken",
    temporary: false,
};

/// A program and its arguments.
#[derive(Clone, Hash)]
pub(crate) struct Process {
    words: Rc<[Secret]>,
}

impl Process {
    /// Reads `command=`; `example` shows how to write it.
    pub(crate) fn with_example(
        arguments: &mut Arguments<'_>,
        example: &'static str,
    ) -> Result<Self, DefinitionError> {
        let line = arguments.require("command", example)?;
        Ok(Self::new("command=", line)?)
    }

    /// Reads the command line in `setting`.
    pub(crate) fn new(setting: &str, line: &str) -> Result<Self, FetchError> {
        match command_line::split(line) {
            Ok(words) => Ok(Self {
                words: words.into_iter().map(Secret::from).collect(),
            }),
            Err(error) => Err(FetchError::setting(setting, error.to_string())),
        }
    }

    pub(crate) fn program(&self) -> PathBuf {
        PathBuf::from(self.words[0].expose())
    }

    /// What the program has printed.
    pub(crate) async fn run<H: Host>(
        &self,
        fetch: &Fetch<'_, H>,
    ) -> Result<Zeroizing<Vec<u8>>, FetchError> {
        let program = self.program();
        let arguments = self.words[1..].iter();
        let command = Command {
            program: program.clone(),
            arguments: arguments
                .map(|word| Zeroizing::new(word.expose().to_owned()))
                .collect(),
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
        let parts = CredentialFields::of(&mut document, &NAMES)?;
        let credentials = parts.into_credentials(&NAMES, self.describe())?;
        check_fresh(&credentials, now)?;
        Ok(credentials)
    }
}

impl CredentialSource for Process {
    const DECLARATION: &'static Declaration = &Declaration {
        name: "process",
        keys: &["command="],
        may_ask_others: false,
        summary: "a program that prints them, as with `credential_process`; quote the whole word: `\"command=/path/to/program --for web\"`",
    };

    fn parse(arguments: &mut Arguments<'_>, _: &ParseContext<'_>) -> Result<Self, DefinitionError> {
        Self::with_example(arguments, "/usr/local/bin/print-credentials --for web")
    }

    /// Without the arguments, which can be secrets.
    fn describe(&self) -> String {
        format!("process {}", self.program().display())
    }

    async fn fetch<H: Host>(&self, fetch: &mut Fetch<'_, H>) -> Result<Material, FetchError> {
        let output = self.run(fetch).await?;
        self.read(&output, fetch.now())
            .map(Material::Keys)
            .map_err(|error| FetchError::Response {
                from: self.program().display().to_string(),
                error,
            })
    }
}
