//! The known facts about a deployment and the template's declarations: parameters, pseudo parameters, and mappings.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::text;
use super::unknown;
use crate::rule::Unknown;
use crate::value::{Kind, Value};

/// The facts about a deployment that are known from outside the template.
#[derive(Clone, Default)]
pub struct Scope {
    /// The values of parameters by name, in CloudFormation's form: lists are separated by commas.
    pub parameters: BTreeMap<String, String>,
    /// The parameters with a value that is given but unknown here, regardless of their defaults.
    pub open: BTreeSet<String>,
    /// `AWS::AccountId`.
    pub account: Option<String>,
    /// `AWS::Region`. `AWS::Partition` and `AWS::URLSuffix` are derived from it unless they are given.
    pub region: Option<String>,
    /// `AWS::Partition`.
    pub partition: Option<String>,
    /// `AWS::URLSuffix`.
    pub url_suffix: Option<String>,
    /// `AWS::StackName`.
    pub stack_name: Option<String>,
    /// `AWS::StackId`.
    pub stack_id: Option<String>,
    /// `AWS::NotificationARNs`.
    pub notification_arns: Option<Vec<String>>,
    /// Whether a parameter without a given value is unknown even if it has a default, because the deployment may
    /// override it. A parameter with only one possible value is still known.
    pub ignore_defaults: bool,
    /// Values that replace the template's defaults, by parameter name, and that a deployment may override. A nested
    /// stack gets such a value from a parameter of its parent that keeps its default.
    pub defaults: BTreeMap<String, String>,
}

impl fmt::Debug for Scope {
    /// Omits the values of parameters, which may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("parameters", &self.parameters.keys())
            .field("account", &self.account)
            .field("region", &self.region)
            .field("stack_name", &self.stack_name)
            .finish_non_exhaustive()
    }
}

impl Scope {
    /// Returns the value of a pseudo parameter ("Pseudo parameters reference"), or the reason why it is unknown.
    /// `AWS::NoValue` is not a value, so the result is `None`.
    pub(super) fn pseudo(&self, name: &str) -> Option<Result<Kind, Unknown>> {
        let given = match name {
            "AWS::AccountId" => self.account.clone(),
            "AWS::Region" => self.region.clone(),
            "AWS::Partition" => self.partition.clone().or_else(|| self.domain().map(|(partition, _)| partition.into())),
            "AWS::URLSuffix" => self.url_suffix.clone().or_else(|| self.domain().map(|(_, suffix)| suffix.into())),
            "AWS::StackName" => self.stack_name.clone(),
            "AWS::StackId" => self.stack_id.clone(),
            "AWS::NotificationARNs" => {
                let list =
                    |arns: &Vec<String>| Kind::List(arns.iter().cloned().map(Kind::String).map(Value::from).collect());
                return Some(self.notification_arns.as_ref().map(list).ok_or_else(|| pseudo_unknown(name)));
            }
            _ => return None,
        };
        Some(given.map(Kind::String).ok_or_else(|| pseudo_unknown(name)))
    }

    /// Returns the partition and domain of the Region, if they are certain (AWS General Reference).
    fn domain(&self) -> Option<(&'static str, &'static str)> {
        let region = self.region.as_deref()?;
        if region.starts_with("cn-") {
            Some(("aws-cn", "amazonaws.com.cn"))
        } else if region.starts_with("us-gov-") {
            Some(("aws-us-gov", "amazonaws.com"))
        } else if region.contains("-iso") || region.starts_with("eusc-") {
            None
        } else {
            Some(("aws", "amazonaws.com"))
        }
    }
}

fn pseudo_unknown(name: &str) -> Unknown {
    unknown::reference(&format!("!Ref {name}"), format!("`{name}` has no value"))
}

/// A parameter that a template declares.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// The key under `Parameters`.
    pub name: String,
    /// The type, for example `Number` or `AWS::EC2::VPC::Id`.
    pub type_name: String,
    /// Whether the value is a secret, which is never shown and never used.
    pub no_echo: bool,
    /// Whether a value is known: given, or the template's default.
    pub is_known: bool,
    /// Whether the known value is a default, which a deployment may override.
    pub is_default: bool,
    /// Whether the default is a number that YAML readers interpret differently.
    pub is_in_dispute: bool,
    /// Whether a deployment must provide a value, because there is no default.
    pub is_required: bool,
    /// The only possible values of a reference to it, if the template limits them.
    candidates: Vec<String>,
    /// The smallest and the largest allowed number (`MinValue`, `MaxValue`).
    range: (Option<i64>, Option<i64>),
    pub(super) value: Result<Kind, Unknown>,
}

/// The maximum number of values between `MinValue` and `MaxValue` that are evaluated one by one.
const MAX_RANGE: i64 = 16;

impl Parameter {
    /// Returns the only possible values of a reference to the parameter, as far as the template limits them.
    #[must_use]
    pub fn candidates(&self) -> &[String] {
        &self.candidates
    }

    /// Returns whether `MinValue` and `MaxValue` exclude a value.
    pub(super) fn rules_out(&self, text: &str) -> bool {
        let (least, greatest) = self.range;
        let number = text.trim().parse::<i64>().ok();
        number.is_some_and(|number| {
            least.is_some_and(|least| number < least) || greatest.is_some_and(|greatest| number > greatest)
        })
    }

    /// Returns the smallest and the largest allowed number, as far as the template limits them.
    #[must_use]
    pub const fn range(&self) -> (Option<i64>, Option<i64>) {
        self.range
    }

    /// Creates a parameter from its declaration and the given value.
    ///
    /// The text of a list parameter is split at commas and "each member string is space trimmed"; `Number` and
    /// `List<Number>` are validated as numbers but used as text ("Parameters").
    pub(super) fn new(name: &str, declaration: &Value, scope: &Scope) -> Self {
        let declared = |key: &str| declaration.get(key).and_then(text::of_scalar);
        let type_name = declared("Type").map_or_else(|| "String".to_owned(), |name| name.into_owned());
        let no_echo = declared("NoEcho").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let bound = |key: &str| declared(key).filter(|_| type_name == "Number" && !no_echo)?.trim().parse().ok();
        let range: (Option<i64>, Option<i64>) = (bound("MinValue"), bound("MaxValue"));
        let allowed: Vec<String> = declaration
            .get("AllowedValues")
            .filter(|_| !no_echo)
            .and_then(Value::as_list)
            // A value that is not certain text leaves all values open.
            .and_then(|list| list.iter().map(|value| text::of_scalar(value).map(|text| text.into_owned())).collect())
            .unwrap_or_default();
        let candidates = match range {
            _ if !allowed.is_empty() && is_one_of_allowed(&type_name) => allowed,
            // Only integers: a parameter of type Number also accepts fractions, which are not ports.
            (Some(least), Some(greatest)) if (0..MAX_RANGE).contains(&greatest.saturating_sub(least)) => {
                (least..=greatest).map(|number| number.to_string()).collect()
            }
            _ => Vec::new(),
        };
        let only = || if let [only] = candidates.as_slice() { Some(only.clone()) } else { None };
        let default = scope.defaults.get(name).cloned().or_else(|| declared("Default").map(|text| text.into_owned()));
        let in_dispute = match declaration.get("Default").map(|default| &default.kind) {
            Some(Kind::Ambiguous(text)) => Some(text),
            _ => None,
        };
        let has_default = default.is_some() || in_dispute.is_some();
        let open = scope.open.contains(name);
        let certain = scope.parameters.get(name).cloned().or_else(only);
        let is_default = certain.is_none() && has_default && !open && !scope.ignore_defaults;
        let known = certain.or_else(|| default.filter(|_| is_default));
        let shown = unknown::shortened(name);
        // Then a value that is passed makes it known.
        let is_open = known.is_none() && !no_echo && !is_read(&type_name) && is_documented(&type_name);
        let why = if no_echo {
            Some(format!("parameter `{shown}` has `NoEcho`, so its value is not used"))
        } else if is_read(&type_name) {
            Some(format!("CloudFormation reads parameter `{shown}` from Systems Manager when it deploys the stack"))
        } else if !is_documented(&type_name) {
            Some(format!("parameter `{shown}` has type `{}`, which is not documented", unknown::shortened(&type_name)))
        } else if let (None, Some(text), false, false) = (&known, in_dispute, open, scope.ignore_defaults) {
            let text = unknown::shortened(text);
            Some(format!("YAML parsers disagree on the number in the default `{text}` of parameter `{shown}`"))
        } else if known.is_none() && open {
            Some(format!("the value of parameter `{shown}` is not known here"))
        } else if known.is_none() && has_default {
            Some(format!("parameter `{shown}` may have a value other than its default"))
        } else if known.is_none() {
            Some(format!("parameter `{shown}` has no default and no value"))
        } else {
            None
        };
        let value = match (why, known) {
            (None, Some(text)) if is_list(&type_name) => Ok(list(&text)),
            (None, Some(text)) => Ok(Kind::String(text)),
            (why, _) => Err(unknown::reference(&format!("!Ref {name}"), why.unwrap_or_default())
                .of_parameter(is_open)
                .of_list(is_list_of_any_kind(&type_name))),
        };
        let is_known = value.is_ok();
        Self {
            name: name.to_owned(),
            type_name,
            no_echo,
            is_known,
            is_default: is_default && is_known,
            is_in_dispute: in_dispute.is_some() && !scope.parameters.contains_key(name),
            is_required: !has_default,
            candidates,
            range,
            value,
        }
    }
}

/// Returns whether CloudFormation documents a type in this spelling ("Parameters"). It also accepts `List <Number>`,
/// which is not documented.
fn is_documented(type_name: &str) -> bool {
    matches!(type_name, "String" | "Number" | "CommaDelimitedList")
        || ((type_name.starts_with("List<") || type_name.starts_with("AWS::"))
            && !type_name.contains(char::is_whitespace))
}

fn is_list(type_name: &str) -> bool {
    type_name == "CommaDelimitedList" || type_name.starts_with("List<")
}

/// Returns whether every value of the type is a list, also if it is read from Systems Manager.
fn is_list_of_any_kind(type_name: &str) -> bool {
    type_name.contains("List<") || type_name.contains("CommaDelimitedList")
}

/// Returns whether the value is read from Systems Manager, so that the given text is the name of that value.
fn is_read(type_name: &str) -> bool {
    type_name.starts_with("AWS::SSM::") && type_name != "AWS::SSM::Parameter::Name"
}

/// Returns whether a reference returns one of `AllowedValues` (aws-cloudformation/cfn-lint#1570).
fn is_one_of_allowed(type_name: &str) -> bool {
    !is_read(type_name) && !is_list(type_name)
}

/// Splits the text of a list parameter. An empty text is one empty entry: its `Fn::Length` is 1
/// (aws-cloudformation/cfn-language-discussion#102).
fn list(text: &str) -> Kind {
    Kind::List(text.split(',').map(|entry| Value::from(Kind::String(entry.trim().to_owned()))).collect())
}
