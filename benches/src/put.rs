//! The same PUT in each way that `aws_payload` knows, beside plain proxy_pass with the signed headers
//! as constants.

mod body;
mod client;
pub(crate) mod large;
pub(crate) mod memory;
mod sink;
pub(crate) mod small;
mod variant;

use aws_signing::chunked::Layout;

use self::body::Body;
use self::sink::{Received, Sink};
use self::variant::{Payload, Variant};
use crate::configuration::{self, SignedHeaders};
use crate::cpus::Cpus;
use crate::error::BenchError;
use crate::nginx::Nginx;
use crate::options::Options;

/// Starts the nginx of a variant in front of `store`, on the CPU that is measured.
fn start(
    variant: Variant,
    constants: Option<&SignedHeaders>,
    store: u16,
    cpus: &Cpus,
    options: &Options,
) -> Result<Nginx, BenchError> {
    let values = [
        ("module", variant.load_module(options)),
        ("origin", store.to_string()),
        ("location", variant.location(constants)),
    ];
    Ok(cpus.on_the_measured(|| Nginx::start(configuration::PROXY, &values, options))??)
}

/// Sends one small PUT through a new nginx, so that its worker has touched what each request needs,
/// and checks what the upstream receives of it.
fn warm(variant: Variant, nginx: &Nginx, sink: &Sink) -> Result<Received, BenchError> {
    let body = variant.body(4096);
    client::put(nginx.port(), &body)?;
    receive(variant, &body, sink)
}

/// What the upstream has received of a PUT that got a response: an error unless it is what the
/// variant should send.
fn receive(variant: Variant, body: &Body, sink: &Sink) -> Result<Received, BenchError> {
    let received = sink.received().map_err(BenchError::Store)?;
    let payload = configuration::header(&received.head, "x-amz-content-sha256");
    let expected = received.length == sent_length(variant, body)
        && payload.is_some_and(|payload| variant.sends(payload));
    if expected {
        Ok(received)
    } else {
        Err(BenchError::Sends {
            variant: variant.to_string(),
            received: format!("{} bytes behind {}", received.length, received.head),
        })
    }
}

/// The length of the body that the upstream should receive.
fn sent_length(variant: Variant, body: &Body) -> u64 {
    let framed = matches!(variant.payload, Payload::Streaming | Payload::Resigned);
    if !framed {
        return body.length();
    }
    Layout::new(body.length(), Layout::DEFAULT_CHUNK_SIZE, None)
        .expect("the length of a body that is sent here")
        .encoded_length()
}

/// The signed headers that are constants with a plain proxy_pass: those of a PUT without a signed
/// body, which `parse` finds in what the upstream responds or has received (`ask`).
fn constants(
    store: u16,
    cpus: &Cpus,
    options: &Options,
    ask: impl FnOnce(Variant, &Nginx) -> Result<String, BenchError>,
    parse: impl FnOnce(&str) -> Option<SignedHeaders>,
) -> Result<SignedHeaders, BenchError> {
    let variant = Variant {
        payload: Payload::Unsigned,
        buffered: true,
    };
    let nginx = start(variant, None, store, cpus, options)?;
    let received = ask(variant, &nginx)?;
    parse(&received).ok_or_else(|| BenchError::Sends {
        variant: variant.to_string(),
        received,
    })
}
