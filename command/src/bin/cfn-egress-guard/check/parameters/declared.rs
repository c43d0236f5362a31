//! The parameters that a template declares, and the values that CloudFormation rejects for them.
//!
//! No message repeats a value: it may be a secret.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use cfn_egress_guard_core::path::Origin;
use cfn_egress_guard_core::rule::excerpt;
use cfn_egress_guard_core::value::{Map, Value};
use fancy_regex::Regex;

/// The maximum number of characters shown of a name or a constraint.
pub(super) const SHOWN_CHARS: usize = 200;

/// The parameters that templates declare.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DeclaredParameters {
    names: BTreeSet<String>,
    /// Whether there can be more: a macro or an include may add some.
    is_open: bool,
}

impl DeclaredParameters {
    /// Returns the parameters of a template.
    pub(crate) fn by(root: &Value) -> Self {
        let section = root.get("Parameters");
        let own = |name: &Value| name.as_str().is_none_or(|name| !name.starts_with("AWS::"));
        let transforms =
            root.get("Transform").map_or(&[][..], |value| value.as_list().unwrap_or(std::slice::from_ref(value)));
        let is_macro = |transform: &Value| own(transform.get("Name").unwrap_or(transform));
        Self {
            names: section
                .and_then(Value::as_map)
                .into_iter()
                .flat_map(Map::iter)
                .map(|(key, _)| key.name.clone())
                .collect(),
            is_open: root.get("Fn::Transform").is_some()
                || section.is_some_and(|section| section.get("Fn::Transform").is_some())
                || transforms.iter().any(is_macro),
        }
    }

    /// Adds the parameters of another template.
    pub(crate) fn add(&mut self, other: Self) {
        self.names.extend(other.names);
        self.is_open |= other.is_open;
    }

    /// Returns whether a parameter with this name is declared.
    pub(crate) fn names(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Returns whether a parameter is declared, or may be.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.is_open || self.names.contains(name)
    }
}

/// Rejects parameters that no template declares, as CloudFormation does: with a typo, the parameter would keep its
/// default.
pub(crate) fn all_declared<'a>(
    given: impl Iterator<Item = &'a String>,
    declared: &DeclaredParameters,
) -> anyhow::Result<()> {
    let mut given = given;
    let Some(name) = given.find(|name| !declared.has(name)) else { return Ok(()) };
    let name = excerpt(name, SHOWN_CHARS);
    if declared.names.is_empty() {
        bail!("parameter `{name}` has a value, but no template declares parameters");
    }
    let names: Vec<String> = declared.names.iter().map(|name| excerpt(name, SHOWN_CHARS)).collect();
    bail!("parameter `{name}` has a value but is not declared; declared: {}", names.join(", "))
}

/// Returns the default of a parameter, if the template declares one.
pub(crate) fn default_of(root: &Value, name: &str) -> Option<String> {
    root.get("Parameters")?.get(name)?.get("Default").and_then(text)
}

/// Returns whether a template declares a default for a parameter.
pub(crate) fn has_default(root: &Value, name: &str) -> bool {
    let declaration = root.get("Parameters").and_then(|parameters| parameters.get(name));
    declaration.is_some_and(|declaration| declaration.get("Default").is_some())
}

/// The reason why a template does not accept the values for its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParameterError {
    /// What is wrong.
    pub(crate) message: String,
    /// The place of the constraint in the template.
    pub(crate) origin: Origin,
}

impl ParameterError {
    /// Advice on how to fix it.
    pub(crate) const HELP: &'static str = "pass a value that the template allows; CloudFormation rejects others";
}

impl std::fmt::Display for ParameterError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ParameterError {}

/// Rejects values that a template does not allow, as CloudFormation does ("Parameters").
pub(crate) fn allowed(values: &BTreeMap<String, String>, root: &Value) -> Result<(), ParameterError> {
    for (name, value) in values {
        let Some(declaration) = root.get("Parameters").and_then(|section| section.get(name)) else { continue };
        if let Some((constraint, problem)) = problem(declaration, value) {
            let message = format!("the value of parameter `{}` {problem}", excerpt(name, SHOWN_CHARS));
            let origin = declaration.get(constraint).map_or(declaration.origin, |value| value.origin);
            return Err(ParameterError { message, origin });
        }
    }
    Ok(())
}

/// Returns the constraint of a declaration that a value does not satisfy, with a message.
fn problem(declaration: &Value, value: &str) -> Option<(&'static str, String)> {
    let constraint = |name: &str| declaration.get(name).and_then(text);
    let type_name = constraint("Type").unwrap_or_else(|| "String".to_owned());
    let is_secret = constraint("NoEcho").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let is_list = type_name == "CommaDelimitedList" || type_name.starts_with("List");
    let entries: Vec<&str> = if is_list { value.split(',').map(str::trim).collect() } else { vec![value] };
    let bound = |name: &str| constraint(name)?.trim().parse::<f64>().ok();
    let shown = |name: &str| excerpt(&constraint(name).unwrap_or_default(), SHOWN_CHARS);

    if type_name.contains("Number") && entries.iter().any(|entry| number(entry).is_none()) {
        return Some((
            "Type",
            format!("is not a number, which its type {} requires", excerpt(&type_name, SHOWN_CHARS)),
        ));
    }
    if let Some(list) = declaration.get("AllowedValues").and_then(Value::as_list) {
        let allowed: Vec<String> = list.iter().filter_map(text).collect();
        let is_same_number = |one: &str, other: &str| {
            type_name.contains("Number") && number(one).is_some_and(|one| number(other) == Some(one))
        };
        let is_allowed = |value: &str| allowed.iter().any(|one| one == value || is_same_number(one, value));
        let is_certain = allowed.len() == list.len();
        let is_each_allowed = || is_list && entries.iter().all(|entry| is_allowed(entry));
        if is_certain && !is_allowed(value) && !is_each_allowed() {
            let which =
                if is_secret { String::new() } else { format!(": {}", excerpt(&allowed.join(", "), SHOWN_CHARS)) };
            return Some(("AllowedValues", format!("is not one of its AllowedValues{which}")));
        }
    }
    if let Some(pattern) = constraint("AllowedPattern") {
        // A pattern that only Java's regular expressions support is left to CloudFormation.
        let regex = Regex::new(&format!("^(?:{})$", as_here(&pattern))).ok();
        let differs = |entry: &&str| regex.as_ref().is_some_and(|regex| matches!(regex.is_match(entry), Ok(false)));
        if entries.iter().any(differs) {
            return Some(("AllowedPattern", format!("does not match its AllowedPattern: {}", shown("AllowedPattern"))));
        }
    }
    if type_name == "Number" {
        let number = number(value)?;
        for (name, is_beyond, how) in [
            ("MinValue", bound("MinValue").is_some_and(|bound| number < bound), "less than"),
            ("MaxValue", bound("MaxValue").is_some_and(|bound| number > bound), "greater than"),
        ] {
            if is_beyond {
                return Some((name, format!("is {how} its {name}, {}", shown(name))));
            }
        }
    }
    if type_name == "String" {
        let characters = value.chars().count() as f64;
        for (name, is_beyond, how) in [
            ("MinLength", bound("MinLength").is_some_and(|bound| characters < bound), "shorter than"),
            ("MaxLength", bound("MaxLength").is_some_and(|bound| characters > bound), "longer than"),
        ] {
            if is_beyond {
                return Some((name, format!("is {how} its {name}, {}", shown(name))));
            }
        }
    }
    None
}

/// Converts the character classes of a Java regular expression to their names in Rust's.
fn as_here(pattern: &str) -> String {
    const CLASSES: [&str; 8] = ["Lower", "Upper", "Alpha", "Digit", "Alnum", "Punct", "Space", "XDigit"];
    CLASSES.iter().fold(pattern.to_owned(), |pattern, class| {
        pattern.replace(&format!("\\p{{{class}}}"), &format!("[[:{}:]]", class.to_ascii_lowercase()))
    })
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite())
}

/// Returns a scalar of a declaration as text, or nothing for a number that parsers read differently; CloudFormation
/// checks that.
fn text(value: &Value) -> Option<String> {
    value.as_text().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(declaration: &str, value: &str) -> Option<String> {
        let document = cfn_egress_guard_core::source::parse(&format!("Parameters:\n  P: {{{declaration}}}\n")).unwrap();
        let values = BTreeMap::from([("P".to_owned(), value.to_owned())]);
        allowed(&values, &document.root).err().map(|refused| refused.message)
    }

    #[test]
    fn what_cloudformation_refuses_is_refused() {
        for (declaration, good, bad, says) in [
            ("Type: Number, AllowedValues: [80, 81]", "81", "90", "AllowedValues: 80, 81"),
            ("Type: Number, AllowedValues: [2.0]", "2.0", "3", "AllowedValues: 2.0"),
            ("Type: Number, AllowedValues: [2.0]", "2", "2.5", "AllowedValues: 2.0"),
            ("Type: String, AllowedValues: [2.0]", "2.0", "2", "AllowedValues: 2.0"),
            ("Type: String, AllowedValues: [a, 'true', 1]", "1", "b", "AllowedValues"),
            ("Type: CommaDelimitedList, AllowedValues: [a, b]", "b, a", "a,c", "AllowedValues"),
            ("Type: String, AllowedPattern: '[a-z]+'", "abc", "abc1", "AllowedPattern: [a-z]+"),
            ("Type: String, AllowedPattern: '(?!bad).*'", "good", "bad1", "AllowedPattern"),
            ("Type: String, AllowedPattern: 'a|b'", "b", "ab", "AllowedPattern"),
            ("Type: String, AllowedPattern: '[\\p{Alnum}-]+'", "a-1", "a_1", "AllowedPattern"),
            ("Type: String, AllowedPattern: '(?i)[a-z]\\p{Digit}'", "A1", "A", "AllowedPattern"),
            ("Type: CommaDelimitedList, AllowedPattern: '\\d+'", "1, 2", "1,x", "AllowedPattern"),
            ("Type: Number, MinValue: 1, MaxValue: 65535", "443", "0", "less than its MinValue, 1"),
            ("Type: Number, MaxValue: '80'", "80", "80.5", "greater than its MaxValue, 80"),
            ("Type: Number", "4.5", "many", "not a number"),
            ("Type: List<Number>", "1,2", "1,two", "not a number"),
            ("Type: String, MinLength: 2", "éé", "é", "shorter than its MinLength, 2"),
            ("Type: String, MaxLength: 2", "éé", "ééé", "longer than its MaxLength, 2"),
            ("Type: String, NoEcho: true, AllowedValues: [hunter2]", "hunter2", "x", "one of its AllowedValues"),
        ] {
            assert_eq!(refused(declaration, good), None, "{declaration}");
            let message = refused(declaration, bad).unwrap_or_default();
            assert!(message.contains(says) && message.contains("`P`"), "{declaration}: {message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
        assert_eq!(refused("Type: String, AllowedPattern: '(?<!a*)['", "x"), None, "left to CloudFormation");
        assert_eq!(refused("Type: String, MinValue: 5", "x"), None, "of numbers alone");
        assert_eq!(refused("Type: Number, AllowedValues: [0443]", "443"), None, "readers differ");
    }

    #[test]
    fn a_macro_may_declare_parameters_too() {
        let has =
            |text: &str| DeclaredParameters::by(&cfn_egress_guard_core::source::parse(text).unwrap().root).has("P");
        assert!(
            has("Parameters: {P: {Type: String}}") && !has("Parameters: {Q: {Type: String}}") && !has("Resources: {}")
        );
        assert!(!has("Transform: AWS::Serverless-2016-10-31") && !has("Transform: [AWS::LanguageExtensions]"));
        for open in [
            "Transform: Mine",
            "Transform: [AWS::LanguageExtensions, {Name: Mine}]",
            "Parameters: {Fn::Transform: {Name: AWS::Include}}",
            "Fn::Transform: {Name: AWS::Include}",
        ] {
            assert!(has(open), "{open}");
        }
    }
}
