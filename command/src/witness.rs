//! Judges the templates that show the rule's reasons.

use cfn_egress_guard_core::check::{CheckContext, Defaults, check, judge_properties};
use cfn_egress_guard_core::rule::policy::{Context, Date, Policy, ResourceContext, UnchangedRules};
use cfn_egress_guard_core::rule::{Finding, Knowledge, Outcome, Treatment, Witness};
use cfn_egress_guard_core::security_group::ResourceType;
use cfn_egress_guard_core::source;
use cfn_egress_guard_core::template::Scope;

/// Returns the violations and undetermined findings in the template of a witness, under the witness's setting.
///
/// # Errors
/// When the text is not a template; every witness is one.
pub fn findings(template: &str, witness: &Witness) -> anyhow::Result<Vec<Finding>> {
    let policy = Policy {
        overrides: witness.blocked_by.map(|setting| (setting, Treatment::Block)).into_iter().collect(),
        ..Policy::default()
    };
    // No witness has an exemption, so the day does not matter.
    let today = Date::of_unix_seconds(0);
    let root = source::parse(template)?.root;
    let found: Vec<Finding> = match witness.knowledge {
        Knowledge::Partial => {
            let context = CheckContext { defaults: Defaults::MayChange, ..CheckContext::of(&policy, today) };
            let checked = check(&root, &Scope::default(), &context)?;
            checked
                .resources
                .into_iter()
                .flat_map(|resource| resource.findings)
                .map(|located| located.finding)
                .collect()
        }
        // As the hook sees it: resolved properties.
        Knowledge::Final => {
            let case = ResourceContext { context: Context::default(), unchanged: &UnchangedRules::Nothing, today };
            let resources = root.get("Resources").and_then(|resources| resources.as_map());
            resources
                .into_iter()
                .flat_map(|resources| resources.iter())
                .filter_map(|(_, resource)| {
                    let resource_type = ResourceType::from_name(resource.get("Type")?.as_str()?)?;
                    let properties = resource.get("Properties")?;
                    Some(judge_properties(resource_type, properties, Knowledge::Final, &policy, &case))
                })
                .flat_map(|assessment| assessment.findings)
                .collect()
        }
    };
    Ok(found
        .into_iter()
        .filter(|finding| matches!(finding.outcome, Outcome::NonCompliant | Outcome::Undetermined))
        .collect())
}
