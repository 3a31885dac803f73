//! One request and one response, on a separate connection.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use aws_credentials::host::{HttpError, Request, Response};
use aws_credentials::{Endpoint, Scheme};
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderValue, USER_AGENT};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::rt::{Read, ReadBufCursor, Write};
use zeroize::Zeroizing;

use super::names::Names;
use super::time::within;
use crate::ffi::net::connection::Connection;
use crate::ffi::net::connection::tls::{Session, TrustStore};
use crate::ffi::process::log::Log;

const AGENT: &str = concat!("nginx-module-aws-auth/", env!("CARGO_PKG_VERSION"));

/// The maximum length of the head of a response.
const MAX_HEAD: usize = 32 * 1024;

/// How much is read at once.
const READ_SIZE: usize = 4096;

/// Sends requests of the providers.
#[derive(Default)]
pub(crate) struct Client {
    pub(crate) names: Names,
    /// The certificates to verify servers with; `None` if nginx has no TLS, or nobody needs it.
    pub(crate) trust: Option<TrustStore>,
}

impl Client {
    /// See [`aws_credentials::Host::http`].
    pub(crate) async fn exchange(&self, request: Request) -> Result<Response, HttpError> {
        let limit = request.timeout;
        within(limit, self.exchange_for_long(request))
            .await
            .unwrap_or(Err(HttpError::Timeout))
    }

    async fn exchange_for_long(&self, request: Request) -> Result<Response, HttpError> {
        let connect = self.connect(&request.url.endpoint);
        let connection = within(request.connect_timeout, connect)
            .await
            .unwrap_or(Err(HttpError::ConnectTimeout))?;
        let limit = request.limit;
        let request = serialise(request)?;

        let (mut sender, driver) = http1::Builder::new()
            .max_buf_size(MAX_HEAD)
            .handshake(Stream(connection))
            .await
            .map_err(refused)?;
        let answer = async {
            let response = sender.send_request(request).await.map_err(refused)?;
            receive(response, limit).await
        };
        drive(driver, answer).await
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Connection, HttpError> {
        let addresses = self.names.look_up(&endpoint.host).await;
        let addresses = addresses.map_err(HttpError::Resolve)?;
        let mut last = HttpError::Resolve("it has no address".to_owned());
        for address in addresses {
            let address = SocketAddr::new(address, endpoint.port);
            match Connection::connect(address, Log::of_cycle()).await {
                Ok(connection) => return self.encrypt(connection, endpoint).await,
                Err(error) => last = HttpError::Connect(error.to_string()),
            }
        }
        Err(last)
    }

    async fn encrypt(
        &self,
        mut connection: Connection,
        endpoint: &Endpoint,
    ) -> Result<Connection, HttpError> {
        if endpoint.scheme == Scheme::Http {
            return Ok(connection);
        }
        let trust = self.trust.as_ref().ok_or_else(|| {
            HttpError::Tls({
                "there are no trusted certificates, or no TLS in this nginx: see \
                 \"aws_trusted_certificate\""
                    .to_owned()
            })
        })?;
        let session = Session::new(trust, &endpoint.host)
            .ok_or_else(|| HttpError::Tls("the host name is invalid".to_owned()))?;
        match connection.encrypt(&session).await {
            Ok(()) => Ok(connection),
            Err(error) => Err(HttpError::Tls(error.to_string())),
        }
    }
}

fn serialise(request: Request) -> Result<http::Request<Full<Bytes>>, HttpError> {
    let bad = |_: http::Error| HttpError::Protocol("the request cannot be written".to_owned());
    let mut builder = http::Request::builder()
        .method(request.method.as_str())
        .uri(&request.url.target)
        .header(HOST, request.url.endpoint.authority())
        .header(USER_AGENT, AGENT)
        .header(CONNECTION, "close");
    if request.method != aws_credentials::host::Method::Get {
        builder = builder.header(CONTENT_LENGTH, request.body.len());
    }
    for (name, value) in &request.headers {
        let mut value = HeaderValue::from_str(value).map_err(|error| bad(error.into()))?;
        value.set_sensitive(true);
        builder = builder.header(*name, value);
    }
    // The bytes are wiped when the request is dropped.
    builder
        .body(Full::new(Bytes::from_owner(request.body)))
        .map_err(bad)
}

/// Runs the connection while waiting for the response, and no longer.
async fn drive<T>(
    driver: http1::Connection<Stream, Full<Bytes>>,
    answer: impl Future<Output = Result<T, HttpError>>,
) -> Result<T, HttpError> {
    let mut driver = pin!(driver);
    let mut answer = pin!(answer);
    let mut driven = false;
    poll_fn(|cx| {
        if let Poll::Ready(result) = answer.as_mut().poll(cx) {
            return Poll::Ready(result);
        }
        if !driven {
            // An error of the connection also ends the response, whose error is more precise.
            driven = driver.as_mut().poll(cx).is_ready();
            return answer.as_mut().poll(cx);
        }
        Poll::Pending
    })
    .await
}

async fn receive(response: http::Response<Incoming>, limit: usize) -> Result<Response, HttpError> {
    let (head, mut incoming) = response.into_parts();
    let mut body = Zeroizing::new(Vec::new());
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame.map_err(refused)?.into_data() else {
            continue;
        };
        if body.len() + data.len() > limit {
            return Err(HttpError::TooLarge(limit));
        }
        append(&mut body, &data);
    }
    let headers = head.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), Zeroizing::new(value))
    });
    Ok(Response {
        status: head.status.as_u16(),
        headers: headers.collect(),
        body,
    })
}

/// Appends without leaving a copy behind if the vector moves.
fn append(body: &mut Zeroizing<Vec<u8>>, data: &[u8]) {
    if body.capacity() - body.len() < data.len() {
        let mut larger = Zeroizing::new(Vec::with_capacity((body.len() + data.len()) * 2));
        larger.extend_from_slice(body);
        *body = larger;
    }
    body.extend_from_slice(data);
}

fn refused(error: hyper::Error) -> HttpError {
    let io =
        std::error::Error::source(&error).and_then(|source| source.downcast_ref::<io::Error>());
    if error.is_incomplete_message()
        || io.is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof)
    {
        return HttpError::Truncated;
    }
    HttpError::Protocol(match io {
        Some(io) => io.to_string(),
        None => error.to_string(),
    })
}

/// A connection, as hyper uses it.
struct Stream(Connection);

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = Zeroizing::new([0; READ_SIZE]);
        let length = bytes.len().min(buffer.remaining());
        let read = self.0.poll_read(cx, &mut bytes[..length]);
        read.map_ok(|length| buffer.put_slice(&bytes[..length]))
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write(cx, bytes)
    }

    /// Nothing is buffered.
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// The connection is closed when it is dropped.
    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
