//! Bodies in aws-chunked framing: `chunked-vectors.jsonl`.

use std::num::NonZeroU32;

use aws_signing::chunked::{
    ChunkSigner, Encoder, Event, Framing, Layout, Parser, Resigner, Trailers,
};
use aws_signing::path::Rules;
use aws_signing::{CredentialScope, SigningKey};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::formats::{Failure, Line};
use crate::{check_head, equal, hex, text, timestamp};

/// A body in its parts, as the vector has them.
struct Body {
    framing: Framing,
    payload: Vec<u8>,
    /// Size and signature of each, the empty one included.
    chunks: Vec<(usize, String)>,
    trailers: Trailers,
    trailer_signature: String,
}

pub(crate) fn check(line: &Line) -> Result<(), Failure> {
    let algorithm = line.text("algorithm")?;
    let framing = Framing::from_payload(algorithm.as_bytes()).ok_or("unknown framing")?;
    equal("payload line", framing.payload(), algorithm)?;
    check_head(line, Rules::S3, framing.payload(), "seed_signature")?;

    let timestamp = timestamp(line.text("timestamp")?)?;
    let (region, service) = (line.text("region")?, line.text("service")?);
    let scope = CredentialScope::new(timestamp.date(), region, service)?;
    let key = SigningKey::derive(line.text("secret_key")?.as_bytes(), &scope);
    let seed = line.text("seed_signature")?.as_bytes().try_into()?;
    let signer = ChunkSigner::new(&key, &scope, &timestamp, seed).expect("memory");

    let body = body(line, framing)?;
    check_chain(line, &body, signer.clone())?;
    let framed = check_framing(line, &body)?;
    check_parser(&body, &framed)?;
    if framing.signs_chunks() {
        check_encoder(line, &body, &framed, signer.clone())?;
        check_resigner(&body, &framed, signer)?;
    }
    Ok(())
}

fn body(line: &Line, framing: Framing) -> Result<Body, Failure> {
    let payload = payload(&line.object("payload_spec")?)?;
    equal(
        "payload",
        &hex(&Sha256::digest(&payload)),
        line.text("payload_sha256")?,
    )?;
    let mut chunks = Vec::new();
    for chunk in array(line, "chunks")? {
        let size = chunk["size"].as_u64().ok_or("a chunk has no size")?;
        let signature = chunk["signature"].as_str().unwrap_or_default();
        chunks.push((usize::try_from(size)?, signature.to_owned()));
    }
    let mut trailers = Trailers::new();
    for field in array(line, "trailers")? {
        let (name, value) = field[0]
            .as_str()
            .zip(field[1].as_str())
            .ok_or("not a trailer")?;
        trailers.push(name.as_bytes(), value.as_bytes())?;
    }
    Ok(Body {
        framing,
        payload,
        chunks,
        trailers,
        trailer_signature: line
            .text("trailer_signature")
            .unwrap_or_default()
            .to_owned(),
    })
}

/// Strings to sign and signatures of chunks and trailers.
fn check_chain(line: &Line, body: &Body, mut signer: ChunkSigner) -> Result<(), Failure> {
    let mut rest = &body.payload[..];
    for (at, chunk) in array(line, "chunks")?.iter().enumerate() {
        let (data, behind) = rest
            .split_at_checked(body.chunks[at].0)
            .ok_or("too short")?;
        rest = behind;
        let hash: [u8; 32] = Sha256::digest(data).into();
        let field = |name: &str| chunk[name].as_str().ok_or(format!("chunk {at}: no {name}"));
        equal(&format!("chunk {at}"), &hex(&hash), field("sha256")?)?;
        if body.framing.signs_chunks() {
            let string_to_sign = text(signer.chunk_string_to_sign(&hash)).to_owned();
            let stage = format!("string to sign of chunk {at}");
            equal(&stage, &string_to_sign, field("string_to_sign")?)?;
            let signature = signer.sign_chunk(&hash);
            let stage = format!("signature of chunk {at}");
            equal(&stage, text(&signature), field("signature")?)?;
        }
    }
    if !rest.is_empty() {
        return Err("the chunks are shorter than the payload".into());
    }
    if body.framing != Framing::Signed {
        let mut canonical = Vec::new();
        body.trailers
            .write_canonical(&mut canonical)
            .expect("memory");
        equal(
            "canonical trailers",
            text(&canonical),
            line.text("trailer_canonical")?,
        )?;
    }
    if body.framing == Framing::SignedTrailer {
        equal(
            "string to sign of the trailers",
            text(
                &signer
                    .trailer_string_to_sign(&body.trailers)
                    .expect("memory"),
            ),
            line.text("trailer_string_to_sign")?,
        )?;
        equal(
            "signature of the trailers",
            text(&signer.sign_trailers(&body.trailers).expect("memory")),
            line.text("trailer_signature")?,
        )?;
    }
    Ok(())
}

/// The body as the vector frames it, put together here without the crate.
fn check_framing(line: &Line, body: &Body) -> Result<Vec<u8>, Failure> {
    let framed = frame(body, |signature| signature.to_owned());
    equal(
        "encoded length",
        &framed.len().to_string(),
        &line.value("encoded_length")?.to_string(),
    )?;
    equal(
        "encoded body",
        &hex(&Sha256::digest(&framed)),
        line.text("encoded_sha256")?,
    )?;
    if let Some(encoded) = line.value("encoded_base64")?.as_str() {
        equal("encoded body", text(&framed), text(&base64(encoded)?))?;
    }
    Ok(framed)
}

fn check_parser(body: &Body, framed: &[u8]) -> Result<(), Failure> {
    let mut parser = Parser::new(body.framing, body.payload.len() as u64);
    let (mut data, mut sizes) = (Vec::new(), Vec::new());
    for mut piece in framed.chunks(1000) {
        while !piece.is_empty() {
            let (used, event) = parser.next(piece)?;
            piece = &piece[used..];
            match event {
                Event::Chunk { size } => sizes.push(size as usize),
                Event::Data(bytes) => data.extend_from_slice(bytes),
                _ => {}
            }
        }
    }
    parser.finish()?;
    same("parsed data", &data, &body.payload)?;
    same(
        "parsed sizes",
        &sizes,
        &body.chunks.iter().map(|chunk| chunk.0).collect(),
    )?;
    same("parsed trailers", parser.trailers(), &body.trailers)
}

/// The encoder cuts a body into equal chunks, except the last: not all vectors are cut so.
fn check_encoder(
    line: &Line,
    body: &Body,
    framed: &[u8],
    signer: ChunkSigner,
) -> Result<(), Failure> {
    let sizes: Vec<usize> = body.chunks.iter().map(|chunk| chunk.0).collect();
    let [full @ .., _, _] = &sizes[..] else {
        return check_encoder_of(line, body, framed, signer, Layout::DEFAULT_CHUNK_SIZE);
    };
    let size = sizes[0];
    if full.iter().all(|&other| other == size) && sizes[full.len()] <= size {
        let size = NonZeroU32::try_from(u32::try_from(size)?)?;
        check_encoder_of(line, body, framed, signer, size)?;
    }
    Ok(())
}

fn check_encoder_of(
    line: &Line,
    body: &Body,
    framed: &[u8],
    signer: ChunkSigner,
    size: NonZeroU32,
) -> Result<(), Failure> {
    let trailers = (body.framing == Framing::SignedTrailer).then(|| body.trailers.length());
    let layout = Layout::new(body.payload.len() as u64, size, trailers).ok_or("too long")?;
    same("framing of the layout", &layout.framing(), &body.framing)?;
    equal(
        "encoded length of the layout",
        &layout.encoded_length().to_string(),
        &line.value("encoded_length")?.to_string(),
    )?;
    let mut encoder = Encoder::new(layout, signer);
    let (mut out, mut held) = (Vec::new(), Vec::new());
    for mut piece in body.payload.chunks(1000) {
        while !piece.is_empty() {
            let taken = encoder.update(piece)?;
            held.extend_from_slice(&piece[..taken]);
            piece = &piece[taken..];
            if let Some(header) = encoder.chunk_header() {
                out.extend_from_slice(&header);
                out.append(&mut held);
            }
        }
    }
    encoder.finish(&body.trailers, &mut out)?;
    same("body by the encoder", &out[..], framed)
}

/// Whatever is in the place of the signatures, the right ones do afterwards.
fn check_resigner(body: &Body, framed: &[u8], signer: ChunkSigner) -> Result<(), Failure> {
    let theirs = frame(body, |_| "5".repeat(64));
    let decoded = body.payload.len() as u64;
    let mut resigner = Resigner::new(body.framing, decoded, signer).ok_or("unsigned")?;
    let mut out = Vec::new();
    for mut piece in theirs.chunks(1000) {
        while !piece.is_empty() {
            piece = &piece[resigner.update(piece, &mut out)?.used..];
        }
    }
    resigner.finish()?;
    same("body by the resigner", &out[..], framed)
}

fn frame(body: &Body, signature: impl Fn(&str) -> String) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = &body.payload[..];
    for (size, own) in &body.chunks {
        let extension = match body.framing {
            Framing::UnsignedTrailer => String::new(),
            _ => format!(";chunk-signature={}", signature(own)),
        };
        out.extend_from_slice(format!("{size:x}{extension}\r\n").as_bytes());
        if *size > 0 {
            let (data, behind) = rest.split_at(*size);
            rest = behind;
            out.extend_from_slice(data);
            out.extend_from_slice(b"\r\n");
        }
    }
    for (name, value) in body.trailers.iter() {
        out.extend_from_slice(&[name, b":", value, b"\r\n"].concat());
    }
    if body.framing == Framing::SignedTrailer {
        let own = signature(&body.trailer_signature);
        out.extend_from_slice(format!("x-amz-trailer-signature:{own}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out
}

fn payload(spec: &Line) -> Result<Vec<u8>, Failure> {
    let number = |name: &str| -> Result<u64, Failure> {
        Ok(spec.value(name)?.as_u64().ok_or("not a number")?)
    };
    Ok(match spec.text("kind")? {
        "repeat" => vec![number("byte")? as u8; number("length")? as usize],
        "lcg" => {
            let (mul, add) = (number("mul")?, number("add")?);
            let byte = |at| ((at * mul + add) % 251) as u8;
            (0..number("length")?).map(byte).collect()
        }
        "base64" => base64(spec.text("data")?)?,
        other => return Err(format!("unknown payload {other}").into()),
    })
}

fn base64(text: &str) -> Result<Vec<u8>, Failure> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut out, mut bits, mut value) = (Vec::new(), 0, 0);
    for digit in text.trim_end_matches('=').chars() {
        value = value << 6 | DIGITS.find(digit).ok_or("not base64")?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((value >> bits) as u8);
            value &= (1 << bits) - 1;
        }
    }
    Ok(out)
}

fn array<'a>(line: &'a Line, field: &str) -> Result<&'a Vec<Value>, Failure> {
    let value = line.value(field)?.as_array();
    Ok(value.ok_or_else(|| format!("{field} is no array"))?)
}

/// As `equal`, for what is too long or too odd to be shown.
fn same<T: PartialEq + ?Sized>(stage: &str, got: &T, expected: &T) -> Result<(), Failure> {
    match got == expected {
        true => Ok(()),
        false => Err(format!("{stage}: differs").into()),
    }
}
