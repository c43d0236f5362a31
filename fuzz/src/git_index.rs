//! Any bytes are an index of git, whose paths it has, or are refused in words.

#[path = "../../command/src/bin/cfn-egress-guard/git/index.rs"]
mod index;

/// Checks one input.
pub fn run(input: &[u8]) {
    match index::GitIndex::read(input) {
        // No path in an index is as long as the whole of it.
        Ok(index) => assert!(!index.has(input)),
        Err(why) => assert!(!why.is_empty() && !why.ends_with('.')),
    }
}
