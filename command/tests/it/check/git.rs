//! Files that git excludes from a folder: those that it ignores and does not track, the same in every checkout.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::discovery::files;
use super::{check, folder, template};

/// Runs git without the user's configuration.
fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env_remove("GIT_DIR");
    command.args(["-c", "user.name=x", "-c", "user.email=x@x", "-c", "init.defaultBranch=main"]);
    command.args(["-c", "protocol.file.allow=always"]);
    let output = command.args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A repository in which git ignores `prod.yaml` and `build/`, and tracks one file of each.
fn repository(name: &str, init: &[&str]) -> PathBuf {
    let good = template("Good", 1, 1);
    let folder = folder(
        name,
        &[
            (".gitignore", "prod.yaml\nbuild/\n"),
            ("ok.yaml", &good),
            ("prod.yaml", &good),
            ("sub/prod.yaml", &good),
            ("build/tracked.yaml", &good),
            ("build/deep/other.yaml", &good),
        ],
    );
    std::fs::remove_dir_all(folder.join(".git")).unwrap();
    git(&folder, &[&["init", "--quiet"], init].concat());
    git(&folder, &["add", "--force", ".gitignore", "ok.yaml", "prod.yaml", "build/tracked.yaml"]);
    folder
}

const READ: [&str; 3] = ["build/tracked.yaml", "ok.yaml", "prod.yaml"];

#[test]
fn what_git_tracks_is_read_whatever_it_ignores() {
    let folder = repository("tracked", &[]);
    assert_eq!(files(&folder, &[]), READ);
    assert_eq!(files(&folder.join("sub"), &["--strict", ".."]), READ.map(|name| format!("../{name}")));
    let (code, described) = check(&folder, &[]).described();
    assert_eq!(code, 0);
    assert!(
        described.contains("\nskipped: 2 files that look like templates, because git ignores them\n"),
        "{described}"
    );
    // By name, by a pattern, and in a named folder.
    assert_eq!(files(&folder, &["sub/prod.yaml"]), ["sub/prod.yaml"]);
    assert_eq!(files(&folder, &["**/prod.yaml"]), ["prod.yaml"]);
    assert_eq!(files(&folder, &["build"]), ["build/deep/other.yaml", "build/tracked.yaml"]);
    std::fs::write(folder.join("build/tracked.yaml"), "a: 1\n").unwrap();
    let (_, described) = check(&folder, &["sub"]).described();
    assert!(described.contains("help: git ignores files here that look like templates"), "{described}");
}

#[test]
fn outside_a_repository_nothing_is_ignored() {
    let good = template("Good", 1, 1);
    let outside = std::env::temp_dir().join(format!("cfn-egress-guard-test-{}", std::process::id()));
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join(".gitignore"), "prod.yaml\n").unwrap();
    std::fs::write(outside.join("prod.yaml"), &good).unwrap();
    let found = files(&outside, &[]);
    std::fs::remove_dir_all(&outside).unwrap();
    assert_eq!(found, ["prod.yaml"]);
}

#[test]
fn every_index_that_git_writes_is_read() {
    for version in ["2", "3", "4"] {
        let folder = repository(&format!("index-{version}"), &[]);
        git(&folder, &["update-index", "--index-version", version]);
        if version != "2" {
            git(&folder, &["update-index", "--skip-worktree", "ok.yaml"]);
        }
        assert_eq!(files(&folder, &[]), READ, "version {version}");
    }
    let folder = repository("index-sha256", &["--object-format=sha256"]);
    assert_eq!(files(&folder, &[]), READ, "SHA-256");
    let folder = repository("index-untracked-cache", &[]);
    git(&folder, &["update-index", "--force-untracked-cache"]);
    git(&folder, &["commit", "--quiet", "-m", "x"]);
    assert_eq!(files(&folder, &[]), READ, "with extensions");
}

#[test]
fn work_trees_and_submodules_are_repositories() {
    let folder = repository("work-tree", &[]);
    git(&folder, &["commit", "--quiet", "-m", "x"]);
    git(&folder, &["worktree", "add", "--quiet", "../work-tree-of-it"]);
    let tree = folder.parent().unwrap().join("work-tree-of-it");
    std::fs::create_dir_all(tree.join("sub")).unwrap();
    std::fs::write(tree.join("sub/prod.yaml"), template("Good", 1, 1)).unwrap();
    assert_eq!(files(&tree, &[]), READ, "a work tree");
    git(&folder, &["worktree", "remove", "--force", "../work-tree-of-it"]);

    let outer = super::folder("submodule", &[(".gitignore", "ok.yaml\n"), ("own.yaml", &template("Good", 1, 1))]);
    std::fs::remove_dir_all(outer.join(".git")).unwrap();
    git(&outer, &["init", "--quiet"]);
    git(&outer, &["submodule", "--quiet", "add", folder.to_str().unwrap(), "inner"]);
    let expected = [&READ.map(|name| format!("inner/{name}"))[..], &["own.yaml".to_owned()]].concat();
    assert_eq!(files(&outer, &[]), expected, "rules of the repository around a submodule do not hold in it");
}

#[test]
fn an_index_that_cannot_be_read_is_loud_where_it_matters() {
    let folder = repository("broken-index", &[]);
    std::fs::write(folder.join(".git/index"), "DIRC and nonsense").unwrap();
    let (code, described) = check(&folder, &[]).described();
    assert_eq!(code, 2);
    assert!(
        described.contains("whether git tracks it is unknown: `") && described.contains("its version is not supported"),
        "{described}"
    );
    assert_eq!(files(&folder, &["--exclude", "prod.yaml", "--exclude", "/build"]), ["ok.yaml"], "nothing is in doubt");

    let folder = repository("split-index", &[]);
    git(&folder, &["update-index", "--split-index"]);
    let (code, described) = check(&folder, &[]).described();
    assert!(code == 2 && described.contains("run `git update-index --no-split-index`"), "{described}");
}

#[test]
fn only_the_ignore_files_of_the_repository_count() {
    let good = template("Good", 1, 1);
    let folder = folder(
        "ignore-files",
        &[
            (".gitignore", "above.yaml\n"),
            ("r/.git/HEAD", "ref: refs/heads/main\n"),
            ("r/.git/info/exclude", "info.yaml\n"),
            ("r/.git/config", "[core]\n\texcludesFile = ../../global\n"),
            ("r/.gitignore", "root.yaml\n!sub/kept.yaml\n*.gen.yaml\n"),
            ("r/.ignore", "dot-ignore.yaml\n"),
            ("r/sub/.gitignore", "kept.yaml\n!again.gen.yaml\n"),
            ("r/above.yaml", &good),
            ("r/dot-ignore.yaml", &good),
            ("r/global.yaml", &good),
            ("r/info.yaml", &good),
            ("r/root.yaml", &good),
            ("r/sub/above.yaml", &good),
            ("r/sub/again.gen.yaml", &good),
            ("r/sub/kept.yaml", &good),
            ("r/sub/root.yaml", &good),
            ("r/sub/x.gen.yaml", &good),
            ("home/.config/git/ignore", "global.yaml\n"),
            ("home/.gitconfig", "[core]\n\texcludesFile = ~/global\n"),
            ("home/global", "global.yaml\n"),
            ("global", "global.yaml\n"),
        ],
    );
    let here = folder.join("r");
    let expected =
        ["above.yaml", "dot-ignore.yaml", "global.yaml", "info.yaml", "sub/above.yaml", "sub/again.gen.yaml"];
    assert_eq!(files(&here, &[]), expected);
    let home = folder.join("home");
    let (_, described) = check(&here, &["--format", "json"])
        .environment("HOME", home.to_str().unwrap())
        .environment("XDG_CONFIG_HOME", home.join(".config").to_str().unwrap())
        .described();
    assert!(described.contains("global.yaml"), "the user's own file: {described}");
    assert_eq!(files(&here.join("sub"), &[]), ["above.yaml", "again.gen.yaml"], "and above the folder");
    assert_eq!(files(&folder, &["r"]), expected.map(|name| format!("r/{name}")));
}

#[test]
fn files_are_left_out_by_choice() {
    let good = template("Good", 1, 1);
    let folder = folder(
        "exclude",
        &[
            ("a.yaml", &good),
            ("old/b.yaml", &good),
            ("old/deep/c.yaml", &good),
            ("new/old/d.yaml", &good),
            ("new/e.gen.yaml", &good),
            ("new/f.yaml", &good),
        ],
    );
    let all = ["a.yaml", "new/e.gen.yaml", "new/f.yaml", "new/old/d.yaml", "old/b.yaml", "old/deep/c.yaml"];
    assert_eq!(files(&folder, &[]), all);
    for (globs, left) in [
        (&["old/**"][..], &["a.yaml", "new/e.gen.yaml", "new/f.yaml", "new/old/d.yaml"][..]),
        (&["./old/**"], &["a.yaml", "new/e.gen.yaml", "new/f.yaml", "new/old/d.yaml"]),
        (&["./a.yaml"], &all[1..]),
        (&["/old"], &["a.yaml", "new/e.gen.yaml", "new/f.yaml", "new/old/d.yaml"]),
        (&["old/"], &["a.yaml", "new/e.gen.yaml", "new/f.yaml"]),
        (&["old"], &["a.yaml", "new/e.gen.yaml", "new/f.yaml"]),
        (&["*.gen.yaml", "old/deep/*"], &["a.yaml", "new/f.yaml", "new/old/d.yaml", "old/b.yaml"]),
        (&["**/d.yaml"], &["a.yaml", "new/e.gen.yaml", "new/f.yaml", "old/b.yaml", "old/deep/c.yaml"]),
        (&["nothing"], &all),
    ] {
        let flags: Vec<&str> = globs.iter().flat_map(|glob| ["--exclude", glob]).collect();
        assert_eq!(files(&folder, &flags), left, "{globs:?}");
        assert_eq!(files(&folder, &[&flags[..], &["."]].concat()), left, "{globs:?}");
        assert_eq!(files(&folder, &[&flags[..], &["**/*.yaml"]].concat()), left, "{globs:?} and a pattern");
        let named: Vec<&str> = flags.iter().chain(&all).copied().collect();
        assert_eq!(files(&folder, &named), left, "{globs:?} and names");
    }
    assert_eq!(files(&folder.join("new"), &["--exclude", "../old", ".."]).len(), 4, "outside of the folder");
    assert_eq!(check(&folder, &["--exclude", "a{b"]).output().status.code(), Some(2), "no pattern");
}
