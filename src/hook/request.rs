//! An invocation as CloudFormation sends it, read tolerantly: fields may be missing, in either of the documented
//! spellings, of another type, or unknown.
//!
//! Sources: CloudFormation Hooks User Guide, "Create a Lambda function to evaluate resources" (shapes and examples for
//! RESOURCE, CLOUD_CONTROL, STACK, and CHANGE_SET). The shape blocks and the examples spell some fields differently, so
//! both spellings are read.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use crate::security_group::read_properties;
use crate::value::Value;

/// An invocation of a Lambda Hook.
///
/// Reading it fails only if the bytes are not JSON, are nested deeper than 128 levels, or are not an object.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    /// A token that the response must repeat.
    pub client_request_token: LenientText,
    /// The same token in the spelling of the documentation's shape blocks.
    #[serde(rename = "clientRequesttoken")]
    #[cfg_attr(feature = "schema", schemars(skip))]
    client_requesttoken: LenientText,
    /// The account of the stack or resource.
    pub aws_account_id: LenientText,
    /// The stack's ARN; empty if the caller is the Cloud Control API.
    pub stack_id: LenientText,
    /// The same ARN in the spelling of the documentation's shape blocks.
    #[serde(rename = "stackID")]
    #[cfg_attr(feature = "schema", schemars(skip))]
    stack_id_in_shape: LenientText,
    /// The change set that is being executed, if any.
    pub change_set_id: LenientText,
    /// The hook's alias.
    pub hook_type_name: LenientText,
    /// The hook's version.
    pub hook_type_version: LenientText,
    /// The hook's properties.
    #[serde(deserialize_with = "section")]
    pub hook_model: Option<HookModel>,
    /// `CREATE_PRE_PROVISION`, `UPDATE_PRE_PROVISION`, or `DELETE_PRE_PROVISION`.
    pub action_invocation_point: LenientText,
    /// The target of the operation.
    #[serde(deserialize_with = "section")]
    pub request_data: Option<RequestData>,
    /// The attempt of the invocation.
    #[serde(deserialize_with = "section")]
    pub request_context: Option<RequestContext>,
}

/// The properties of a Lambda Hook. It has no others.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct HookModel {
    /// The ARN of the function that was invoked.
    #[serde(rename = "LambdaFunction")]
    pub lambda_function: LenientText,
}

/// The target of an invocation.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct RequestData {
    /// The resource type, `STACK`, or `CHANGE_SET`.
    pub target_name: LenientText,
    /// `RESOURCE`, the resource type again, `STACK`, or `CHANGE_SET`.
    pub target_type: LenientText,
    /// The logical id, the stack's name, or the change set's ARN; for Cloud Control, a constructed value.
    pub target_logical_id: LenientText,
    /// The resource's properties; absent for `STACK` and `CHANGE_SET`.
    #[serde(deserialize_with = "section")]
    pub target_model: Option<TargetModel>,
    /// A presigned URL of the document of a `STACK` or `CHANGE_SET` invocation.
    pub payload: LenientText,
}

/// A resource's properties before and after the operation.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct TargetModel {
    /// The proposed properties; empty on deletion. Only those that the rule uses are kept.
    #[serde(deserialize_with = "read_properties")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<serde_json::Map<String, serde_json::Value>>"))]
    pub resource_properties: Option<Value>,
    /// The current properties; empty on creation. Only those that the rule uses are kept.
    #[serde(deserialize_with = "read_properties")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<serde_json::Map<String, serde_json::Value>>"))]
    pub previous_resource_properties: Option<Value>,
}

/// The attempt of an invocation.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct RequestContext {
    /// 1 for the first attempt; CloudFormation makes at most 3.
    #[cfg_attr(feature = "schema", schemars(with = "u32"))]
    pub invocation: LenientText,
}

impl Request {
    /// Reads an invocation.
    ///
    /// # Errors
    /// Returns the problem with the bytes, and the invocation's token if it could be read.
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestError> {
        let mut request: Self = serde_json::from_slice(bytes).map_err(|error| RequestError {
            problem: problem(&error),
            // A deeply nested event is still JSON, so its token can be repeated.
            client_request_token: serde_json::from_slice::<RequestToken>(bytes)
                .map(|token| token.client_request_token.or(token.client_requesttoken))
                .unwrap_or_default(),
        })?;
        request.client_request_token =
            request.client_request_token.or(std::mem::take(&mut request.client_requesttoken));
        request.stack_id = request.stack_id.or(std::mem::take(&mut request.stack_id_in_shape));
        Ok(request)
    }
}

/// The error for an invocation that cannot be read: the sender is not CloudFormation, or the protocol changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestError {
    /// The message of the JSON parser.
    pub problem: String,
    /// The token, if it could still be read.
    pub client_request_token: LenientText,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for RequestError {}

/// Returns the problem with JSON, without the value there: a document's text may be a secret.
pub(super) fn problem(error: &serde_json::Error) -> String {
    match error.classify() {
        // serde_json repeats a value of the wrong kind.
        Category::Data => {
            format!("a value of an unexpected kind at line {} column {}", error.line(), error.column())
        }
        Category::Io | Category::Syntax | Category::Eof => error.to_string(),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestToken {
    #[serde(default)]
    client_request_token: LenientText,
    #[serde(default, rename = "clientRequesttoken")]
    client_requesttoken: LenientText,
}

/// Text, read from any value: a number becomes its digits, other values an empty text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LenientText(String);

impl LenientText {
    /// Returns the text; empty if there was none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns this text, or the other one if this one is empty, for a field with two spellings.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self.0.is_empty() { other } else { self }
    }

    /// Returns the text, unless it is empty.
    #[must_use]
    pub(crate) fn non_empty(&self) -> Option<&str> {
        Some(self.as_str()).filter(|text| !text.is_empty())
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for LenientText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Text".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        <Option<String>>::json_schema(generator)
    }
}

impl<'de> Deserialize<'de> for LenientText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = LenientText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E>(self, text: &str) -> Result<LenientText, E> {
        Ok(LenientText(text.to_owned()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<LenientText, E> {
        Ok(LenientText(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<LenientText, E> {
        Ok(LenientText(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<LenientText, E> {
        Ok(LenientText(number.to_string()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<LenientText, E> {
        Ok(LenientText::default())
    }

    fn visit_unit<E>(self) -> Result<LenientText, E> {
        Ok(LenientText::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<LenientText, A::Error> {
        while entries.next_element::<IgnoredAny>()?.is_some() {}
        Ok(LenientText::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<LenientText, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(LenientText::default())
    }
}

/// Reads an object; any other value counts as missing.
fn section<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_any(SectionVisitor(std::marker::PhantomData))
}

struct SectionVisitor<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for SectionVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Option<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(entries)).map(Some)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Option<T>, A::Error> {
        while entries.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }
}
