//! `check`, the command.

mod baseline;
mod deployments;
mod discovery;
mod formats;
mod git;
mod nested;
mod parameters;
mod places;
mod policy;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{coverage, read, stderr, stdout};

/// A run of `check` in a separate folder.
struct Run {
    folder: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    stdin: String,
}

/// Creates a folder with these files.
fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    // Tests that run at the same time may use one name.
    static CREATED: AtomicUsize = AtomicUsize::new(0);
    let number = CREATED.fetch_add(1, Ordering::Relaxed);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("check").join(format!("{name}-{number}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    // The root of a repository, independent of the one that the tests run in.
    std::fs::create_dir_all(folder.join(".git")).unwrap();
    std::fs::write(folder.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    folder
}

fn check(folder: &Path, arguments: &[&str]) -> Run {
    Run {
        folder: folder.to_owned(),
        arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
        environment: Vec::new(),
        stdin: String::new(),
    }
}

impl Run {
    fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    fn stdin(mut self, text: &str) -> Self {
        text.clone_into(&mut self.stdin);
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cfn-egress-guard"));
        command.arg("check").args(&self.arguments).current_dir(&self.folder).env_clear();
        command.envs(coverage()).envs(self.environment.clone());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn output(self) -> Output {
        let mut child = self.command().spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(self.stdin.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Returns the exit status and standard output; standard error must be empty.
    fn described(self) -> (i32, String) {
        let output = self.output();
        assert_eq!(stderr(&output), "");
        (output.status.code().unwrap(), stdout(&output))
    }
}

/// A template with one group and one egress rule for tcp.
fn template(name: &str, from: u16, to: u16) -> String {
    format!(
        "Resources:\n  {name}:\n    Type: AWS::EC2::SecurityGroup\n    Properties:\n      GroupDescription: x\n      \
         SecurityGroupEgress:\n        - {{IpProtocol: tcp, FromPort: {from}, ToPort: {to}, CidrIp: 10.0.0.0/8}}\n"
    )
}

#[test]
fn the_exit_status_says_what_was_found() {
    let good = template("Good", 443, 443);
    let bad = template("Bad", 80, 87);
    let open = good.replace("443", "!Ref Port").replace("Resources:", "Parameters: {Port: {Type: Number}}\nResources:");
    let open = open.replacen("!Ref Port", "1", 1);
    let files = [
        ("good.yaml", good.as_str()),
        ("bad.yaml", &bad),
        ("open.yaml", &open),
        ("broken.yaml", "Resources: {A: {Type: AWS::EC2::SecurityGroup"),
        ("none.yaml", "a: 1\n"),
    ];
    let folder = folder("exit", &files);
    for (arguments, expected) in [
        (&["good.yaml"][..], 0),
        (&["bad.yaml"], 1),
        (&["open.yaml"], 0),
        (&["open.yaml", "--strict"], 1),
        (&["good.yaml", "bad.yaml"], 1),
        (&["broken.yaml"], 2),
        (&["none.yaml"], 2),
        (&["missing.yaml"], 2),
        (&["bad.yaml", "broken.yaml"], 2),
        (&["good.yaml", "--preset", "effective"], 0),
        (&["good.yaml", "--preset", "other"], 2),
        (&["good.yaml", "--parameters", "nonsense"], 2),
        (&["--no-such-flag"], 2),
    ] {
        let output = check(&folder, arguments).output();
        assert_eq!(output.status.code(), Some(expected), "{arguments:?}: {}{}", stdout(&output), stderr(&output));
    }
}

#[test]
fn a_broken_file_hides_nothing_and_takes_precedence() {
    let bad = template("Bad", 80, 87);
    let folder = folder("broken", &[("a.yaml", "Resources: [AWS::"), ("b.yaml", &bad)]);
    for arguments in [&["a.yaml", "b.yaml"][..], &["b.yaml", "a.yaml"], &["."]] {
        for format in ["human", "json", "sarif", "github", "gitlab", "junit"] {
            let (code, text) = check(&folder, &[arguments, &["--format", format]].concat()).described();
            assert_eq!(code, 2, "{format}");
            assert!(text.contains("not valid YAML"), "{format}: {text}");
            assert!(text.contains("80-87 to 10.0.0.0/8 opens a range of 8 ports"), "{format}: {text}");
        }
    }
}

#[test]
fn what_cannot_be_determined_is_a_warning_and_an_error_if_strict() {
    let text = "Resources:\n  Rule:\n    Type: AWS::EC2::SecurityGroupEgress\n    Properties: {IpProtocol: tcp, FromPort: \
                1, ToPort: !ImportValue Port}\n";
    let folder = folder("strict", &[("t.yaml", text)]);
    let (code, described) = check(&folder, &["t.yaml"]).described();
    assert_eq!(code, 0);
    assert!(described.starts_with("warning[undetermined-value]: ToPort is !ImportValue Port"), "{described}");
    let (code, described) = check(&folder, &["t.yaml", "--strict"]).described();
    assert_eq!(code, 1);
    assert!(described.starts_with("error[undetermined-value]"), "{described}");
    let (code, described) = check(&folder, &["t.yaml", "--quiet"]).described();
    assert_eq!((code, described.as_str()), (0, ""));
    let (code, described) = check(&folder, &["t.yaml", "--quiet", "--strict"]).described();
    assert_eq!(code, 1);
    assert!(described.starts_with("error[undetermined-value]") && !described.contains("checked:"), "{described}");
}

#[test]
fn standard_input_is_a_template_like_any_other() {
    let folder = folder("stdin", &[("good.yaml", &template("Good", 1, 1))]);
    let (code, described) = check(&folder, &["-", "good.yaml"]).stdin(&template("Bad", 1, 2)).described();
    assert_eq!(code, 1);
    assert!(described.contains("--> <stdin>:7:50"), "{described}");
    assert!(described.contains("2 egress rules in 2 resources of 2 templates checked: 1 error,"), "{described}");
    let (code, described) = check(&folder, &["-"]).stdin("").described();
    assert_eq!(code, 2);
    assert!(described.contains("the file is empty"), "{described}");
}

#[test]
fn the_preset_decides_as_in_the_hook() {
    let text = template("Sg", 8, 8).replace("ToPort: 8", "ToPort: -1").replace("tcp", "icmp");
    let folder = folder("preset", &[("t.yaml", &text)]);
    let (code, described) = check(&folder, &["t.yaml"]).described();
    assert_eq!(code, 1);
    assert!(described.contains("= note: The setting icmp_type_and_code = \"allow\" would allow this"), "{described}");
    assert_eq!(check(&folder, &["t.yaml", "--preset", "effective"]).described().0, 0);
}

#[test]
fn many_files_give_the_same_report_every_time_in_order() {
    let texts: Vec<_> =
        (0..80).map(|n| (format!("{n:02}/t{n:02}.yaml"), template(&format!("G{n:02}"), n, n % 3))).collect();
    let files: Vec<_> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let folder = folder("many", &files);
    for format in ["human", "json", "sarif", "github", "gitlab", "junit"] {
        let first = check(&folder, &["--format", format]).described();
        for _ in 0..3 {
            assert!(check(&folder, &["--format", format]).described() == first, "{format} differs from run to run");
        }
    }
    let (_, described) = check(&folder, &["--format", "github"]).described();
    let named: Vec<_> = described
        .lines()
        .filter(|line| line.starts_with("::error"))
        .map(|line| line.split(['=', ',']).nth(1).unwrap().to_owned())
        .collect();
    assert!(named.is_sorted() && named.len() == 77, "{named:?}");
}

#[test]
fn colors_are_for_terminals_unless_asked_for() {
    let folder = folder("color", &[("t.yaml", &template("Bad", 1, 2))]);
    let colored = |run: Run| run.described().1.contains('\u{1b}');
    assert!(!colored(check(&folder, &["t.yaml"])), "standard output is no terminal");
    assert!(colored(check(&folder, &["t.yaml", "--color", "always"])));
    assert!(!colored(check(&folder, &["t.yaml", "--color", "never"])));
    assert!(colored(check(&folder, &["t.yaml"]).environment("CLICOLOR_FORCE", "1")));
    let both = check(&folder, &["t.yaml"]).environment("CLICOLOR_FORCE", "1").environment("NO_COLOR", "1");
    assert!(!colored(both), "NO_COLOR wins over everything but the flag");
    assert!(!colored(check(&folder, &["t.yaml", "--format", "json", "--color", "always"])));
}

#[test]
fn a_reader_that_has_read_enough_ends_it_quietly() {
    let texts: Vec<_> = (0..400).map(|n| (format!("{n}.yaml"), template("Bad", n, n + 1))).collect();
    let files: Vec<_> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let folder = folder("pipe", &files);
    let mut child = check(&folder, &[]).command().spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(stderr(&output), "");
}

#[test]
fn the_help_needs_no_manual() {
    let output = check(Path::new("."), &["--help"]).output();
    insta::assert_snapshot!("help", stdout(&output));
}

#[test]
fn completions_are_scripts_that_their_shell_takes() {
    let script = crate::support::command(&["completions", "bash"]);
    let mut shell = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
    shell.stdin.take().unwrap().write_all(&script.stdout).unwrap();
    assert!(shell.wait().unwrap().success());
    // Tests a completion after a subcommand, not only that the script is valid.
    let completes = "source /dev/stdin; COMP_WORDS=(cfn-egress-guard check --for); COMP_CWORD=2; \
                     $(complete -p cfn-egress-guard | grep -o '_cfn[^ ]*') cfn-egress-guard --for check; echo \"${COMPREPLY[*]}\"";
    let mut bash = Command::new("bash");
    let mut shell = bash.args(["-c", completes]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    shell.stdin.take().unwrap().write_all(&script.stdout).unwrap();
    assert_eq!(stdout(&shell.wait_with_output().unwrap()), "--format\n");
    for shell in ["zsh", "fish", "powershell", "elvish"] {
        let script = stdout(&crate::support::command(&["completions", shell]));
        assert!(script.contains("cfn-egress-guard") && script.contains("strict"), "{shell}");
    }
}

#[test]
fn the_examples_of_the_repository_are_what_they_say() {
    let example = |name: &str| read(&format!("examples/{name}.yaml"));
    let folder = folder("examples", &[("good.yaml", &example("compliant")), ("bad.yaml", &example("non-compliant"))]);
    assert_eq!(check(&folder, &["good.yaml"]).described().0, 0);
    assert_eq!(check(&folder, &["bad.yaml"]).described().0, 1);
    let deployed = ["--strict", "--deployments", "examples/deployments.toml", "examples/compliant.yaml"];
    assert_eq!(check(crate::support::root(), &deployed).described().0, 0);
}
