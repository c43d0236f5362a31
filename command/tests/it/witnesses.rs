//! The template of each reason shows only that reason; its compliant form passes.

use cfn_egress_guard::witness::findings;
use cfn_egress_guard_core::rule::{Reason, witness};

use crate::support::{command, root, stderr, stdout};

#[test]
fn each_reason_has_the_smallest_template_that_shows_it_and_its_compliant_form() {
    for &reason in Reason::ALL {
        let witness = witness(reason);
        let found: Vec<_> = findings(witness.fails, &witness).unwrap().iter().map(|finding| finding.reason).collect();
        assert_eq!(found, [reason], "{}", witness.fails);
        assert_eq!(findings(witness.passes, &witness).unwrap(), [], "{}", witness.passes);
    }
}

#[test]
fn nothing_in_the_folder_is_left_over() {
    let files = std::fs::read_dir(root().join("src/rule/witness")).unwrap().count();
    assert_eq!(files, 2 * Reason::ALL.len());
}

#[test]
fn policy_explain_shows_each_reason() {
    for &reason in Reason::ALL {
        let output = command(&["policy", "explain", "--reason", reason.code()]);
        assert_eq!(output.status.code(), Some(0), "{reason:?}");
        let text = stdout(&output);
        for template in [witness(reason).fails, witness(reason).passes] {
            let indented: Vec<String> = template.lines().map(|line| format!("  {line}")).collect();
            assert!(text.contains(&indented.join("\n")), "{text}");
        }
    }
    insta::assert_snapshot!(stdout(&command(&["policy", "explain", "--reason", "minus-one-ports"])));
}

#[test]
fn a_reason_needs_no_file_and_takes_no_option_about_one() {
    for (arguments, why) in [
        (&["policy", "explain", "--reason", "port-rage"][..], "tip: a similar value exists: 'port-range'"),
        (&["policy", "explain", "--reason", "port-range", "x.yaml"], "cannot be used with"),
        (&["policy", "explain", "--reason", "port-range", "--preset", "literal"], "cannot be used with"),
        (&["policy", "explain"], "required"),
    ] {
        let output = command(arguments);
        assert_eq!(output.status.code(), Some(2));
        let said = stderr(&output);
        assert!(said.contains(why), "{said}");
    }
}
