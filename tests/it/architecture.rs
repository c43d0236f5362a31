//! Tests of the architecture within each crate: modules of the core use only the modules listed for them, and no two
//! sibling files of any crate use each other, directly or indirectly. Between crates, the compiler enforces the
//! boundaries. Also: files are short, each type name is unique, and the root package builds without the dependencies of
//! its members.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::support::root;

/// The modules that each module of the core may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("arn", &[]),
    ("excerpt", &[]),
    ("path", &[]),
    ("fingerprint", &[]),
    ("region", &[]),
    ("rule", &["excerpt", "path", "region"]),
    ("value", &["path", "rule"]),
    ("security_group", &["path", "rule", "value"]),
    ("template", &["path", "rule", "value"]),
    ("source", &["excerpt", "path", "value"]),
    ("policy", &["path", "rule", "security_group", "source"]),
    ("check", &["path", "rule", "security_group", "template", "value"]),
    ("log", &["rule"]),
    (
        "hook",
        &["arn", "check", "log", "path", "policy", "region", "rule", "security_group", "source", "template", "value"],
    ),
    ("watch", &["check", "log", "path", "rule", "security_group", "value"]),
    ("event", &[]),
];

/// The root file of each crate in the workspace.
const ROOTS: &[&str] = &[
    "src/lib.rs",
    "src/bin/bootstrap/main.rs",
    "account/src/lib.rs",
    "command/src/lib.rs",
    "command/src/bin/cfn-egress-guard/main.rs",
    "benches/bench/main.rs",
];

/// A module of a crate: its code without tests and comments, and its child modules.
struct Module {
    code: String,
    /// The paths in the code.
    paths: Vec<Vec<String>>,
    children: BTreeMap<String, Module>,
}

impl Module {
    /// Reads the module in a file, whose child modules are in `folder`.
    fn read(file: &Path, folder: &Path) -> Self {
        let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let code: String = text
            .split("#[cfg(test)]")
            .next()
            .unwrap_or_default()
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .flat_map(|line| [line, "\n"])
            .collect();
        let children = code
            .lines()
            .filter_map(|line| {
                let declared = line.trim_start_matches("pub ").trim_start_matches("pub(crate) ");
                let name = declared.strip_prefix("mod ")?.strip_suffix(';')?;
                Some((name.to_owned(), Self::read(&folder.join(format!("{name}.rs")), &folder.join(name))))
            })
            .collect();
        Self { paths: paths(&code), code, children }
    }

    fn crate_at(file: &str) -> Self {
        let file = root().join(file);
        let folder = file.parent().map(PathBuf::from).unwrap();
        Self::read(&file, &folder)
    }

    /// Returns the code of the module and of all modules in it.
    fn all_code(&self) -> String {
        self.children.values().fold(self.code.clone(), |code, child| code + &child.all_code())
    }

    /// Collects the paths that the module and its child modules use, each from the crate's root.
    fn uses(&self, at: &[String], found: &mut Vec<Vec<String>>) {
        found.extend(self.paths.iter().filter_map(|path| from_root(path, at)));
        for (name, child) in &self.children {
            child.uses(&[at, std::slice::from_ref(name)].concat(), found);
        }
    }

    /// Returns the child module of each item that the module names in its `use` statements.
    fn names(&self) -> BTreeMap<String, String> {
        self.paths
            .iter()
            .filter_map(|path| match path.as_slice() {
                [child, .., item] if self.children.contains_key(child) => Some((item.clone(), child.clone())),
                [own, child, .., item] if own == "self" && self.children.contains_key(child) => {
                    Some((item.clone(), child.clone()))
                }
                _ => None,
            })
            .collect()
    }

    /// Collects the circles among the children of this module and of all modules in it.
    fn circles(&self, at: &[String], found: &mut Vec<String>) {
        let names = self.names();
        let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (name, child) in &self.children {
            let mut uses = Vec::new();
            child.uses(&[at, std::slice::from_ref(name)].concat(), &mut uses);
            for path in uses {
                let Some(next) = path.strip_prefix(at).and_then(<[String]>::first) else { continue };
                let sibling = self.children.get_key_value(next).map(|(sibling, _)| sibling).or_else(|| names.get(next));
                if let Some(sibling) = sibling.filter(|sibling| *sibling != name) {
                    edges.entry(name).or_default().insert(sibling);
                }
            }
        }
        for start in edges.keys() {
            let (mut seen, mut next) = (BTreeSet::new(), vec![*start]);
            while let Some(module) = next.pop() {
                next.extend(edges.get(module).into_iter().flatten().filter(|used| seen.insert(**used)));
            }
            if seen.contains(start) {
                let uses: Vec<_> = edges[start].iter().copied().collect();
                found.push(format!("{}::{start} is in a circle; it uses {}", at.join("::"), uses.join(", ")));
            }
        }
        for (name, child) in &self.children {
            child.circles(&[at, std::slice::from_ref(name)].concat(), found);
        }
    }
}

/// Returns each path in the code, with `use` trees expanded: `a::{b, c::d}` becomes `a::b` and `a::c::d`.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(start) = rest.find(|c: char| c.is_alphabetic() || c == '_') {
        rest = rest.split_at(start).1;
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        match behind.strip_prefix("::") {
            Some(behind) => {
                rest = tree(behind, vec![word.to_owned()], &mut found);
            }
            None => rest = behind,
        }
    }
    found
}

/// Reads a `use` tree after `prefix::`, and returns the code after it.
fn tree<'c>(code: &'c str, prefix: Vec<String>, found: &mut Vec<Vec<String>>) -> &'c str {
    if let Some(mut rest) = code.strip_prefix('{') {
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
            if rest.is_empty() {
                return rest;
            }
            if let Some(rest) = rest.strip_prefix('}') {
                return rest;
            }
            let before = rest.len();
            rest = tree(rest, prefix.clone(), found);
            if let Some(renamed) = rest.strip_prefix(" as ") {
                rest = renamed.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
            }
            if rest.len() == before {
                return rest;
            }
        }
    }
    let end = code.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(code.len());
    let (word, behind) = code.split_at(end);
    let path = if word.is_empty() { prefix } else { [prefix, vec![word.to_owned()]].concat() };
    match behind.strip_prefix("::") {
        Some(behind) if !word.is_empty() => tree(behind, path, found),
        _ => {
            found.push(path);
            behind
        }
    }
}

/// Returns a path that starts with `crate`, `self`, or `super` relative to the crate's root.
fn from_root(path: &[String], at: &[String]) -> Option<Vec<String>> {
    match path.first()?.as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([at, &path[1..]].concat()),
        "super" => {
            let up = path.iter().take_while(|word| *word == "super").count();
            Some([at.get(..at.len().checked_sub(up)?)?, &path[up..]].concat())
        }
        _ => None,
    }
}

#[test]
fn dependencies_of_the_core_point_inward_only() {
    let allowed: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    let core = Module::crate_at("src/lib.rs");
    let modules: Vec<_> = core.children.keys().map(String::as_str).collect();
    assert_eq!(modules, allowed.keys().copied().collect::<Vec<_>>(), "each module of the core has its row");
    for (name, module) in &core.children {
        let mut uses = Vec::new();
        module.uses(std::slice::from_ref(name), &mut uses);
        let uses_none = ["arn", "event", "excerpt", "fingerprint", "path", "region"];
        assert!(!uses.is_empty() || uses_none.contains(&name.as_str()), "{name} is read");
        for used in uses.iter().filter_map(|path| path.first()) {
            assert!(used == name || allowed[name.as_str()].contains(&used.as_str()), "{name} may not use {used}");
        }
    }
}

#[test]
fn no_two_sibling_files_use_each_other() {
    let mut circles = Vec::new();
    for file in ROOTS {
        let mut found = Vec::new();
        Module::crate_at(file).circles(&[], &mut found);
        circles.extend(found.into_iter().map(|circle| format!("{file}: {circle}")));
    }
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

/// The tests above depend on the path parser.
#[test]
fn paths_are_taken_apart() {
    let code = "use super::{a::{B, c::D as E}, f};\nlet x = crate::g::h(self::i);";
    let found: Vec<String> = paths(code).iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["super::a::B", "super::a::c::D", "super::f", "crate::g::h", "self::i"]);
    let at = ["m".to_owned(), "n".to_owned()];
    assert_eq!(from_root(&["super".to_owned(), "x".to_owned()], &at).unwrap(), ["m", "x"]);
}

/// The rule can be read and tested without JSON, text formats, or AWS.
#[test]
fn the_rule_knows_no_format_and_no_aws() {
    let code = Module::crate_at("src/lib.rs").children["rule"].all_code();
    for foreign in ["serde", "granit", "toml::", "tokio", "aws_", "std::time", "std::env", "std::fs"] {
        assert!(!code.contains(foreign), "the rule uses {foreign}");
    }
}

/// The folders of the workspace with the files that ship.
const SHIPPED: &[&str] = &["src", "command/src", "account/src"];

/// Returns the code of each file that ships, without its tests, by its path.
fn shipped() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders: Vec<PathBuf> = SHIPPED.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
            if path.is_dir() && !is_test {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") && !is_test {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
                found.insert(path.strip_prefix(root()).unwrap().display().to_string(), code);
            }
        }
    }
    found
}

#[test]
fn files_are_short() {
    let mut lines: Vec<(usize, String)> =
        shipped().into_iter().map(|(file, code)| (code.lines().count(), file)).collect();
    lines.sort_unstable();
    let long: Vec<_> = lines.iter().filter(|(lines, _)| *lines > 400).collect();
    assert!(long.is_empty(), "more than 400 lines: {long:?}");
    assert!(lines.len() > 200, "the files are read");
    assert!(lines[lines.len() / 2].0 <= 200, "the median file has {} lines", lines[lines.len() / 2].0);
}

/// A unique name makes a type easy to search for.
#[test]
fn no_two_modules_give_a_type_the_same_name() {
    let mut defined: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, code) in shipped() {
        for line in code.lines() {
            // An associated type is not defined by a module.
            let is_associated = line.starts_with(' ') && line.trim_start().starts_with("type ");
            let mut words = line.split_whitespace().skip_while(|word| word.starts_with("pub"));
            if !is_associated
                && let Some("struct" | "enum" | "trait" | "type" | "union") = words.next()
                && let Some(name) = words.next()
            {
                let name = name.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
                // A macro has no name here.
                if !name.is_empty() {
                    defined.entry(name.to_owned()).or_default().push(file.clone());
                }
            }
        }
    }
    assert!(defined.len() > 300 && defined.contains_key("Finding"), "the types are read");
    let twice: Vec<_> = defined.into_iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(twice.is_empty(), "{twice:#?}");
}

/// `cargo test` of the root package compiles no command line, no AWS SDK, no TLS server, and no certificate generator.
#[test]
fn the_root_package_depends_on_nothing_that_its_members_need() {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let section = |name: &'static str| {
        text.lines().skip_while(move |line| *line != name).skip(1).take_while(|line| !line.starts_with('['))
    };
    let names: BTreeSet<&str> = ["[dependencies]", "[dev-dependencies]", "[build-dependencies]"]
        .into_iter()
        .flat_map(section)
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .collect();
    assert!(names.contains("serde_json") && names.contains("proptest"), "the manifest is read");
    let foreign: Vec<_> = names
        .into_iter()
        .filter(|name| {
            name.starts_with("aws-") || name.starts_with("clap") || name.starts_with("cfn-") || *name == "rcgen"
        })
        .collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    let tls = section("[workspace.dependencies]").find(|line| line.starts_with("tokio-rustls ")).unwrap();
    assert!(!tls.contains("server"), "{tls}");
}
