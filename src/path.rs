//! Locations: a property path such as `SecurityGroupEgress[1].ToPort`, and the [`Origin`] that links a value to the
//! text it was read from.
//!
//! This module knows nothing else: no rule, no JSON, no text.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;

/// One step of a [`PropertyPath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A key of an object.
    Key(Cow<'static, str>),
    /// An entry of a list, counting from zero.
    Index(usize),
}

/// A path to a property, relative to a resource's properties or to a template's root.
///
/// Its `Display` form is CloudFormation's notation (`SecurityGroupEgress[1].ToPort`).
///
/// ```
/// use cfn_egress_guard_core::path::PropertyPath;
/// let path = PropertyPath::root().key("SecurityGroupEgress").index(1).key("ToPort");
/// assert_eq!(path.to_string(), "SecurityGroupEgress[1].ToPort");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PropertyPath(Vec<Segment>);

impl PropertyPath {
    /// Returns the empty path: the object itself.
    #[must_use]
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// Returns this path extended by a key.
    #[must_use]
    pub fn key(&self, name: impl Into<Cow<'static, str>>) -> Self {
        self.with(Segment::Key(name.into()))
    }

    /// Returns this path extended by a list index.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.with(Segment::Index(index))
    }

    /// Returns the steps from the root.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Returns whether this path is the object itself.
    #[must_use]
    pub(crate) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    fn with(&self, segment: Segment) -> Self {
        let mut segments = Vec::with_capacity(self.0.len() + 1);
        segments.extend_from_slice(&self.0);
        segments.push(segment);
        Self(segments)
    }
}

impl fmt::Display for PropertyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Key(key) if position == 0 => f.write_str(key)?,
                Segment::Key(key) => write!(f, ".{key}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// An opaque mark that `source` assigns to each value it reads, so that a finding can point at its text. Values that
/// were not read from a text (hook payloads) have none.
///
/// Origins do not affect equality: two origins always compare equal.
#[derive(Debug, Clone, Copy, Default)]
pub struct Origin(Option<NonZeroU32>);

impl Origin {
    /// No origin: the value was not read from a text.
    pub const NONE: Self = Self(None);

    /// Returns the origin of a document's node at `index`, counting from zero. An index above `u32::MAX - 1` has no
    /// origin (documents are much smaller).
    #[must_use]
    pub fn node(index: usize) -> Self {
        Self(u32::try_from(index).ok().and_then(|index| index.checked_add(1)).and_then(NonZeroU32::new))
    }

    /// Returns the index that was passed to [`Origin::node`].
    #[must_use]
    pub fn index(self) -> Option<usize> {
        self.0.map(|index| index.get() as usize - 1)
    }
}

impl PartialEq for Origin {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Origin {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_gives_its_index_back() {
        assert_eq!(Origin::node(0).index(), Some(0));
        assert_eq!(Origin::node(41).index(), Some(41));
        assert_eq!(Origin::NONE.index(), None);
        assert_eq!(Origin::node(usize::MAX).index(), None);
    }
}
