//! Packs: any bytes are within the budget or refused, however they are cut; what is let through keeps the budget.
#![no_main]

use git::ObjectFormat;
use git::pack_budget::{PackBudget, PackReader};
use libfuzzer_sys::fuzz_target;

const BUDGET: PackBudget = PackBudget {
    objects_max: 100,
    expanded_bytes_free: 100_000,
    expansion_max: 10,
    object_bytes_max: 50_000,
    object_in_memory_bytes_max: 20_000,
    delta_depth_max: 4,
};

fn read(bytes: &[u8], step: usize) -> Option<(bool, Option<u64>, u64)> {
    let mut reader = PackReader::new(ObjectFormat::Sha1, BUDGET);
    bytes.chunks(step).try_for_each(|chunk| reader.feed(chunk)).ok()?;
    assert!(reader.expanded_bytes() <= BUDGET.expanded_bytes_free.max(bytes.len() as u64 * BUDGET.expansion_max));
    Some((reader.is_done(), reader.objects(), reader.expanded_bytes()))
}

fuzz_target!(|input: (u8, &[u8])| {
    let (step, bytes) = input;
    // The magic is given, so that not every input ends there.
    let pack = [b"PACK\0\0\0\x02\0\0\0".as_slice(), bytes].concat();
    assert_eq!(read(&pack, usize::from(step).max(1)), read(&pack, pack.len()));
});
