//! The server: a thread that accepts connections until the origin is dropped.

use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::sync::oneshot;

use crate::access::{Domain, Rules};
use crate::connections::Connections;
use crate::memory::Memory;
use crate::record::{RecordedRequest, Records, Tee};

/// How long connections can finish their responses when the origin stops.
const GRACE: Duration = Duration::from_secs(2);

/// The configuration of an origin.
pub struct OriginConfig {
    /// Where the objects are.
    pub storage: Storage,
    /// The access key of the only user.
    pub access_key: String,
    /// The secret key of the only user.
    pub secret_key: String,
    /// The region that scopes must name; `None` accepts any.
    pub region: Option<String>,
    /// The domain whose subdomains are buckets (virtual-hosted style), such as `s3.example.test`.
    /// A Host that is not below it is served in path style.
    pub domain: Option<String>,
    /// The address to listen on; port 0 selects a free one.
    pub address: SocketAddr,
    /// What happens to requests that have a response.
    pub watch: Watch,
}

impl OriginConfig {
    /// Objects in memory with these keys, in any region, in path style, on a free port of
    /// 127.0.0.1.
    pub fn new(access_key: &str, secret_key: &str) -> Self {
        Self {
            storage: Storage::Memory,
            access_key: access_key.to_owned(),
            secret_key: secret_key.to_owned(),
            region: None,
            domain: None,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            watch: Watch::Record,
        }
    }
}

/// Where an origin keeps its objects.
#[derive(Clone, Debug)]
pub enum Storage {
    /// In memory: any key is an object; add objects with [`Origin::put`].
    Memory,
    /// In files: `<folder>/<bucket>/<key>`. Supports multipart uploads and copies too.
    Folder(PathBuf),
}

/// What happens to requests that have a response.
pub enum Watch {
    /// They are kept for [`Origin::requests`].
    Record,
    /// Each is passed to this function and removed.
    Report(Box<dyn Fn(&RecordedRequest) + Send + Sync>),
}

/// Why an origin cannot start.
#[derive(Debug)]
pub enum StartError {
    /// It cannot listen on the address.
    Listen(SocketAddr, std::io::Error),
    /// The folder of objects cannot be used.
    Folder(PathBuf, std::io::Error),
    /// The system provides neither a thread nor an event queue.
    Runtime(std::io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(address, e) => write!(f, "cannot listen on {address}: {e}"),
            Self::Folder(path, e) => write!(f, "cannot serve folder {}: {e}", path.display()),
            Self::Runtime(e) => write!(f, "cannot start a server thread: {e}"),
        }
    }
}

impl std::error::Error for StartError {}

/// A running origin; dropping it ends its thread and closes its connections.
pub struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
    memory: Option<Memory>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    service: S3Service,
    watch: Watch,
    records: Arc<Records>,
    connections: Connections,
}

impl Shared {
    /// Records the response to a connection's oldest open request.
    fn answered(&self, connection: usize, status: u16) {
        let request = self.records.answered(connection, status);
        if let (Watch::Report(report), Some(request)) = (&self.watch, request) {
            report(&request);
            self.records.forget_answered();
        }
    }
}

impl Origin {
    /// Starts an origin, which then listens.
    pub fn start(config: OriginConfig) -> Result<Self, StartError> {
        let (mut builder, memory) = match config.storage {
            Storage::Memory => {
                let memory = Memory::default();
                (S3ServiceBuilder::new(memory.clone()), Some(memory))
            }
            Storage::Folder(path) => match std::fs::read_dir(&path) {
                Ok(_) => (S3ServiceBuilder::new(folder(path)?), None),
                Err(e) => return Err(StartError::Folder(path, e)),
            },
        };
        builder.set_auth(SimpleAuth::from_single(
            config.access_key,
            config.secret_key,
        ));
        builder.set_access(Rules {
            region: config.region,
        });
        if let Some(domain) = config.domain {
            builder.set_host(Domain(domain));
        }

        let listen_error = |e| StartError::Listen(config.address, e);
        let listener = TcpListener::bind(config.address).map_err(listen_error)?;
        listener.set_nonblocking(true).map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;

        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StartError::Runtime)?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(listen_error)?
        };

        let shared = Arc::new(Shared {
            service: builder.build(),
            watch: config.watch,
            records: Arc::default(),
            connections: Connections::default(),
        });
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("s3-origin".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || runtime.block_on(serve(listener, shared, stopped))
            })
            .map_err(StartError::Runtime)?;

        Ok(Self {
            address,
            shared,
            memory,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Stores an object, and creates its bucket if it is missing.
    ///
    /// # Panics
    ///
    /// If the storage is a folder: write files there.
    #[track_caller]
    pub fn put(&self, bucket: &str, key: &str, body: impl Into<Bytes>) {
        self.memory().put(bucket, key, body.into());
    }

    /// The bytes of an object.
    ///
    /// # Panics
    ///
    /// If the storage is a folder: read files there.
    #[track_caller]
    pub fn get(&self, bucket: &str, key: &str) -> Option<Bytes> {
        self.memory().get(bucket, key)
    }

    #[track_caller]
    fn memory(&self) -> &Memory {
        self.memory
            .as_ref()
            .expect("an origin with objects in memory")
    }

    /// The requests that have arrived, in the order in which their heads were complete. A request
    /// that the HTTP library could not parse is there too, with status 400.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.records.all()
    }

    /// The only request that has arrived.
    ///
    /// # Panics
    ///
    /// If there is none, or more than one.
    #[track_caller]
    pub fn only_request(&self) -> RecordedRequest {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:#?}");
        requests.remove(0)
    }

    /// How many TCP connections have reached the origin before this call, with or without a
    /// request in them.
    ///
    /// # Panics
    ///
    /// If the origin no longer accepts connections.
    #[track_caller]
    pub fn connections(&self) -> usize {
        self.shared.connections.count(self.address)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the origin's thread panicked, see above");
        }
    }
}

fn folder(path: PathBuf) -> Result<s3s_fs::FileSystem, StartError> {
    s3s_fs::FileSystem::new(&path)
        .map_err(|e| StartError::Folder(path, std::io::Error::other(format!("{e:?}"))))
}

/// Accepts connections until `stopped`, then lets them finish for [`GRACE`].
async fn serve(
    listener: tokio::net::TcpListener,
    shared: Arc<Shared>,
    mut stopped: oneshot::Receiver<()>,
) {
    let open = GracefulShutdown::new();
    loop {
        let (stream, peer) = tokio::select! {
            _ = &mut stopped => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                // There is no free descriptor, or the peer is gone already.
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
            },
        };
        let connection = shared.connections.accept(peer);
        // Otherwise small responses wait for the peer's acknowledgment.
        let _ = stream.set_nodelay(true);

        let service = service_fn({
            let shared = Arc::clone(&shared);
            move |request| {
                let shared = Arc::clone(&shared);
                async move {
                    let response = Service::call(&shared.service, request).await;
                    let status = response.as_ref().map_or(500, |r| r.status().as_u16());
                    shared.answered(connection, status);
                    response
                }
            }
        });
        let io = TokioIo::new(Tee::new(stream, connection, Arc::clone(&shared.records)));
        let served = open.watch(http1::Builder::new().serve_connection(io, service));
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            // The library responds itself to what it cannot parse.
            if served.await.is_err_and(|e| e.is_parse()) {
                shared.answered(connection, 400);
            }
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(GRACE, open.shutdown()).await;
}
