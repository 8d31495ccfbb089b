use super::*;
use proptest::prelude::*;
use std::io::Write as _;
use std::process::{Command, Stdio};

fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn entry(kind: u8, declared: u64, base: &[u8], data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut byte, mut rest) = (kind << 4 | (declared & 15) as u8, declared >> 4);
    while rest > 0 {
        out.push(byte | 0x80);
        (byte, rest) = ((rest & 127) as u8, rest >> 7);
    }
    out.push(byte);
    out.extend_from_slice(base);
    out.extend(deflate(data));
    out
}

fn delta(source: u64, result: u64) -> Vec<u8> {
    let mut out = Vec::new();
    for mut size in [source, result] {
        while size > 127 {
            out.push(size as u8 | 0x80);
            size >>= 7;
        }
        out.push(size as u8);
    }
    out.extend_from_slice(&[0x90, 1]);
    out
}

fn offset(mut back: u64) -> Vec<u8> {
    let mut out = vec![(back & 127) as u8];
    while back > 127 {
        back = (back >> 7) - 1;
        out.insert(0, (back & 127) as u8 | 0x80);
    }
    out
}

fn pack(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"PACK\0\0\0\x02".to_vec();
    out.extend((entries.len() as u32).to_be_bytes());
    entries.iter().for_each(|entry| out.extend_from_slice(entry));
    out.extend_from_slice(&[0; 20]);
    out
}

fn read(bytes: &[u8], budget: PackBudget, step: usize) -> Result<PackReader, PackError> {
    let mut reader = PackReader::new(ObjectFormat::Sha1, budget);
    bytes.chunks(step).try_for_each(|chunk| reader.feed(chunk))?;
    Ok(reader)
}

fn refused(entries: &[Vec<u8>], budget: PackBudget) -> String {
    read(&pack(entries), budget, 4096).unwrap_err().to_string()
}

/// A chain of `length` deltas, each on the one before.
fn chain(length: usize) -> Vec<Vec<u8>> {
    let mut entries = vec![entry(3, 1, &[], b"x")];
    for _ in 0..length {
        let back = entries.last().unwrap().len() as u64;
        let delta = delta(1, 1);
        entries.push(entry(6, delta.len() as u64, &offset(back), &delta));
    }
    entries
}

#[test]
fn packs_that_git_makes_are_read_to_their_end_however_they_are_cut() {
    for format in ["sha1", "sha256"] {
        let dir = tempfile::tempdir().unwrap();
        let git = |args: &[&str], input: &[u8]| {
            let mut child = child_of(Command::new("git").args(args).current_dir(dir.path()));
            child.stdin.take().unwrap().write_all(input).unwrap();
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{args:?}");
            output.stdout
        };
        git(&["init", "-q", "--object-format", format], b"");
        let mut text = String::new();
        for n in 0..40 {
            text.push_str(&format!("a line of a file that grows, number {n}\n"));
            std::fs::write(dir.path().join("file"), &text).unwrap();
            git(&["add", "file"], b"");
            git(&["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", &format!("{n}")], b"");
        }
        for flags in [["--delta-base-offset", "-q"], ["-q", "--window=20"]] {
            let bytes = git(&["pack-objects", "--all", "--revs", "--stdout", flags[0], flags[1]], b"");
            let format = format.parse().unwrap();
            for step in [1, 7, 1000, 1 << 20] {
                let mut reader = PackReader::new(format, PackBudget::default());
                bytes.chunks(step).try_for_each(|chunk| reader.feed(chunk)).unwrap();
                assert!(reader.is_done(), "{reader:?}");
                assert_eq!(reader.objects(), Some(120));
            }
            let mut reader = PackReader::new(format, PackBudget::default());
            reader.feed(&bytes[..bytes.len() - 1]).unwrap();
            assert!(!reader.is_done());
        }
    }
}

fn child_of(command: &mut Command) -> std::process::Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_bomb_is_refused_by_what_it_declares() {
    let small = PackBudget { expanded_bytes_free: 10_000, expansion_max: 10, ..PackBudget::default() };
    assert!(refused(&[entry(3, 1 << 30, &[], b"")], small).contains("expands to over 10000 bytes"));
    let copies = delta(1, 9_000);
    let base = entry(3, 1, &[], b"x");
    let first = entry(6, copies.len() as u64, &offset(base.len() as u64), &copies);
    let second = entry(6, copies.len() as u64, &offset(first.len() as u64), &copies);
    assert!(refused(&[base, first, second], small).contains("expansion_max"));
}

#[test]
fn a_pack_that_is_large_may_expand_further() {
    let budget = PackBudget { expanded_bytes_free: 100, expansion_max: 10, ..PackBudget::default() };
    let noise: Vec<u8> = (0..5000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let entries = [entry(3, 100, &[], &[7; 100]), entry(3, 5000, &[], &noise)];
    assert!(read(&pack(&entries), PackBudget { expansion_max: 500, ..budget }, 100).unwrap().is_done());
    assert!(refused(&entries, budget).contains("expands"));
}

#[test]
fn each_limit_is_named() {
    let budget =
        PackBudget { objects_max: 2, object_bytes_max: 50, object_in_memory_bytes_max: 20, ..PackBudget::default() };
    let blob = |size: usize| entry(3, size as u64, &[], &vec![1; size]);
    assert!(read(&pack(&[blob(50), blob(1)]), budget, 9).unwrap().is_done());
    assert!(refused(&[blob(51)], budget).contains("object_bytes_max"));
    assert!(refused(&[entry(2, 21, &[], &[1; 21])], budget).contains("object_in_memory_bytes_max"));
    assert!(refused(&[blob(1), blob(1), blob(1)], budget).contains("3 objects, over 2 (objects_max)"));
    let base = blob(1);
    let large = delta(1, 21);
    let on = entry(6, large.len() as u64, &offset(base.len() as u64), &large);
    assert!(refused(&[base, on], budget).contains("object_in_memory_bytes_max"));
    let named = entry(7, large.len() as u64, &[9; 20], &large);
    assert!(refused(&[named], budget).contains("object_in_memory_bytes_max"));
}

#[test]
fn chains_are_counted() {
    let budget = PackBudget { delta_depth_max: 5, ..PackBudget::default() };
    assert!(read(&pack(&chain(5)), budget, 3).unwrap().is_done());
    assert!(refused(&chain(6), budget).contains("over 5 deltas"));
}

#[test]
fn lies_and_nonsense_are_refused() {
    let budget = PackBudget::default();
    let zeros = vec![0; 1 << 20];
    for (entries, words) in [
        (vec![entry(3, 10, &[], &zeros)], "longer than it says"),
        (vec![entry(3, 10, &[], b"short")], "shorter than it says"),
        (vec![entry(0, 1, &[], b"x")], "no known kind"),
        (vec![entry(5, 1, &[], b"x")], "no known kind"),
        (vec![entry(6, 4, &offset(500), &delta(1, 1))], "builds on nothing"),
        (vec![entry(6, 4, &[0], &delta(1, 1))], "builds on nothing"),
        (vec![entry(7, 1, &[0; 20], &[0x80])], "shorter than it says"),
        (vec![entry(7, 30, &[0; 20], &[0x80; 30])], "no sizes"),
    ] {
        let error = refused(&entries, budget);
        assert!(error.contains(words), "{error}, not {words}");
    }
    assert!(read(b"PICK\0\0\0\x02\0\0\0\0", budget, 1).is_err());
    let mut after = pack(&[entry(3, 1, &[], b"x")]);
    after.push(0);
    assert!(read(&after, budget, 4096).unwrap_err().to_string().contains("bytes follow"));
    let mut broken = pack(&[entry(3, 1, &[], b"x")]);
    broken[13] ^= 0xff;
    assert!(read(&broken, budget, 4096).is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_and_never_more_is_inflated_than_declared(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..300), count in 0u8..4, step in 1usize..50,
    ) {
        let mut all = b"PACK\0\0\0\x02\0\0\0".to_vec();
        all.push(count);
        all.append(&mut bytes);
        let _ = read(&all, PackBudget::default(), step);
    }

    #[test]
    fn a_flipped_bit_does_no_harm(at in 0usize..120, bit in 0u8..8) {
        let mut bytes = pack(&chain(3));
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        let whole = read(&bytes, PackBudget::default(), 1 << 20).is_ok_and(|reader| reader.is_done());
        let cut = read(&bytes, PackBudget::default(), 1).is_ok_and(|reader| reader.is_done());
        prop_assert_eq!(whole, cut);
    }
}
