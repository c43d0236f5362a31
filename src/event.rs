//! The sender of an event to the function: CloudFormation, which waits for a hook's answer, or EventBridge, which does
//! not. Only the keys of the envelope decide; this module knows nothing about the content.
//!
//! Sources: EventBridge User Guide, "Structure of events"; CloudFormation Hooks User Guide, "Create a Lambda function
//! to evaluate resources".

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

/// The sender of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// CloudFormation or an unknown sender, which gets a hook's answer and so fails closed.
    Hook,
    /// EventBridge.
    EventBridge,
}

impl Sender {
    /// Returns the sender of an event. An EventBridge event has `detail-type` and `source` and no key of a hook's
    /// event. Everything else counts as a hook's event, even if it is not JSON. A hook's event is read only up to its
    /// first key.
    #[must_use]
    pub fn of(event: &[u8]) -> Self {
        match serde_json::from_slice(event) {
            Ok(Envelope { has_detail_type: true, has_source: true }) => Self::EventBridge,
            Ok(_) | Err(_) => Self::Hook,
        }
    }
}

/// The keys of a hook's event, in both documented spellings.
const OF_HOOKS: [&str; 12] = [
    "clientRequestToken",
    "clientRequesttoken",
    "requestData",
    "actionInvocationPoint",
    "awsAccountId",
    "stackId",
    "stackID",
    "changeSetId",
    "hookTypeName",
    "hookTypeVersion",
    "hookModel",
    "requestContext",
];

/// The relevant keys of an event.
#[derive(Default)]
struct Envelope {
    has_detail_type: bool,
    has_source: bool,
}

impl<'de> Deserialize<'de> for Envelope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EnvelopeVisitor)
    }
}

struct EnvelopeVisitor;

impl<'de> Visitor<'de> for EnvelopeVisitor {
    type Value = Envelope;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Envelope, A::Error> {
        let mut envelope = Envelope::default();
        while let Some(key) = entries.next_key()? {
            match key {
                // Stops before the rest is read.
                EventKey::Hook => return Err(A::Error::custom("a hook's")),
                EventKey::DetailType => envelope.has_detail_type = true,
                EventKey::Source => envelope.has_source = true,
                EventKey::Other => {}
            }
            entries.next_value::<IgnoredAny>()?;
        }
        Ok(envelope)
    }
}

/// The meaning of a key of the envelope.
enum EventKey {
    Hook,
    DetailType,
    Source,
    Other,
}

impl<'de> Deserialize<'de> for EventKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = EventKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<EventKey, E> {
        Ok(match key {
            "detail-type" => EventKey::DetailType,
            "source" => EventKey::Source,
            key if OF_HOOKS.contains(&key) => EventKey::Hook,
            _ => EventKey::Other,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value as Json, json};

    use super::*;

    fn sender(event: &Json) -> Sender {
        Sender::of(event.to_string().as_bytes())
    }

    #[test]
    fn the_keys_of_the_envelope_say_who_sent_it() {
        for (event, expected) in [
            (
                r#"{"detail-type": "AWS API Call via CloudTrail", "source": "aws.ec2", "detail": {}}"#,
                Sender::EventBridge,
            ),
            (r#"{"detail-type": null, "source": null}"#, Sender::EventBridge),
            (r#"{"detail-type": "x"}"#, Sender::Hook),
            (r#"{"source": "aws.ec2"}"#, Sender::Hook),
            (r#"{"clientRequestToken": "x""#, Sender::Hook),
            (r#"{"detail-type": "x", "source": "y", "requestData": {}}"#, Sender::Hook),
            (r#"{"stackID": "x", "detail-type": "x", "source": "y"}"#, Sender::Hook),
            (r#"{"detail-type": "x", "source": "y""#, Sender::Hook),
            (r#"[{"detail-type": "x", "source": "y"}]"#, Sender::Hook),
            ("null", Sender::Hook),
            ("", Sender::Hook),
            ("\u{0}", Sender::Hook),
        ] {
            assert_eq!(Sender::of(event.as_bytes()), expected, "{event}");
        }
        let deep =
            format!(r#"{{"detail-type": 1, "source": 1, "detail": {}1{}}}"#, "[".repeat(9_000), "]".repeat(9_000));
        assert_eq!(Sender::of(deep.as_bytes()), Sender::EventBridge);
    }

    fn any_json() -> impl Strategy<Value = Json> {
        let key = || prop_oneof!["[a-z-]{1,8}", prop::sample::select(OF_HOOKS.to_vec()).prop_map(str::to_owned)];
        let leaf = prop_oneof![Just(Json::Null), any::<i32>().prop_map(Json::from), ".{0,6}".prop_map(Json::from)];
        leaf.prop_recursive(3, 20, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                prop::collection::hash_map(key(), inner, 0..4).prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    /// Generates an object with these keys and others.
    fn event(keys: Vec<String>) -> impl Strategy<Value = Json> {
        let other = prop::collection::hash_map("[a-z]{1,9}-?[a-z]{0,9}", any_json(), 0..5);
        let values = prop::collection::vec(any_json(), keys.len());
        (values, other).prop_map(move |(values, other)| {
            let other = other.into_iter().filter(|(key, _)| !OF_HOOKS.contains(&key.as_str()));
            let mut event: Map<String, Json> = other.collect();
            event.extend(keys.iter().cloned().zip(values));
            event.into()
        })
    }

    proptest! {
        /// Any content of an EventBridge event, and any keys in its envelope.
        #[test]
        fn an_event_of_eventbridge_is_never_taken_for_a_hooks(
            event in event(["detail-type", "source", "detail", "version", "id"].map(str::to_owned).to_vec())
        ) {
            prop_assert_eq!(sender(&event), Sender::EventBridge);
        }

        /// Any content of a hook's event, with at least one key that only hooks have.
        #[test]
        fn a_hooks_event_is_never_taken_for_one_of_eventbridge(
            event in prop::sample::subsequence(OF_HOOKS.to_vec(), 1..=OF_HOOKS.len())
                .prop_flat_map(|keys| {
                    let more = ["detail-type", "source", "detail"];
                    event(keys.into_iter().chain(more).map(str::to_owned).collect())
                })
        ) {
            prop_assert_eq!(sender(&event), Sender::Hook);
        }

        #[test]
        fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Sender::of(&bytes);
        }
    }

    /// A hook's event is decided by its first key, so that no part of it is read twice.
    #[test]
    fn a_hooks_event_is_not_read_behind_its_first_key() {
        assert_eq!(sender(&json!({"clientRequestToken": "x"})), Sender::Hook);
        let ended = serde_json::from_slice::<Envelope>(br#"{"clientRequestToken": this is no JSON"#).err().unwrap();
        assert!(ended.is_data() && !ended.is_syntax(), "{ended}");
    }
}
