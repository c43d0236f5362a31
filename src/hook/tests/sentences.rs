//! All sentences of the hook, for review as a whole.

use super::*;
use crate::hook::sentences::*;

#[test]
fn all_sentences_of_the_hook() {
    let counts =
        |judged, broken, undetermined, allowed, open| TemplateCounts { judged, broken, undetermined, allowed, open };
    let headlines = [
        counts(3, 1, 0, 0, false),
        counts(3, 2, 1, 1, true),
        counts(0, 0, 0, 0, true),
        counts(0, 0, 0, 0, false),
        counts(1, 0, 0, 0, false),
        counts(4, 0, 0, 1, false),
        counts(4, 0, 1, 0, false),
        counts(4, 0, 0, 0, true),
        counts(4, 0, 2, 2, true),
    ]
    .map(|counts| headline("The template", counts));
    let others = [
        other_type("AWS::S3::Bucket"),
        deletion(),
        import(Treatment::Block),
        import(Treatment::Allow),
        broken_configuration("policy.toml, line 1: unknown key `a`. did you mean `b`?"),
        unreadable_event("EOF at line 1"),
        missing_field("requestData"),
        unknown_invocation_point("DELETE_POST"),
        unsupported_target("STACK"),
        defect(),
        resource("Web", None),
        resource("Web", Some(7)),
        not_wholly_judged("Web", "too much"),
        unreadable_document("it is not JSON"),
        empty_document("template"),
        unreadable_template("a tab", None),
        unreadable_template("a tab", Some((3, 4))),
        unreadable_previous_template("a tab"),
        unreadable_change("Web"),
        untyped_change("Web"),
        refused_url("its URL is not https"),
        failed_download("bucket.s3.amazonaws.com", "it answered 403"),
    ];
    insta::assert_snapshot!([headlines.as_slice(), &others].concat().join("\n"));
}
