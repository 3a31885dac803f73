//! The reserved memory is enough: nothing grows while a head is written.

use aws_signing::presign::Expires;
use aws_signing::{CredentialScope, SigningKey, v2};

use super::*;
use crate::destination::Addressing;
use crate::forwarding::PassHeaders;
use crate::method::MethodSet;
use crate::owner::{Configured, Sources};
use crate::policy::Place;
use crate::signature::SignatureError;
use crate::target::{Form, TargetSource};
use crate::unsigned::Payload;

/// Grows as much as possible: each byte becomes three in a query.
const TOKEN: &[u8] = &[b'+'; 2000];

fn head(lines: usize, target: &str) -> Vec<u8> {
    let mut head = format!("GET {target} HTTP/1.1\r\nHost: h\r\n");
    for line in 0..lines {
        head += &format!("x-amz-{line}: \r\n");
    }
    (head + "\r\n").into_bytes()
}

#[test]
fn what_is_reserved_is_enough() {
    let targets = [
        "/".to_owned(),
        format!("/{}?{}", "(".repeat(3000), "(".repeat(3000)),
        format!("/?{}", "a&".repeat(3000)),
        format!("/k?acl&uploads&{}", "response-expires=(&".repeat(100)),
    ];
    let expires = Expires::MAX;
    let v2_key = v2::SecretKey::new(b"secret");
    let mut sealed = 0;
    for target in &targets {
        for lines in [0, 1, 300] {
            for service in ["s3", "execute-api", "iotdevicegateway"] {
                for place in [Place::Headers, Place::Query { expires }] {
                    for v2 in [false, true] {
                        let region = "r".repeat(60);
                        let scope = CredentialScope::new("20130524", &region, service).unwrap();
                        let key = SigningKey::from_bytes(&[7; 32]);
                        let identity = Identity {
                            access_key: &[b'='; 128],
                            session_token: Some(TOKEN),
                            expires_at: None,
                            key: if v2 {
                                Key::V2(&v2_key)
                            } else {
                                Key::V4 {
                                    scope: &scope,
                                    key: &key,
                                }
                            },
                        };
                        sealed += usize::from(check(lines, target, place, &identity));
                    }
                }
            }
        }
    }
    assert!(sealed > 100, "{sealed}");
}

/// Whether this could be sealed at all; a sub-resource must not be there twice.
fn check(lines: usize, target: &str, place: Place, identity: &Identity<'_>) -> bool {
    let head = &head(lines, target)[..];
    let names: Vec<String> = (0..lines).map(|line| format!("x-amz-{line}")).collect();
    let configured = Configured::new(names.iter().map(|name| (name.as_bytes(), &b"$v"[..])));
    let request = Unsigned {
        head,
        target: 4..4 + target.len(),
        source: TargetSource {
            form: &Form::Bare,
            uri: b"/",
            args: b"",
            request_uri: target.as_bytes(),
        },
        payload: Payload::EMPTY,
        sources: Sources {
            configured: &configured,
            client: &|_| {},
            forwards_client: true,
            cacheable: false,
            evaluated: None,
        },
    };
    let policy = Policy {
        methods: MethodSet::READ_ONLY,
        operations: aws_operations::OperationSet::ALL,
        addressing: None,
        pass_headers: PassHeaders::default(),
        signed_headers: Default::default(),
        response_overrides: true,
        place,
    };
    let destination = Destination::Bucket {
        bucket: &[b'b'; 255],
        endpoint: b"store.example",
        addressing: Addressing::Path,
    };
    let mut sealer = Sealer::new();
    let capacities = |sealer: &Sealer| {
        [
            sealer.sealed.capacity(),
            sealer.lines_apart.capacity(),
            sealer.target.path.capacity(),
            sealer.target.query.capacity(),
        ]
    };
    sealer
        .reserve(&request, &policy, &destination, identity)
        .unwrap();
    let (reserved, most) = (capacities(&sealer), sealer.sealed.capacity());
    let now = Timestamp::from_unix(1_369_353_600);
    let done = sealer.seal(&request, &policy, &destination, identity, &now);
    let done = match done {
        Ok(_) => true,
        Err(SealError::Sign(SignatureError::V2(v2::SignError::RepeatedSubresource { .. }))) => {
            false
        }
        Err(error) => panic!("{error}"),
    };
    assert_eq!(
        capacities(&sealer),
        reserved,
        "{place:?} {:?}",
        identity.key
    );
    assert!(sealer.signed_text().1.len() <= most);
    done
}
