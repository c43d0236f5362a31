//! Where something is: a property path such as `SecurityGroupEgress[1].ToPort`, and the [`Origin`] that ties a value
//! to the text it was written in.
//!
//! Knows nothing else: no rule, no JSON, no text.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;

/// One step of a [`PropertyPath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A key of an object.
    Key(Cow<'static, str>),
    /// An entry of a list, counted from zero.
    Index(usize),
}

/// A path to a property, relative to a resource's properties or to a template's root.
///
/// It prints as CloudFormation writes such paths (`SecurityGroupEgress[1].ToPort`).
///
/// ```
/// use cfn_egress_guard_core::path::PropertyPath;
/// let path = PropertyPath::root().key("SecurityGroupEgress").index(1).key("ToPort");
/// assert_eq!(path.to_string(), "SecurityGroupEgress[1].ToPort");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PropertyPath(Vec<Segment>);

impl PropertyPath {
    /// The empty path: the object itself.
    #[must_use]
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// This path with a key behind it.
    #[must_use]
    pub fn key(&self, name: impl Into<Cow<'static, str>>) -> Self {
        self.with(Segment::Key(name.into()))
    }

    /// This path with a list index behind it.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.with(Segment::Index(index))
    }

    /// The steps from the root.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Whether this is the object itself.
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

/// An opaque mark that a `source` gives each value it reads, so that a finding can be shown in the
/// text it came from. Values that were not read from a text (hook payloads) have none.
///
/// Two values are equal whatever their origins are: equality of values never looks at the text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Origin(Option<NonZeroU32>);

impl Origin {
    /// No text behind the value.
    pub const NONE: Self = Self(None);

    /// The `index`th node of a document, counted from zero. An index past `u32::MAX - 1` has no
    /// origin (documents are bounded far below).
    #[must_use]
    pub fn node(index: usize) -> Self {
        Self(u32::try_from(index).ok().and_then(|index| index.checked_add(1)).and_then(NonZeroU32::new))
    }

    /// The index given to [`Origin::node`].
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
