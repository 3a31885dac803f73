//! A certificate for nginx under test, and the authority that clients are to trust.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::{Builder, Nginx};
use crate::scratch::Scratch;

/// The authority's certificate, in nginx's folder.
const AUTHORITY: &str = "tls/authority.pem";

/// What strict clients want to find in certificates: Python 3.13 rejects those without key usage
/// and key identifiers.
const REQUEST: &str = "\
[req]
distinguished_name = name
prompt = no
[name]
CN = nginx tests
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = IP:127.0.0.1, DNS:localhost
";

impl Builder {
    /// Adds a certificate for 127.0.0.1 and `localhost`: `{dir}/tls/server.pem`, with its key in
    /// `{dir}/tls/server.key`, signed by an authority whose certificate is [`Nginx::authority`].
    pub fn certificate(self) -> Self {
        let made = Certificate::get();
        self.file(AUTHORITY, &made.authority)
            .file("tls/server.pem", &made.server)
            .file("tls/server.key", &made.key)
    }
}

impl Nginx {
    /// The certificate to trust where nginx has that of [`Builder::certificate`].
    pub fn authority(&self) -> PathBuf {
        self.dir().join(AUTHORITY)
    }
}

/// The authority's certificate and the server's, in PEM; the authority's key is thrown away.
struct Certificate {
    authority: String,
    server: String,
    key: String,
}

impl Certificate {
    /// That of this process, which is made once.
    fn get() -> &'static Self {
        static MADE: OnceLock<Certificate> = OnceLock::new();
        MADE.get_or_init(Self::make)
    }

    fn make() -> Self {
        let folder = Scratch::new("certificate");
        folder.write("openssl.cnf", REQUEST);
        let openssl = |arguments: &str| {
            let output = Command::new("openssl")
                .args(arguments.split_whitespace())
                .current_dir(folder.path())
                .stdin(Stdio::null())
                .output()
                .unwrap_or_else(|e| panic!("cannot run openssl, which this test needs: {e}"));
            let printed = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "openssl {arguments}:\n{printed}");
        };
        let new = "req -config openssl.cnf -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        openssl(&format!(
            "{new} -x509 -extensions authority -days 2 -out authority.pem -keyout authority.key"
        ));
        openssl(&format!(
            "{new} -subj /CN=127.0.0.1 -out server.csr -keyout server.key"
        ));
        openssl(
            "x509 -req -in server.csr -out server.pem -days 2 -set_serial 2 -CA authority.pem \
             -CAkey authority.key -extfile openssl.cnf -extensions server",
        );

        let read = |name: &str| {
            std::fs::read_to_string(folder.path().join(name)).expect("openssl has written it")
        };
        Self {
            authority: read("authority.pem"),
            server: read("server.pem"),
            key: read("server.key"),
        }
    }
}
