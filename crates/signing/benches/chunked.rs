//! What aws-chunked framing costs beside the SHA-256 of the data, which no signer can avoid: 16 MiB
//! in chunks of 64 KiB, handed in by 16 KiB. Ends with rates and their ratios.

use std::fs;
use std::hint::black_box;
use std::path::Path;

use aws_signing::chunked::{
    ChunkSigner, Encoder, Event, Framing, Layout, Parser, Resigner, Trailers,
};
use aws_signing::{CredentialScope, SigningKey, Timestamp};
use criterion::{Criterion, Throughput};
use serde_json::Value;
use sha2::{Digest, Sha256};

const LENGTH: usize = 16 << 20;
const PIECE: usize = 16 << 10;

fn signer() -> ChunkSigner {
    let now = Timestamp::from_unix(1_767_225_600);
    let scope = CredentialScope::new(now.date(), "eu-central-1", "s3").unwrap();
    ChunkSigner::new(&SigningKey::from_bytes(&[7; 32]), &scope, &now, &[b'0'; 64]).expect("memory")
}

/// Frames without copying data: `send` gets each header and the end.
fn encode(data: &[u8], mut send: impl FnMut(&[u8], usize)) {
    let layout = Layout::new(data.len() as u64, Layout::DEFAULT_CHUNK_SIZE, None).unwrap();
    let mut encoder = Encoder::new(layout, signer());
    let mut at = 0;
    while at < data.len() {
        at += encoder
            .update(&data[at..data.len().min(at + PIECE)])
            .unwrap();
        if let Some(header) = encoder.chunk_header() {
            send(&header, at);
        }
    }
    let mut end = Vec::new();
    encoder.finish(&Trailers::new(), &mut end).unwrap();
    send(&end, at);
}

fn parse(body: &[u8]) -> usize {
    let mut parser = Parser::new(Framing::Signed, LENGTH as u64);
    let mut data = 0;
    for mut piece in body.chunks(PIECE) {
        while !piece.is_empty() {
            let (used, event) = parser.next(piece).unwrap();
            piece = &piece[used..];
            if let Event::Data(bytes) = event {
                data += bytes.len();
            }
        }
    }
    parser.finish().unwrap();
    data
}

fn resign(body: &[u8], held: &mut Vec<u8>) {
    let mut resigner = Resigner::new(Framing::Signed, LENGTH as u64, signer()).unwrap();
    for mut piece in body.chunks(PIECE) {
        while !piece.is_empty() {
            let step = resigner.update(piece, held).unwrap();
            piece = &piece[step.used..];
            if step.complete {
                black_box(&held);
                held.clear();
            }
        }
    }
    resigner.finish().unwrap();
}

fn main() {
    let data: Vec<u8> = (0..LENGTH).map(|at| (at * 7 + at / 251) as u8).collect();
    let (mut body, mut sent) = (Vec::new(), 0);
    encode(&data, |header, end| {
        // The header comes before the data that came since the one before.
        body.extend_from_slice(header);
        body.extend_from_slice(&data[sent..end]);
        sent = end;
    });
    assert_eq!(parse(&body), LENGTH);

    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("criterion-chunked");
    let mut criterion = Criterion::default()
        .without_plots()
        .output_directory(&directory)
        .configure_from_args();
    let mut group = criterion.benchmark_group("16MiB");
    group.throughput(Throughput::Bytes(LENGTH as u64));
    group.sample_size(20);
    group.bench_function("sha256", |bencher| {
        bencher.iter(|| Sha256::digest(black_box(&data)));
    });
    group.bench_function("encoder", |bencher| {
        bencher.iter(|| {
            encode(black_box(&data), |header, _| {
                black_box(header);
            })
        });
    });
    group.bench_function("resigner", |bencher| {
        let mut held = Vec::new();
        bencher.iter(|| resign(black_box(&body), &mut held));
    });
    group.bench_function("parser", |bencher| {
        bencher.iter(|| parse(black_box(&body)));
    });
    group.finish();
    criterion.final_summary();

    // `cargo test --benches` runs each once and measures nothing.
    let time = |name: &str| -> Option<f64> {
        let file = directory
            .join("16MiB")
            .join(name)
            .join("new/estimates.json");
        let estimates = fs::read(file).ok()?;
        serde_json::from_slice::<Value>(&estimates).ok()?["median"]["point_estimate"].as_f64()
    };
    if let Some(hashing) = time("sha256") {
        for name in ["sha256", "encoder", "resigner", "parser"] {
            if let Some(time) = time(name) {
                let (rate, ratio) = (LENGTH as f64 / time, time / hashing);
                println!("{name:8} {rate:7.2} GB/s  {ratio:5.3} x the time of SHA-256 alone");
            }
        }
    }
}
