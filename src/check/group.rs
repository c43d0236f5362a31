//! The group that the egress rules of a resource belong to.

use crate::rule::Unknown;
use crate::security_group::{ResourceType, fixed_properties, written};
use crate::template::{Resource, Template};
use crate::value::{Kind, Value};

/// The properties that determine the group: `GroupId` of an egress rule, or the properties whose change replaces a
/// group. The same rule of a different group is a different rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupIdentity {
    written: String,
    is_certain: bool,
}

impl GroupIdentity {
    /// Returns the identity of a resource's group, as the template writes it, with its loops unrolled.
    pub(super) fn of(template: &Template<'_>, resource: &Resource<'_>, resource_type: ResourceType) -> Self {
        let mut identity = Self { written: String::new(), is_certain: true };
        let properties = resource.body().get("Properties");
        for key in fixed_properties(resource_type) {
            let Some(value) = properties.and_then(|properties| properties.get(key)) else { continue };
            identity.is_certain &= is_certain(template, value);
            match written(value) {
                Some(text) => identity.written.push_str(&format!("{key}={text} ")),
                None => identity.is_certain = false,
            }
        }
        identity
    }

    /// Returns the properties as written, in one spelling.
    #[must_use]
    pub fn written(&self) -> &str {
        &self.written
    }

    /// Returns whether two templates name the same group, if that is certain. The value of a parameter, a mapping, or a
    /// dynamic reference may change between two deployments although the template does not.
    pub(crate) fn is_same(&self, other: &Self) -> Option<bool> {
        (self.is_certain && other.is_certain).then(|| self.written == other.written)
    }
}

/// Returns whether a value is the same in each deployment: a literal, or a reference to a resource of the template.
fn is_certain(template: &Template<'_>, value: &Value) -> bool {
    match &value.kind {
        Kind::Null | Kind::Bool(_) | Kind::Integer(_) | Kind::Float(_) => true,
        Kind::String(text) => Unknown::of_text(text).is_none(),
        Kind::Map(map) => match map.iter().collect::<Vec<_>>().as_slice() {
            [(key, name)] if key.name == "Ref" => {
                name.as_str().is_some_and(|name| template.parameters().all(|parameter| parameter.name != name))
            }
            [(key, _)] => key.name == "Fn::GetAtt",
            _ => false,
        },
        Kind::Ambiguous(_) | Kind::List(_) | Kind::Unknown(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Scope;

    fn identity(group: &str) -> GroupIdentity {
        let text = format!(
            "Parameters: {{P: {{Type: String}}}}\nResources:\n  Sg: {{Type: AWS::EC2::SecurityGroup}}\n  Rule: {{Type: \
             AWS::EC2::SecurityGroupEgress, Properties: {{GroupId: {group}, IpProtocol: tcp}}}}\n"
        );
        let root = crate::source::parse(&text).unwrap().root;
        let scope = Scope::default();
        let template = Template::new(&root, &scope).unwrap();
        let rule = template.resource("Rule").unwrap();
        GroupIdentity::of(&template, rule, ResourceType::SecurityGroupEgress)
    }

    #[test]
    fn a_group_is_the_same_or_another_one_only_if_no_deployment_can_change_it() {
        for (one, other, expected) in [
            ("sg-1", "sg-1", Some(true)),
            ("sg-1", "sg-2", Some(false)),
            ("!Ref Sg", "{Ref: Sg}", Some(true)),
            ("!Ref Sg", "sg-1", Some(false)),
            ("!GetAtt Sg.GroupId", "!GetAtt Sg.GroupId", Some(true)),
            ("!Ref P", "!Ref P", None),
            ("!Ref P", "sg-1", None),
            ("sg-1", "!Ref P", None),
            ("!ImportValue x", "!ImportValue x", None),
            ("!Sub '${Sg}'", "!Sub '${Sg}'", None),
            ("'{{resolve:ssm:x}}'", "'{{resolve:ssm:x}}'", None),
        ] {
            assert_eq!(identity(one).is_same(&identity(other)), expected, "{one} and {other}");
        }
    }

    #[test]
    fn what_is_written_distinguishes_groups_that_no_deployment_is_known_of() {
        assert_eq!(identity("!Ref P").written(), r#"GroupId={"Ref":"P",} "#);
        assert_eq!(identity("sg-1").written(), r#"GroupId="sg-1" "#);
    }
}
