//! Records on disk instead of in memory.

use std::cell::RefCell;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::ser::{Error as _, SerializeSeq as _};
use serde::{Serialize, Serializer};
use tempfile::SpooledTempFile;

/// The maximum number of bytes of records in memory: enough for an account with some hundred stacks.
const IN_MEMORY: usize = 1024 * 1024;

/// Records in insertion order or sorted. Beyond one MiB, they are in an unnamed file, which only this process can read
/// and which disappears with it; memory then contains only the position of each record.
#[derive(Debug)]
pub struct Spool<T> {
    file: SpooledTempFile,
    end: u64,
    places: Vec<RecordPosition>,
    of: PhantomData<T>,
}

/// The position of a record in the file.
#[derive(Debug, Clone, Copy)]
struct RecordPosition {
    at: u64,
    length: usize,
}

impl<T: Serialize + DeserializeOwned> Spool<T> {
    /// Creates an empty spool; does not use the disk yet.
    #[must_use]
    pub fn new() -> Self {
        Self { file: SpooledTempFile::new(IN_MEMORY), end: 0, places: Vec::new(), of: PhantomData }
    }

    /// Returns the number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Returns whether there are no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Adds a record; returns its number, counted from zero.
    ///
    /// # Errors
    /// When it cannot be written to disk.
    pub fn push(&mut self, record: &T) -> io::Result<usize> {
        let bytes = serde_json::to_vec(record)?;
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(&bytes)?;
        self.places.push(RecordPosition { at: self.end, length: bytes.len() });
        self.end += bytes.len() as u64;
        Ok(self.places.len() - 1)
    }

    /// Reads a record; returns nothing if there is no record with this number.
    ///
    /// # Errors
    /// When it cannot be read back.
    pub fn get(&mut self, number: usize) -> io::Result<Option<T>> {
        self.places.get(number).copied().map(|place| self.read(place)).transpose()
    }

    /// Returns the records one by one, with only one of them in memory.
    pub fn iter(&mut self) -> impl Iterator<Item = io::Result<T>> + '_ {
        (0..self.places.len()).filter_map(|number| self.get(number).transpose())
    }

    /// Sorts the records by a key; records with the same key keep their order.
    ///
    /// # Errors
    /// When a record cannot be read back.
    pub fn sort_by_key<K: Ord>(&mut self, key: impl Fn(T) -> K) -> io::Result<()> {
        let places = std::mem::take(&mut self.places);
        let mut keyed = Vec::with_capacity(places.len());
        for place in places {
            keyed.push((key(self.read(place)?), place));
        }
        keyed.sort_by(|(one, _), (two, _)| one.cmp(two));
        self.places = keyed.into_iter().map(|(_, place)| place).collect();
        Ok(())
    }

    fn read(&mut self, place: RecordPosition) -> io::Result<T> {
        let mut bytes = vec![0; place.length];
        self.file.seek(SeekFrom::Start(place.at))?;
        self.file.read_exact(&mut bytes)?;
        Ok(serde_json::from_slice(&bytes)?)
    }
}

/// The records as a list, with one record in memory at a time.
pub(super) struct SpoolList<'a, T>(RefCell<&'a mut Spool<T>>);

impl<'a, T> SpoolList<'a, T> {
    pub(super) const fn new(spool: &'a mut Spool<T>) -> Self {
        Self(RefCell::new(spool))
    }
}

impl<T: Serialize + DeserializeOwned> Serialize for SpoolList<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut spool = self.0.borrow_mut();
        let mut list = serializer.serialize_seq(Some(spool.len()))?;
        for record in spool.iter() {
            list.serialize_element(&record.map_err(S::Error::custom)?)?;
        }
        list.end()
    }
}

impl<T: Serialize + DeserializeOwned> Default for Spool<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(spool: &mut Spool<String>) -> Vec<String> {
        spool.iter().map(Result::unwrap).collect()
    }

    #[test]
    fn records_come_back_in_order_from_memory_and_from_disk() {
        for length in [1, 3, IN_MEMORY / 4] {
            let record = |number: usize| format!("{}{}", "é".repeat(length), 9 - number);
            let mut spool = Spool::new();
            for number in 0..10 {
                assert_eq!(spool.push(&record(number)).unwrap(), number);
                // Reads in between do not disturb later writes.
                assert_eq!(spool.get(number / 2).unwrap(), Some(record(number / 2)));
            }
            assert_eq!((spool.len(), spool.file.is_rolled()), (10, length > 1_000));
            assert_eq!(all(&mut spool), (0..10).map(record).collect::<Vec<_>>());
            spool.sort_by_key(|text| text).unwrap();
            assert_eq!(all(&mut spool), (0..10).rev().map(record).collect::<Vec<_>>());
            assert_eq!(spool.get(10).unwrap(), None);
        }
    }

    #[test]
    fn records_of_one_key_stay_as_they_came() {
        let mut spool = Spool::new();
        for text in ["b1", "a2", "b0", "a1"] {
            spool.push(&text.to_owned()).unwrap();
        }
        spool.sort_by_key(|text| text.chars().next()).unwrap();
        assert_eq!(all(&mut spool), ["a2", "a1", "b1", "b0"]);
    }
}
