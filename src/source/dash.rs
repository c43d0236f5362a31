//! A dash as a separate value between brackets, which a placeholder represents in the draft.

use std::borrow::Cow;

use super::Span;
use super::event::YamlEvent;

/// Replaces a dash in the draft: a plain scalar of the same length.
pub(super) const STAND_IN: &str = "_";

/// The dashes of a draft.
#[derive(Default)]
pub(super) struct Dashes {
    /// Their places, in order.
    pub(super) places: Vec<u32>,
    /// Those that are part of longer text.
    pub(super) wrong: Vec<u32>,
}

impl Dashes {
    /// Restores the dash.
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
