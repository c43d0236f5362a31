//! Each link of each page leads to an existing file and heading. Web links are not followed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crate::support::root;

/// Finds the Markdown files of the repository, without those that tools generate.
fn markdown(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let made = name.starts_with('.') || ["target", "node_modules", "dist"].contains(&name);
        if path.is_dir() && !path.is_symlink() && !made {
            markdown(&path, found);
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
}

/// Returns the lines of a page outside code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// Returns a heading's anchor as GitHub and mdBook form it.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    heading.trim().to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")
}

/// Returns the anchors of a page.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen = BTreeMap::new();
    prose(text)
        .filter(|line| line.starts_with('#'))
        .map(|line| anchor(line.trim_start_matches('#')))
        .map(|anchor| {
            let count: &mut u32 = seen.entry(anchor.clone()).or_default();
            *count += 1;
            if *count == 1 { anchor } else { format!("{anchor}-{}", *count - 1) }
        })
        .collect()
}

/// Returns the targets of a page's links and pictures.
fn targets(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(text) {
        let code_apart: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        found.extend(code_apart.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())));
    }
    found
}

/// Removes `..` from a path.
fn clean(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut clean, component| {
        if component == Component::ParentDir {
            clean.pop();
        } else {
            clean.push(component);
        }
        clean
    })
}

#[test]
fn links_lead_to_files_and_headings_that_are_there() {
    let root = std::fs::canonicalize(root()).unwrap();
    let mut pages = Vec::new();
    markdown(&root, &mut pages);
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for page in &pages {
        let text = std::fs::read_to_string(page).unwrap();
        for target in targets(&text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            seen += 1;
            let (file, heading) = target.split_once('#').unwrap_or((&target, ""));
            let file = if file.is_empty() { page.clone() } else { clean(&page.parent().unwrap().join(file)) };
            let has_heading = || {
                let text = std::fs::read_to_string(&file).unwrap_or_default();
                heading.is_empty() || anchors(&text).contains(heading)
            };
            if !file.exists() || !has_heading() {
                wrong.push(format!("{}: {target}", page.strip_prefix(&root).unwrap().display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen > 50, "{seen} links");
}

/// The site contains every page of docs/.
#[test]
fn the_summary_lists_every_page() {
    let summary = std::fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap();
    let listed = targets(&summary);
    for page in super::pages() {
        let name = page.strip_prefix("docs/").map_or_else(|| format!("../{page}"), str::to_owned);
        assert!(name == "SUMMARY.md" || listed.contains(&name), "{name} is in docs/SUMMARY.md");
    }
}
