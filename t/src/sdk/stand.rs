//! An object store and the ways that lead to it.

use std::path::{Path, PathBuf};

use aws_origin::{Origin, OriginConfig, RecordedRequest, Storage};

use super::files::Files;
use crate::account::{ACCESS_KEY, SECRET_KEY};
use crate::http::{Request, Response};
use crate::nginx::Nginx;
use crate::scratch::Scratch;
use crate::signer::{Signer, encode_key};
use crate::swift::Swift;

/// The keys of clients that go through nginx: it does not ask for them, and the object store does not
/// know them.
const CLIENTS_KEYS: (&str, &str) = ("AKIDCLIENT", "known-to-the-client-alone");

/// How a client gets to the object store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// With the object store's own keys, over http.
    Direct,
    /// With the object store's own keys, over https that an nginx ends and does nothing else.
    DirectTls,
    /// Over http to an nginx that signs.
    Http,
    /// Over http to an nginx that signs, with `proxy_request_buffering off`.
    HttpUnbuffered,
    /// Over https to an nginx that signs.
    Https,
    /// Over https to an nginx that signs, with `proxy_request_buffering off`.
    HttpsUnbuffered,
    /// Over http to an nginx that takes framing off: `aws_payload decode`, unbuffered.
    HttpDecoded,
    /// Over https to an nginx that takes framing off: `aws_payload decode`, unbuffered.
    HttpsDecoded,
}

impl Way {
    /// Those that do not need the module.
    pub const DIRECT: [Self; 2] = [Self::Direct, Self::DirectTls];
    /// Those that lead through a signing nginx.
    pub const SIGNED: [Self; 4] = [
        Self::Http,
        Self::HttpUnbuffered,
        Self::Https,
        Self::HttpsUnbuffered,
    ];
    /// Those over http that lead through a signing nginx.
    pub const SIGNED_HTTP: [Self; 2] = [Self::Http, Self::HttpUnbuffered];
    /// Those over https that lead through a signing nginx.
    pub const SIGNED_HTTPS: [Self; 2] = [Self::Https, Self::HttpsUnbuffered];
    /// Those whose nginx takes the framing of bodies off.
    pub const DECODED: [Self; 2] = [Self::HttpDecoded, Self::HttpsDecoded];

    /// Whether clients speak TLS on this way.
    pub fn is_https(self) -> bool {
        matches!(
            self,
            Self::DirectTls | Self::Https | Self::HttpsUnbuffered | Self::HttpsDecoded
        )
    }

    /// Its bucket, and the name of its port in the configuration.
    fn bucket(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::DirectTls => "direct-tls",
            Self::Http => "buffered",
            Self::HttpUnbuffered => "unbuffered",
            Self::Https => "buffered-tls",
            Self::HttpsUnbuffered => "unbuffered-tls",
            Self::HttpDecoded => "decoded",
            Self::HttpsDecoded => "decoded-tls",
        }
    }
}

/// Where a client begins its way.
#[derive(Debug)]
pub struct Entrance {
    /// The endpoint's URL: scheme, address and port.
    pub url: String,
    /// The bucket that belongs to this way alone; it exists, and is empty at first.
    pub bucket: String,
    /// The client's access key.
    pub access_key: String,
    /// The client's secret key.
    pub secret_key: String,
    /// The certificate that a client of https is to trust.
    pub authority: PathBuf,
    home: Scratch,
}

impl Entrance {
    /// The address and port, without the scheme.
    pub fn host(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or_default()
    }

    /// A folder for what client programs keep.
    pub fn home(&self) -> &Path {
        self.home.path()
    }
}

/// An object store, an nginx in front of it, and files to upload.
#[derive(Debug)]
pub struct Stand {
    nginx: Nginx,
    store: Store,
    files: Files,
}

#[derive(Debug)]
enum Store {
    S3s { origin: Origin, _folder: Scratch },
    Swift(Swift),
}

impl Stand {
    /// With an object store on crate `s3s`, which keeps objects in files.
    ///
    /// `pass_headers` is what the client needs besides the default list of `aws_pass_headers`.
    #[track_caller]
    pub fn s3s(pass_headers: &str) -> Self {
        let folder = Scratch::new("s3s");
        let config = OriginConfig {
            storage: Storage::Folder(folder.path().to_owned()),
            ..OriginConfig::new(ACCESS_KEY, SECRET_KEY)
        };
        let origin = Origin::start(config).expect("the origin starts");
        Self::new(
            Store::S3s {
                origin,
                _folder: folder,
            },
            pass_headers,
        )
    }

    /// With OpenStack Swift, which checks hashes, chunk signatures and checksums.
    #[track_caller]
    pub fn swift(pass_headers: &str) -> Self {
        Self::new(Store::Swift(Swift::start()), pass_headers)
    }

    #[track_caller]
    fn new(store: Store, pass_headers: &str) -> Self {
        let (access_key, secret_key) = store.keys();
        let signing = format!(
            "aws_access_key {access_key}; aws_secret_key {secret_key}; aws_region us-east-1;
             aws_sign on;
             aws_sign_methods GET HEAD PUT POST DELETE;
             aws_sign_operations read list write multipart delete ListBuckets
                 # rclone creates the bucket that it writes to, s3cmd copies the ACL of an object.
                 CreateBucket GetObjectAcl PutObjectAcl;
             aws_pass_headers x-amz-meta-* x-amz-checksum-* x-amz-sdk-checksum-algorithm
                 x-amz-checksum-mode x-amz-server-side-encryption* x-amz-trailer
                 x-amz-decoded-content-length x-amz-content-sha256 {pass_headers};
             client_max_body_size 0;
             location / {{ proxy_pass http://{{store}}; }}"
        );
        let nginx = Nginx::builder()
            .certificate()
            .var("store", format!("127.0.0.1:{}", store.port()))
            .extra_port("direct-tls")
            .extra_port("buffered-tls")
            .extra_port("unbuffered")
            .extra_port("unbuffered-tls")
            .extra_port("decoded")
            .extra_port("decoded-tls")
            .http(&format!(
                "ssl_certificate {{dir}}/tls/server.pem;
                 ssl_certificate_key {{dir}}/tls/server.key;
                 server {{
                     listen 127.0.0.1:{{direct-tls}} ssl;
                     client_max_body_size 0;
                     proxy_http_version 1.1;
                     proxy_request_buffering off;
                     proxy_set_header Host $http_host;
                     # What does not come through as it is.
                     proxy_set_header Client-Scheme $scheme;
                     proxy_set_header Client-Expect $http_expect;
                     proxy_set_header Client-Content-Length $http_content_length;
                     proxy_set_header Client-Transfer-Encoding $http_transfer_encoding;
                     location / {{ proxy_pass http://{{store}}; }}
                 }}
                 server {{
                     listen 127.0.0.1:{{unbuffered}};
                     listen 127.0.0.1:{{unbuffered-tls}} ssl;
                     # A body of unknown length cannot be streamed in version 1.0.
                     proxy_http_version 1.1;
                     proxy_request_buffering off;
                     {signing}
                 }}
                 server {{
                     listen 127.0.0.1:{{decoded}};
                     listen 127.0.0.1:{{decoded-tls}} ssl;
                     proxy_http_version 1.1;
                     proxy_request_buffering off;
                     aws_payload decode;
                     {signing}
                 }}"
            ))
            .server(&format!(
                "listen 127.0.0.1:{{buffered-tls}} ssl;\n{signing}"
            ))
            .start();

        let files = Files::write(|key| store.can_hold(key));
        let stand = Self {
            nginx,
            store,
            files,
        };
        let signed = Way::SIGNED.into_iter().chain(Way::DECODED);
        for way in Way::DIRECT.into_iter().chain(signed) {
            stand
                .send(Request::new("PUT", format!("/{}", way.bucket())).body(""))
                .expect_status(200);
        }
        stand
    }

    /// The beginning of a way.
    #[track_caller]
    pub fn entrance(&self, way: Way) -> Entrance {
        let (access_key, secret_key) = match Way::DIRECT.contains(&way) {
            true => self.store.keys(),
            false => CLIENTS_KEYS,
        };
        let port = match way {
            Way::Direct => self.store.port(),
            Way::Http => self.nginx.port(),
            way => self.nginx.port_of(way.bucket()),
        };
        let scheme = if way.is_https() { "https" } else { "http" };
        Entrance {
            url: format!("{scheme}://127.0.0.1:{port}"),
            bucket: way.bucket().to_owned(),
            access_key: access_key.to_owned(),
            secret_key: secret_key.to_owned(),
            authority: self.nginx.authority(),
            home: Scratch::new("home"),
        }
    }

    /// The files to upload.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// The nginx on the ways.
    pub fn nginx(&self) -> &Nginx {
        &self.nginx
    }

    /// The requests that have reached the object store with the entrance's address for Host: those of
    /// clients that went directly.
    ///
    /// # Panics
    ///
    /// With Swift, which keeps no record.
    #[track_caller]
    pub fn requests_to(&self, entrance: &Entrance) -> Vec<RecordedRequest> {
        let Store::S3s { origin, .. } = &self.store else {
            panic!("Swift keeps no record of requests");
        };
        let mut requests = origin.requests();
        requests.retain(|request| request.header("Host").as_deref() == Some(entrance.host()));
        requests
    }

    /// What requests that came this way to the object store declare of their payloads in
    /// X-Amz-Content-SHA256, each declaration once; hashes are left out.
    ///
    /// # Panics
    ///
    /// With Swift, which keeps no record.
    #[track_caller]
    pub fn declared(&self, way: Way) -> Vec<String> {
        let Store::S3s { origin, .. } = &self.store else {
            panic!("Swift keeps no record of requests");
        };
        let folder = format!("/{}/", way.bucket());
        let mut declared: Vec<String> = origin
            .requests()
            .iter()
            .filter(|request| request.target().starts_with(&folder))
            .filter_map(|request| request.header("X-Amz-Content-SHA256"))
            .filter(|value| value.len() != 64)
            .collect();
        declared.sort();
        declared.dedup();
        declared
    }

    /// Asks the object store itself, with a signature of the tests' own.
    #[track_caller]
    pub fn send(&self, request: Request) -> Response {
        let (access_key, secret_key) = self.store.keys();
        Signer::new(access_key, secret_key)
            .sign(request)
            .send(self.store.port())
    }

    /// Whether there is such an object, and if so with which headers.
    #[track_caller]
    pub fn head(&self, entrance: &Entrance, key: &str) -> Response {
        let target = format!("/{}/{}", entrance.bucket, encode_key(key));
        self.send(Request::new("HEAD", target))
    }

    /// Fails the test unless the object store has the object with this content.
    #[track_caller]
    pub fn expect_object(&self, entrance: &Entrance, key: &str, content: &[u8]) {
        let target = format!("/{}/{}", entrance.bucket, encode_key(key));
        let stored = self.send(Request::get(target));
        assert_eq!(stored.status, 200, "{key} in {}", entrance.bucket);

        let same = std::iter::zip(&stored.body, content).take_while(|(a, b)| a == b);
        let same = same.count();
        assert!(
            same == content.len() && same == stored.body.len(),
            "{key} in {}: the store has {} bytes instead of {}, of which the first {same} are right",
            entrance.bucket,
            stored.body.len(),
            content.len()
        );
    }

    /// Fails the test unless the object store has no such object.
    #[track_caller]
    pub fn expect_nothing(&self, entrance: &Entrance, key: &str) {
        let status = self.head(entrance, key).status;
        assert_eq!(status, 404, "{key} in {}", entrance.bucket);
    }
}

impl Store {
    fn port(&self) -> u16 {
        match self {
            Self::S3s { origin, .. } => origin.port(),
            Self::Swift(swift) => swift.port(),
        }
    }

    fn keys(&self) -> (&'static str, &'static str) {
        match self {
            Self::S3s { .. } => (ACCESS_KEY, SECRET_KEY),
            Self::Swift(_) => (Swift::ACCESS_KEY, Swift::SECRET_KEY),
        }
    }

    /// What s3s keeps in files are their paths, and in lists it leaves `+` and `%` unencoded even
    /// where a client asked for encoded keys.
    fn can_hold(&self, key: &str) -> bool {
        let is_name = |part: &str| !matches!(part, "" | "." | "..");
        match self {
            Self::S3s { .. } => key.split('/').all(is_name) && !key.contains(['+', '%']),
            Self::Swift(_) => true,
        }
    }
}
