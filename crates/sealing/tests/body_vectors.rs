//! The decode of each body in the vectors of `aws-signing` is its payload. The format is described
//! beside them.

use std::fs;
use std::path::Path;

use aws_sealing::PassHeaders;
use aws_sealing::body::{BodyError, Declared, Deframer, Expected, Inspector};
use aws_signing::Header;
use aws_signing::chunked::Framing;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

#[test]
fn each_body_becomes_its_payload() {
    let file = "../signing/tests/vectors/chunked-vectors.jsonl";
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let (mut taken, mut refused) = (0, Vec::new());
    for line in text.lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        match check(&vector) {
            Ok(()) => taken += 1,
            Err(error) => refused.push((text_of(&vector["name"]).to_owned(), error.to_string())),
        }
    }
    // Of any name: such trailers pass nowhere but in a test of signatures.
    let generic = "client trailer \"first\" is not listed";
    let refusal = ("trailer-three-generic".to_owned(), generic.to_owned());
    assert_eq!(refused, [refusal]);
    assert!(taken >= 38, "{taken} vectors checked, there were 38");
}

fn check(vector: &Value) -> Result<(), BodyError> {
    let pairs = |field: &str| -> Vec<(&str, &str)> {
        let pairs = vector[field].as_array().unwrap().iter();
        pairs
            .map(|pair| (text_of(&pair[0]), text_of(&pair[1])))
            .collect()
    };
    let headers: Vec<Header<'_>> = pairs("headers")
        .into_iter()
        .map(|(name, value)| Header {
            name: name.as_bytes(),
            value: value.as_bytes(),
        })
        .collect();
    let declared = Declared::from_headers(headers.iter().copied())?;
    let Declared::Framed(framing) = declared else {
        panic!("{declared:?}");
    };
    let expected = Expected::new(framing, headers.iter().copied(), &PassHeaders::default())?;

    let payload = payload(&vector["payload_spec"]);
    let trailers = pairs("trailers");
    let framed = frame(vector, framing, &payload, &trailers);
    assert_eq!(
        hex(&Sha256::digest(&framed)),
        text_of(&vector["encoded_sha256"])
    );

    for size in [usize::MAX, 16_384, 1000, 7] {
        let mut inspector = Inspector::new(expected);
        let mut deframer = Deframer::new(expected)?;
        let mut data = Vec::new();
        for piece in framed.chunks(size.min(framed.len())) {
            inspector.update(piece)?;
            let mut piece = piece.to_vec();
            let length = deframer.update(&mut piece)?;
            data.extend_from_slice(&piece[..length]);
        }
        inspector.finish()?;
        let finished = deframer.finish()?;
        data.extend(finished.last);
        assert!(data == payload, "{}: other data", vector["name"]);
        let verified: Vec<_> = finished.trailers.iter().collect();
        let want: Vec<_> = trailers
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
            .collect();
        assert_eq!(verified, want);
    }
    Ok(())
}

/// The body that the vector describes, of which it holds the hash.
fn frame(vector: &Value, framing: Framing, payload: &[u8], trailers: &[(&str, &str)]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), payload);
    for chunk in vector["chunks"].as_array().unwrap() {
        let size = chunk["size"].as_u64().unwrap() as usize;
        out.extend_from_slice(format!("{size:x}").as_bytes());
        if framing.signs_chunks() {
            let signature = text_of(&chunk["signature"]);
            out.extend_from_slice(format!(";chunk-signature={signature}").as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        if size > 0 {
            let (data, behind) = rest.split_at(size);
            out.extend_from_slice(data);
            out.extend_from_slice(b"\r\n");
            rest = behind;
        }
    }
    for (name, value) in trailers {
        out.extend_from_slice(format!("{name}:{value}\r\n").as_bytes());
    }
    if framing == Framing::SignedTrailer {
        let signature = text_of(&vector["trailer_signature"]);
        out.extend_from_slice(format!("x-amz-trailer-signature:{signature}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out
}

fn payload(spec: &Value) -> Vec<u8> {
    let number = |name: &str| spec[name].as_u64().unwrap();
    match text_of(&spec["kind"]) {
        "repeat" => vec![number("byte") as u8; number("length") as usize],
        "lcg" => {
            let (mul, add) = (number("mul"), number("add"));
            let byte = |at| ((at * mul + add) % 251) as u8;
            (0..number("length")).map(byte).collect()
        }
        "base64" => STANDARD.decode(text_of(&spec["data"])).unwrap(),
        other => panic!("unknown payload {other}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap()
}
