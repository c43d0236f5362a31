//! Git's index: the names of the files that a repository tracks. (source: Git, `gitformat-index`, versions 2 to 4)

/// The bytes of an entry before its object ID: times, device, inode, mode, owner and size.
const STAT_BYTES: usize = 40;

/// The lengths of object IDs: SHA-1 and SHA-256.
const ID_BYTES: [usize; 2] = [20, 32];

/// The flag of an entry with two more bytes of flags.
const EXTENDED: u16 = 0x4000;

/// The files that a repository tracks.
#[derive(Debug, Default)]
pub(crate) struct GitIndex {
    /// Their paths from the root, with slashes, sorted by bytes.
    paths: Vec<Vec<u8>>,
}

impl GitIndex {
    /// Reads an index; the error is the reason why it cannot be read.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        // The index does not contain the length of its object IDs; with the wrong length its parts do not add up.
        let mut result = Err("it is not valid");
        for id_bytes in ID_BYTES {
            match entries(bytes, id_bytes) {
                Ok(mut paths) => {
                    paths.sort_unstable();
                    return Ok(Self { paths });
                }
                Err(IndexError::Malformed) => {}
                Err(IndexError::Unsupported(why)) => result = Err(why),
            }
        }
        result
    }

    /// Returns whether it lists this file, given by its path from the root with slashes.
    pub(super) fn has(&self, path: &[u8]) -> bool {
        self.paths.binary_search_by(|known| known.as_slice().cmp(path)).is_ok()
    }
}

enum IndexError {
    Malformed,
    Unsupported(&'static str),
}

fn entries(bytes: &[u8], id_bytes: usize) -> Result<Vec<Vec<u8>>, IndexError> {
    let mut input = IndexBytes { bytes, at: 0 };
    let malformed = || IndexError::Malformed;
    if input.take(4).ok_or_else(malformed)? != b"DIRC" {
        return Err(IndexError::Malformed);
    }
    let version = input.number().ok_or_else(malformed)?;
    if !(2..=4).contains(&version) {
        return Err(IndexError::Unsupported("its version is not supported"));
    }
    let count = input.number().ok_or_else(malformed)?;
    let mut paths = Vec::new();
    let mut path = Vec::new();
    for _ in 0..count {
        entry(&mut input, version, id_bytes, &mut path).ok_or_else(malformed)?;
        paths.push(path.clone());
    }
    // The rest: extensions, each with a name and a length, and a checksum.
    while input.rest().len() > id_bytes {
        let name = input.take(4).ok_or_else(malformed)?;
        let length = input.number().ok_or_else(malformed)?;
        input.take(length as usize).ok_or_else(malformed)?;
        if name == b"link" {
            return Err(IndexError::Unsupported("it is a split index: run `git update-index --no-split-index`"));
        }
    }
    if input.rest().len() == id_bytes { Ok(paths) } else { Err(IndexError::Malformed) }
}

/// Reads an entry; `path` contains the previous entry's path, and then this one's.
fn entry(input: &mut IndexBytes<'_>, version: u32, id_bytes: usize, path: &mut Vec<u8>) -> Option<()> {
    let start = input.at;
    input.take(STAT_BYTES + id_bytes)?;
    let flags = u16::from_be_bytes(input.take(2)?.try_into().ok()?);
    if flags & EXTENDED != 0 {
        input.take(2)?;
    }
    if version == 4 {
        // The number of bytes to drop from the previous path, and the bytes that replace them.
        let kept = path.len().checked_sub(input.offset()?)?;
        path.truncate(kept);
    } else {
        path.clear();
    }
    path.extend_from_slice(input.text()?);
    if version < 4 {
        // One to eight zeros, one of them already read, up to a multiple of eight bytes.
        let length = input.at - start;
        input.take(length.next_multiple_of(8) - length)?;
    }
    Some(())
}

struct IndexBytes<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> IndexBytes<'b> {
    fn rest(&self) -> &'b [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let taken = self.rest().get(..length)?;
        self.at += length;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// Reads a number of seven bits per byte; each byte with a successor adds one.
    fn offset(&mut self) -> Option<usize> {
        let mut byte = *self.take(1)?.first()?;
        let mut number = usize::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            byte = *self.take(1)?.first()?;
            number = number.checked_add(1)?.checked_mul(128)?.checked_add(usize::from(byte & 0x7f))?;
        }
        Some(number)
    }

    /// Reads the bytes up to a zero, and the zero.
    fn text(&mut self) -> Option<&'b [u8]> {
        let length = self.rest().iter().position(|byte| *byte == 0)?;
        let text = self.take(length)?;
        self.take(1)?;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Builds an index of version 2 with these files.
    fn index(names: &[&str], extension: &[u8]) -> Vec<u8> {
        let mut bytes = b"DIRC\0\0\0\x02".to_vec();
        bytes.extend(u32::try_from(names.len()).unwrap().to_be_bytes());
        for name in names {
            let start = bytes.len();
            bytes.extend([0; STAT_BYTES + 20]);
            bytes.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
            bytes.extend(name.bytes());
            let length = bytes.len() - start;
            bytes.extend(std::iter::repeat_n(0, 8 - length % 8));
        }
        bytes.extend(extension);
        bytes.extend([7; 20]);
        bytes
    }

    #[test]
    fn the_names_of_an_index_are_its_files() {
        let read = GitIndex::read(&index(&["a", "b/c.yaml", "b/cc"], b"TREE\0\0\0\x01x")).unwrap();
        assert!(read.has(b"b/c.yaml") && read.has(b"a") && !read.has(b"b") && !read.has(b"c.yaml"));
    }

    #[test]
    fn whatever_the_bytes_are_the_answer_is_in_words() {
        let whole = index(&["a", "b/c.yaml"], b"");
        for length in 0..whole.len() {
            assert!(GitIndex::read(&whole[..length]).is_err(), "{length}");
        }
        let split = GitIndex::read(&index(&["a"], b"link\0\0\0\0")).unwrap_err();
        assert!(split.contains("--no-split-index"), "{split}");
        let mut newer = whole;
        newer[7] = 9;
        assert!(GitIndex::read(&newer).unwrap_err().contains("version"));
    }
}
