//! Any bytes are read as a git index with its paths, or refused with an explanation.

#[path = "../../command/src/bin/cfn-egress-guard/git/index.rs"]
mod index;

/// Checks one input.
pub fn run(input: &[u8]) {
    match index::GitIndex::read(input) {
        // No path in an index is as long as the whole index.
        Ok(index) => assert!(!index.has(input)),
        Err(why) => assert!(!why.is_empty() && !why.ends_with('.')),
    }
}
