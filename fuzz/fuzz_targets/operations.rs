//! Which S3 operation a request asks for. See `../README.md` for the input.

#![no_main]

use aws_operations::{
    Headers, Levels, Operation, OperationSet, Parameters, Request, is_administration,
};
use aws_signing::query::parameters;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [headers, lines @ ..] = input else {
        return;
    };
    let mut lines = lines.splitn(3, |byte| *byte == b'\n');
    let [method, path, query] = std::array::from_fn(|_| lines.next().unwrap_or_default());
    let mut noted = Parameters::default();
    for parameter in parameters(query) {
        noted.note(parameter.name, parameter.value);
    }
    let headers = Headers {
        copy_source: headers & 1 != 0,
        request_route: headers & 2 != 0,
        form: headers & 4 != 0,
    };

    let [in_path, in_host] = [false, true].map(|bucket_in_host| {
        let _ = is_administration(path, bucket_in_host);
        let levels = Levels::of_path(path, bucket_in_host);
        let request = Request {
            method,
            levels,
            parameters: noted,
            headers,
        };
        check(&request);
        (request, levels)
    });
    // Where it is not known what names the bucket, the operations of both readings are needed.
    let either = Request {
        levels: in_path.1.or(in_host.1),
        ..in_path.0
    };
    let both = in_path.0.operations().with(in_host.0.operations());
    assert_eq!(either.operations(), both);
});

/// A request asks for something, and each operation that it asks for is in the table.
fn check(request: &Request<'_>) {
    let needed = request.operations();
    assert!(!needed.is_empty());
    assert!(request.is_allowed(needed) && request.is_allowed(OperationSet::ALL));
    assert!(!request.is_allowed(OperationSet::EMPTY));

    let mut named = OperationSet::EMPTY;
    for operation in needed.iter() {
        assert!(!request.is_allowed(OperationSet::ALL.without(OperationSet::of(operation))));
        assert!(OperationSet::of_class(operation.class()).contains(operation));
        if operation == Operation::UNKNOWN {
            assert!(operation.resource().is_none() && operation.actions(true).is_empty());
            named = named.with(OperationSet::of(operation));
        } else {
            assert_eq!(Operation::of_name(operation.name()), Some(operation));
            assert!(operation.resource().is_some());
            named.insert(operation.name()).expect("a name of the table");
        }
    }
    assert_eq!(named, needed);
    let strongest = needed.strongest().expect("an operation");
    let weights = needed.iter().map(|operation| operation.class().weight());
    assert_eq!(weights.max(), Some(strongest.class().weight()));
    assert!(needed.contains(strongest));
}
