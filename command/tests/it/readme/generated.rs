//! The tables and lists in the pages that are generated from the code.

use std::fmt::Write as _;
use std::process::Command;

use cfn_egress_guard::witness::findings;
use cfn_egress_guard_core::rule::wording::{reason, setting_covers, statement};
use cfn_egress_guard_core::rule::{Knowledge, Outcome, Preset, Reason, Setting, Settings, witness};
use cfn_egress_guard_core::source;
use cfn_egress_guard_core::value::Kind;
use serde_json::Value as Json;

use crate::support::{command, read, root};

/// Returns the text between `<!-- generated: NAME -->` and `<!-- end -->`.
pub(super) fn text(name: &str) -> String {
    match name {
        "decision table" => read("src/rule/decision-table.md").split_once('\n').unwrap().1.to_owned(),
        "reasons" => reasons(),
        "policy settings" => policy_settings(),
        "settings of the stack" => settings_of_the_stack(),
        "permissions" => permissions(),
        other => panic!("nothing generates {other}"),
    }
}

/// Each reason with its witness.
fn reasons() -> String {
    let mut text = String::new();
    for &code in Reason::ALL {
        let witness = witness(code);
        writeln!(text, "### {}\n\n{}.", code.code(), reason::title(code)).unwrap();
        for finding in findings(witness.fails, &witness).unwrap() {
            let word = if finding.outcome == Outcome::Undetermined { "Undetermined" } else { "Blocked" };
            let by = witness
                .blocked_by
                .map_or_else(String::new, |setting| format!(" with `{} = \"block\"`", setting.name()));
            let seen = if witness.knowledge == Knowledge::Final { " if the hook receives this text" } else { "" };
            writeln!(text, "{word}{by}{seen}: {}.", statement(&finding)).unwrap();
        }
        writeln!(
            text,
            "\n```yaml\n{}```\n\nCompliant:\n\n```yaml\n{}```\n\n{}\n",
            witness.fails,
            witness.passes,
            reason::help(code)
        )
        .unwrap();
    }
    text
}

/// Each setting of a policy, with both presets.
fn policy_settings() -> String {
    let mut text = "| setting | covers | `literal` | `effective` |\n|---|---|---|---|\n".to_owned();
    let [literal, effective] = [Preset::Literal, Preset::Effective].map(Settings::of);
    for &setting in Setting::ALL {
        let [literal, effective] = [literal, effective].map(|settings| settings.get(setting).name());
        writeln!(text, "| `{}` | {} | {literal} | {effective} |", setting.name(), setting_covers(setting)).unwrap();
    }
    text
}

/// Each setting of `make deploy`, with its parameter of `template.yaml`.
fn settings_of_the_stack() -> String {
    let template = source::parse(&read("template.yaml")).unwrap().root;
    let parameters = template.get("Parameters").unwrap();
    let listed = Command::new("bash").arg("deploy/switch.sh").arg("--settings").current_dir(root()).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let mut text = "| setting | parameter | default | what it does |\n|---|---|---|---|\n".to_owned();
    for line in listed.lines() {
        let [setting, name, ..] = line.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{line}") };
        let parameter = parameters.get(name).unwrap();
        let default = match &parameter.get("Default").unwrap().kind {
            Kind::String(text) if text.is_empty() => "none".to_owned(),
            Kind::String(text) => format!("`{text}`"),
            Kind::Integer(number) => format!("`{number}`"),
            other => panic!("{name}: {other:?}"),
        };
        let description = parameter.get("Description").unwrap().as_str().unwrap();
        writeln!(text, "| `{setting}` | {name} | {default} | {} |", description.trim_start_matches("Optional. "))
            .unwrap();
    }
    text
}

/// The actions of the IAM policies that the commands print.
fn permissions() -> String {
    let mut text = "| command | IAM actions |\n|---|---|\n".to_owned();
    for name in ["scan", "audit", "status"] {
        let policy: Json = serde_json::from_slice(&command(&[name, "--print-iam-policy"]).stdout).unwrap();
        let actions = policy["Statement"][0]["Action"].as_array().unwrap();
        let actions: Vec<_> = actions.iter().map(|action| format!("`{}`", action.as_str().unwrap())).collect();
        writeln!(text, "| `{name}` | {} |", actions.join(", ")).unwrap();
    }
    text
}
