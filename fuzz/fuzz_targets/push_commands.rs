//! The commands of a push: any bytes are a push or an error; what is taken is within the limits and names no ref twice.
#![no_main]

use futures_util::FutureExt as _;
use git::ObjectFormat;
use git::receive::{PushRequest, ReceiveLimits};
use libfuzzer_sys::fuzz_target;
use std::collections::HashSet;

fuzz_target!(|input: (bool, &[u8])| {
    let (sha256, mut bytes) = input;
    let format = if sha256 { ObjectFormat::Sha256 } else { ObjectFormat::Sha1 };
    let limits = ReceiveLimits { commands_max: 8, push_options_max: 4, push_option_bytes_max: 16, ..ReceiveLimits::default() };
    let Some(Ok(request)) = PushRequest::read(&mut bytes, format, &limits).now_or_never() else { return };
    assert!(request.commands.len() <= 8 && request.push_options.len() <= 4);
    let (places, updates) = request.updates(&request.verdicts());
    assert_eq!(places.len(), updates.len());
    let names: HashSet<_> = updates.iter().map(|update| update.name.as_str()).collect();
    assert_eq!(names.len(), updates.len());
    for update in &updates {
        let ids = [update.old, update.new];
        assert!(ids.iter().flatten().all(|id| id.format() == format && !id.is_zero()));
        assert!(ids.iter().any(Option::is_some));
    }
});
