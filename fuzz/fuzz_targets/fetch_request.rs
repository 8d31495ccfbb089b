//! Requests to fetch: any bytes are a request or an error; what the client calls itself makes no difference.
#![no_main]

use git::smart_http::Protocol;
use git::upload::{self, Request, UploadLimits};
use git::{ObjectFormat, RefName, RefSnapshot};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (version, bytes) = input;
    let protocol = [Protocol::V0, Protocol::V1, Protocol::V2][usize::from(version % 3)];
    let refs = RefSnapshot::new(1, ObjectFormat::Sha1, RefName::main(), vec![]);
    match upload::parse(bytes, protocol, &refs, UploadLimits::default()) {
        Ok(Request::LsRefs(request)) => drop(refs.ls_refs(&request)),
        // What an answer depends on is a request itself, with the same meaning.
        Ok(Request::Git { normal, .. }) => match upload::parse(normal.clone(), protocol, &refs, UploadLimits::default()) {
            Ok(Request::Git { normal: again, .. }) => assert_eq!(normal, again),
            other => panic!("{other:?}"),
        },
        Err(_) => {}
    }
});
