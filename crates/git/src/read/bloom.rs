//! Which paths each commit changed, as `git commit-graph write --changed-paths` noted it: Bloom filters, which say "surely
//! not" or "perhaps" (gitformat-commit-graph(5), chunks `BIDX` and `BDAT`). gix does not read them.

use std::fs;
use std::path::{Path, PathBuf};

/// The most bytes of filters that are kept of one repository; it goes without them if there are more.
const FILTER_BYTES_MAX: u64 = 128 << 20;
/// The most files that a commit-graph's chain has.
const CHAIN_MAX: usize = 64;
/// So many directories of a path are asked for.
const PREFIXES_MAX: usize = 16;
const HEADER_BYTES: usize = 8;
const CHUNK_BYTES: usize = 12;
const DATA_HEADER_BYTES: usize = 12;
const SEEDS: [u32; 2] = [0x293a_e76f, 0x7e64_6e2c];

/// The filters of all commits of a commit-graph, by position.
pub(crate) struct Bloom {
    layers: Vec<Layer>,
    commits: u32,
}

struct Layer {
    commits: u32,
    /// None: this file of the chain has no filters.
    filters: Option<Filters>,
}

struct Filters {
    version: u32,
    hashes: u32,
    ends: Vec<u32>,
    data: Vec<u8>,
}

/// A path, hashed for asking.
pub(crate) struct BloomPath {
    /// Of the path and of each directory that it is in: a commit that changed it noted all of them, so that asking for all
    /// errs less.
    hashes: Vec<[u32; 2]>,
    ascii: bool,
}

impl BloomPath {
    /// Prepares to ask for a path.
    pub(crate) fn new(path: &[u8]) -> Self {
        let ends = (0..path.len()).filter(|at| path[*at] == b'/').chain([path.len()]);
        let hashes = ends.map(|end| SEEDS.map(|seed| murmur3(seed, &path[..end])));
        Self { hashes: hashes.take(PREFIXES_MAX).collect(), ascii: path.is_ascii() }
    }
}

impl Bloom {
    /// Reads the filters of a repository's commit-graph. None: there are none, or too many.
    pub(super) fn load(info: &Path, hash: gix::hash::Kind) -> Option<Self> {
        let mut bloom = Self { layers: Vec::new(), commits: 0 };
        let mut bytes = 0;
        for file in files(info)? {
            bytes += fs::metadata(&file).ok()?.len();
            if bytes > FILTER_BYTES_MAX * 4 {
                return None;
            }
            let layer = Layer::parse(&fs::read(&file).ok()?, hash)?;
            bloom.commits = bloom.commits.checked_add(layer.commits)?;
            bloom.layers.push(layer);
        }
        let kept = bloom.layers.iter().filter_map(|layer| layer.filters.as_ref());
        let kept_bytes: u64 = kept.map(|filters| filters.data.len() as u64 + 4 * filters.ends.len() as u64).sum();
        let any = bloom.layers.iter().any(|layer| layer.filters.is_some());
        (any && kept_bytes <= FILTER_BYTES_MAX).then_some(bloom)
    }

    /// Of how many commits.
    pub(super) fn len(&self) -> u32 {
        self.commits
    }

    /// Whether the commit at this position of the graph may have changed the path against its first parent.
    pub(crate) fn may_change(&self, mut position: u32, path: &BloomPath) -> bool {
        for layer in &self.layers {
            if position < layer.commits {
                return layer.filters.as_ref().is_none_or(|filters| filters.may_change(position as usize, path));
            }
            position -= layer.commits;
        }
        true
    }
}

impl Filters {
    fn may_change(&self, index: usize, path: &BloomPath) -> bool {
        // Version 1 hashed bytes beyond ASCII in a way that depends on the machine.
        if self.version == 1 && !path.ascii {
            return true;
        }
        let end = self.ends[index] as usize;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        let Some(filter) = self.data.get(start..end).filter(|filter| !filter.is_empty()) else { return true };
        let bits = filter.len() as u64 * 8;
        path.hashes.iter().all(|[first, second]| {
            (0..self.hashes).all(|i| {
                let bit = u64::from(first.wrapping_add(i.wrapping_mul(*second))) % bits;
                filter[(bit / 8) as usize] & (1 << (bit % 8)) != 0
            })
        })
    }
}

impl Layer {
    fn parse(bytes: &[u8], hash: gix::hash::Kind) -> Option<Self> {
        let hash_version = if hash == gix::hash::Kind::Sha1 { 1 } else { 2 };
        let head = bytes.get(..HEADER_BYTES)?;
        if &head[..4] != b"CGPH" || head[4] != 1 || head[5] != hash_version {
            return None;
        }
        let chunk = |name: &[u8; 4]| {
            let table = bytes.get(HEADER_BYTES..HEADER_BYTES + CHUNK_BYTES * (usize::from(head[6]) + 1))?;
            let at = table.chunks_exact(CHUNK_BYTES).position(|row| &row[..4] == name)?;
            let offset = |row: usize| {
                let offset = table.get(row * CHUNK_BYTES + 4..(row + 1) * CHUNK_BYTES)?;
                usize::try_from(u64::from_be_bytes(offset.try_into().ok()?)).ok()
            };
            bytes.get(offset(at)?..offset(at + 1)?)
        };
        let commits = u32_at(chunk(b"OIDF")?, 255)?;
        let filters = chunk(b"BIDX").zip(chunk(b"BDAT")).and_then(|(ends, data)| Filters::parse(commits, ends, data));
        Some(Self { commits, filters })
    }
}

impl Filters {
    fn parse(commits: u32, ends: &[u8], data: &[u8]) -> Option<Self> {
        let (version, hashes) = (u32_at(data, 0)?, u32_at(data, 1)?);
        let ends = (0..commits as usize).map(|index| u32_at(ends, index)).collect::<Option<Vec<_>>>()?;
        let known = matches!(version, 1 | 2) && (1..=64).contains(&hashes) && ends.is_sorted();
        let data = data.get(DATA_HEADER_BYTES..)?.to_vec();
        known.then_some(Self { version, hashes, ends, data })
    }
}

fn u32_at(bytes: &[u8], index: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(index * 4..index * 4 + 4)?.try_into().ok()?))
}

/// The files of a commit-graph, the base first; either one, or a chain.
fn files(info: &Path) -> Option<Vec<PathBuf>> {
    let single = info.join("commit-graph");
    if single.exists() {
        return Some(vec![single]);
    }
    let dir = info.join("commit-graphs");
    let chain = fs::read_to_string(dir.join("commit-graph-chain")).ok()?;
    let names = chain.lines().filter(|line| line.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let files = names.map(|name| dir.join(format!("graph-{name}.graph"))).collect::<Vec<_>>();
    (files.len() <= CHAIN_MAX).then_some(files)
}

/// MurmurHash3, 32 bits.
fn murmur3(seed: u32, data: &[u8]) -> u32 {
    let mix = |k: u32| k.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let mut hash = seed;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let k = chunk.iter().rev().fold(0, |k, byte| k << 8 | u32::from(*byte));
        hash = (hash ^ mix(k)).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let tail = chunks.remainder();
    if !tail.is_empty() {
        hash ^= mix(tail.iter().rev().fold(0, |k, byte| k << 8 | u32::from(*byte)));
    }
    hash ^= u32::try_from(data.len()).unwrap_or(u32::MAX);
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_hash_is_the_one_that_git_uses() {
        // From git's t/t0095-bloom.sh.
        assert_eq!(murmur3(0, b""), 0);
        assert_eq!(murmur3(0, b"Hello world!"), 0x627b_0c2c);
        assert_eq!(murmur3(0, b"The quick brown fox jumps over the lazy dog"), 0x2e4f_f723);
    }

    /// A file of one commit whose filter is the last byte.
    fn file() -> Vec<u8> {
        let mut file = b"CGPH\x01\x01\x03\x00".to_vec();
        let chunks: [(&[u8; 4], u64, u64); 3] = [(b"OIDF", 56, 1024), (b"BIDX", 1080, 4), (b"BDAT", 1084, 13)];
        for (name, at, _) in chunks {
            file.extend_from_slice(name);
            file.extend_from_slice(&at.to_be_bytes());
        }
        file.extend_from_slice(&[0; 4]);
        file.extend_from_slice(&1097_u64.to_be_bytes());
        file.extend_from_slice(&[0, 0, 0, 1].repeat(256));
        file.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0, 10, 0xff]);
        file
    }

    fn ask(file: &[u8]) -> Option<bool> {
        let layer = Layer::parse(file, gix::hash::Kind::Sha1)?;
        let bloom = Bloom { commits: layer.commits, layers: vec![layer] };
        let path = BloomPath::new(b"a/b");
        Some((0..bloom.commits.min(3)).all(|position| bloom.may_change(position, &path)))
    }

    #[test]
    fn a_filter_says_surely_not_or_perhaps() {
        let mut file = file();
        assert_eq!(ask(&file), Some(true));
        *file.last_mut().unwrap() = 0;
        assert_eq!(ask(&file), Some(false));
    }

    proptest! {
        #[test]
        fn no_cut_or_changed_file_stops_the_reader(cut in 0..1097_usize, at in 0..1097_usize, to in any::<u8>()) {
            ask(&file()[..cut]);
            let mut changed = file();
            changed[at] = to;
            ask(&changed);
        }
    }
}
