//! A dash that is a value of its own between brackets, in a draft in which something else represents it.

use std::borrow::Cow;

use super::Span;
use super::event::YamlEvent;

/// Takes a dash's place in the draft: a plain scalar of the same length.
pub(super) const STAND_IN: &str = "_";

/// The dashes of a draft.
#[derive(Default)]
pub(super) struct Dashes {
    /// Where they are, in order.
    pub(super) places: Vec<u32>,
    /// Those that turn out to be part of something longer.
    pub(super) wrong: Vec<u32>,
}

impl Dashes {
    /// Puts the dash back.
    pub(super) fn restore(&mut self, event: &mut YamlEvent<'_>, span: Span) {
        if self.places.is_empty() {
            return;
        }
        let YamlEvent::Scalar { text, plain, .. } = event else { return };
        let first = self.places.partition_point(|place| *place < span.offset);
        for place in self.places.iter().skip(first).take_while(|place| **place < span.end()) {
            if *plain && text == STAND_IN {
                *text = Cow::Borrowed("-");
            } else {
                self.wrong.push(*place);
            }
        }
    }
}
