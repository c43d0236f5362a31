"""The parts of a release, as its users get them: installed into empty environments, run as their tools run them.

The programs inside are those of the other tests, so that nothing is built twice.
"""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from conftest import ROOT
from server import PARTS, environment

sys.path.insert(0, str(ROOT / "packaging"))
import release  # noqa: E402
import sbom  # noqa: E402

# The first test that uses the wheel may have to build the command with the features of its own package.
pytestmark = pytest.mark.timeout(900)

TOOLS = ROOT / ".venv" / "bin"
EXAMPLES = ROOT / "examples"
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
# The registry settings of pip and npm; nothing else from the caller's environment is passed on.
REGISTRIES = {name: value for name, value in os.environ.items() if re.match("(?i)pip_|npm_config_|ssl_|.*_proxy$", name)}


def run(folder, *command, status=0, **variables):
    done = subprocess.run(
        command, cwd=folder, env=environment(folder, **REGISTRIES | variables), capture_output=True, text=True, timeout=110
    )
    assert done.returncode == status, f"{command} → {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def judges(folder, *command):
    """Checks that the command finds violations, and nothing in a compliant template."""
    assert "opens a range of 1000 ports" in run(folder, *command, "check", EXAMPLES / "non-compliant.yaml", status=1)
    run(folder, *command, "check", EXAMPLES / "compliant.yaml")


def rehearses(folder, *command):
    told = run(folder, *command, "rehearse", EXAMPLES / "non-compliant.yaml", status=1)
    assert "non-compliant would be blocked: no resource would remain" in told


@pytest.fixture(scope="module")
def wheels(program, bootstrap, tmp_path_factory):
    """Builds the wheel from the programs of the tests; returns its folder."""
    folder = tmp_path_factory.mktemp("wheels")
    environment = {**os.environ, "PATH": f"{TOOLS}:{os.environ['PATH']}"}
    command = [sys.executable, ROOT / "packaging" / "wheel.py", bootstrap, "--profile", "dev", "--compatibility", "linux"]
    built = subprocess.run([*command, "--out", folder], env=environment, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def packages(program, bootstrap, tmp_path_factory):
    """Builds the npm packages from the programs of the tests; returns them by name."""
    folder = tmp_path_factory.mktemp("npm")
    arch = {"x86_64": "x86_64", "aarch64": "arm64"}[os.uname().machine]
    subprocess.run(["strip", "-o", folder / "stripped", program], check=True)  # packing is then several times faster
    made = release.npm({arch: (folder / "stripped", bootstrap)}, dist=folder, scratch=folder / "scratch")
    return {re.sub(r"-[\d.]+\.tgz$", "", file.name): file for file in made}


def test_the_wheel_installs_offline_into_an_empty_environment_and_works(wheels, tmp_path):
    [wheel] = wheels.glob("*.whl")
    assert wheel.name.startswith(f"cfn_egress_guard-{VERSION}-py3-none-")
    with zipfile.ZipFile(wheel) as archive:  # Nothing else that takes time to install.
        files = {name.rpartition("/")[2] for name in archive.namelist() if ".dist-info/" not in name}
    assert files == {"cfn-egress-guard", "bootstrap", "policy.toml"}
    run(tmp_path, sys.executable, "-m", "venv", "empty")
    run(tmp_path, "empty/bin/pip", "install", "--no-index", "--no-deps", wheel)
    installed = tmp_path / "empty" / "bin"
    assert run(tmp_path, installed / "cfn-egress-guard", "--version") == f"cfn-egress-guard {VERSION}\n"
    assert not (installed / "bootstrap").exists(), "the function is not on the PATH"
    judges(tmp_path, installed / "cfn-egress-guard")
    rehearses(tmp_path, installed / "cfn-egress-guard")
    # As uv and pipx put it on the PATH: through a link.
    (tmp_path / "link").symlink_to(installed / "cfn-egress-guard")
    rehearses(tmp_path, tmp_path / "link")


def test_pre_commit_installs_the_wheel_and_blocks_a_commit(wheels, tmp_path):
    def git(folder, *arguments, status=0, **variables):
        identity = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
        return run(folder, "git", *arguments, status=status, **identity, **variables)

    # The hook's repository as a clone: the files in git, and those not committed yet.
    hook = tmp_path / "hook"
    tracked = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "setup.py", "Cargo.toml", ".pre-commit-hooks.yaml", "src", "command")  # fmt: skip
    for name in tracked.strip("\0").split("\0"):
        (hook / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, hook / name)
    project = tmp_path / "project"
    project.mkdir()
    for folder in (hook, project):
        git(folder, "init", "--quiet")
    git(hook, "add", "--all")
    git(hook, "commit", "--quiet", "--message", "hook")
    revision = git(hook, "rev-parse", "HEAD").strip()
    (project / ".pre-commit-config.yaml").write_text(
        f"repos: [{{repo: '{hook}', rev: {revision}, hooks: [{{id: cfn-egress-guard}}]}}]\n"
    )
    shutil.copy(EXAMPLES / "compliant.yaml", project)
    (project / "other.yaml").write_text("a: b\n")
    git(project, "add", "--all")
    variables = {"PRE_COMMIT_HOME": str(tmp_path / "cache"), "PIP_FIND_LINKS": str(wheels)}
    pre_commit = [TOOLS / "pre-commit", "run", "--color", "never"]
    assert "Passed" in run(project, *pre_commit, **variables)
    assert not list((tmp_path / "cache").rglob("target")), "nothing is compiled"
    shutil.copy(EXAMPLES / "non-compliant.yaml", project)
    git(project, "add", "--all")
    told = run(project, *pre_commit, status=1, **variables)
    assert "non-compliant.yaml:20:19" in told
    assert "2 errors" in told


def test_the_npm_packages_install_offline_and_work(packages, tmp_path):
    chosen = [file for name, file in packages.items() if not name.endswith("-cdk")]
    run(tmp_path, "npm", "install", "--offline", "--no-audit", "--no-fund", "--loglevel=error", *chosen)
    command = tmp_path / "node_modules" / ".bin" / "cfn-egress-guard"
    assert run(tmp_path, command, "--version") == f"cfn-egress-guard {VERSION}\n"
    judges(tmp_path, command)
    rehearses(tmp_path, command)


def test_the_npm_package_says_for_which_platforms_there_is_a_program(packages, tmp_path):
    with tarfile.open(packages["cfn-egress-guard"]) as archive:
        archive.extractall(tmp_path, filter="data")
    done = subprocess.run(
        [tmp_path / "package" / "bin" / "cfn-egress-guard.js"], env=environment(tmp_path), capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "is not installed: install without --omit=optional" in done.stderr


APP = """
const { App, Stack, CfnParameter, Validations, aws_ec2: ec2 } = require('aws-cdk-lib');
const { EgressGuardPlugin } = require('cfn-egress-guard-cdk');
const app = new App({ analyticsReporting: false });
const stack = new Stack(app, 'Web', { stackName: 'web-prod', env: { account: '123456789012', region: 'eu-central-1' } });
const vpc = ec2.Vpc.fromVpcAttributes(stack, 'Vpc', { vpcId: 'vpc-1', availabilityZones: ['a'], privateSubnetIds: ['subnet-1'] });
const group = new ec2.SecurityGroup(stack, 'Group', { vpc, allowAllOutbound: false });
group.addEgressRule(ec2.Peer.ipv4('10.0.0.0/16'), ec2.Port.PORT, 'rule');
Validations.of(app).addPlugins(new EgressGuardPlugin(OPTIONS));
Validations.of(app).acknowledge(
  { id: 'cfn-egress-guard::cloudformation-aws-security-group-egress-with-port-range', reason: 'a developer says so' });
"""

EXEMPTION = """
[[exemption]]
id = "web"
reason = "ephemeral ports"
owner = "platform@example.com"
expires = 2099-06-30
account = "123456789012"
region = "eu-central-1"
stack_name = "web-*"
ports = "8000-8999"
"""


@pytest.fixture(scope="module")
def cdk_app(packages, tmp_path_factory):
    """Synthesizes an app with the plugin, which is installed beside the CDK."""
    folder = tmp_path_factory.mktemp("cdk-plugin")
    modules = folder / "node_modules"
    modules.mkdir()
    for name, file in packages.items():
        with tarfile.open(file) as archive:
            archive.extractall(folder / "unpacked" / name, filter="data")
        shutil.move(folder / "unpacked" / name / "package", modules / name)
    for each in (PARTS / "cdk" / "node_modules").iterdir():
        if not (modules / each.name).exists():
            (modules / each.name).symlink_to(each)

    def synthesize(port, options="", status=1):
        (folder / "app.js").write_text(APP.replace("PORT", port).replace("OPTIONS", options))
        shutil.rmtree(folder / "cdk.out", ignore_errors=True)
        command = [modules / ".bin" / "cdk", "synth", "--quiet", "--no-notices", "--app", "node app.js", "--output", "cdk.out", "--debug"]  # fmt: skip
        run(folder, *command, status=status, CDK_DISABLE_VERSION_CHECK="1", CDK_DISABLE_CLI_TELEMETRY="true", NO_COLOR="1",
            NODE_OPTIONS="--preserve-symlinks")  # fmt: skip
        reports = list((folder / "cdk.out").glob("*validation*.json"))
        reports = [json.loads(file.read_text()) for file in reports]
        ours = [one for report in reports for one in report["pluginReports"] if one["pluginName"] == "cfn-egress-guard"]
        return ours[0] if ours else None

    synthesize.folder = folder
    return synthesize


def test_the_cdks_plugin_points_at_construct_and_line_and_cannot_be_acknowledged_away(cdk_app):
    report = cdk_app("tcpRange(8000, 8999)")
    [violation] = report["violations"]
    assert report["conclusion"] == "failure"
    assert not report.get("suppressedViolations")
    assert violation["severity"] == "fatal"
    assert violation["ruleName"] == "cloudformation-aws-security-group-egress-with-port-range"
    assert "opens a range of 1000 ports (Web.template.json:" in violation["description"]
    assert violation["suggestedFix"].startswith("Add each port that is needed with addEgressRule")
    [construct] = violation["violatingConstructs"]
    assert construct["constructPath"] == "Web/Group/Resource"
    assert construct["cloudFormationResource"]["propertyPaths"] == ["Properties.SecurityGroupEgress.0"]
    assert "app.js:7" in json.dumps(construct["stackTraces"]) or "app.js:6" in json.dumps(construct["stackTraces"])


def test_the_cdks_plugin_lets_one_port_pass(cdk_app):
    assert cdk_app("tcp(443)", status=0) is None


def test_the_cdks_plugin_takes_exemptions_from_the_policy_for_the_stack_that_they_name(cdk_app):
    (cdk_app.folder / "reviewed.toml").write_text(EXEMPTION)
    assert cdk_app("tcpRange(8000, 8999)", "{ policy: 'reviewed.toml' }", status=0) is None
    (cdk_app.folder / "other.toml").write_text(EXEMPTION.replace("web-*", "other-*"))
    assert cdk_app("tcpRange(8000, 8999)", "{ policy: 'other.toml' }")["violations"][0]["severity"] == "fatal"


@pytest.mark.parametrize("options", ["{ command: '/no/such/program' }", "{ policy: 'no-such-policy.toml' }"])
def test_the_cdks_plugin_fails_where_it_could_not_check(cdk_app, options):
    [violation] = cdk_app("tcp(443)", options)["violations"]
    assert violation["severity"] == "fatal"
    assert "the template was not checked: " in violation["description"]


def action_steps():
    return yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]


def take_steps(folder, inputs, status=0):
    """Runs the action's shell steps as a runner does, with these inputs."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    given = {name: one["default"] for name, one in action["inputs"].items()} | inputs
    known = {f"inputs.{name}": value for name, value in given.items()}
    known |= {"github.action_path": str(ROOT), "runner.temp": str(folder / "temp")}
    told = ""
    steps = [step for step in action["runs"]["steps"] if "run" in step]
    for step in steps:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "inputs are variables of the shell, never its text"
        variables = {k: re.sub(r"\$\{\{ (\S+) \}\}", lambda m: known[m[1]], v) for k, v in step["env"].items()}
        expected = status if step is steps[-1] else 0
        told += run(folder, "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"], status=expected, **variables)
    return told


def test_the_action_annotates_and_writes_sarif(wheels, tmp_path):
    (tmp_path / "a folder").mkdir()
    for name in ("compliant.yaml", "non-compliant.yaml"):
        shutil.copy(EXAMPLES / name, tmp_path / "a folder")
    [wheel] = wheels.glob("*.whl")
    told = take_steps(tmp_path, {"package": str(wheel), "paths": "a folder\n"}, status=1)
    assert "::error file=a folder/non-compliant.yaml,line=20" in told
    sarif = json.loads((tmp_path / "cfn-egress-guard.sarif").read_text())
    assert [result["level"] for result in sarif["runs"][0]["results"]].count("error") == 2
    shutil.copy(EXAMPLES / "load-balancer.policy.toml", tmp_path / "strict.toml")
    more = {"package": str(wheel), "paths": "a folder/compliant.yaml\n", "policy": "strict.toml", "strict": "true", "format": "human"}
    told = take_steps(tmp_path, more, status=1)
    assert "error[undetermined-value]" in told
    assert "policy: strict.toml" in told


def test_the_action_uploads_what_it_wrote(wheels):
    [upload] = [step for step in action_steps() if "uses" in step]
    assert upload["uses"].startswith("github/codeql-action/upload-sarif@v")
    assert upload["if"].startswith("always() &&"), "findings fail the step before"
    assert upload["with"]["sarif_file"] == "${{ inputs.sarif-file }}"


def test_gitlabs_example_writes_the_report_that_it_names(wheels, program, tmp_path):
    job = yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text())["cfn-egress-guard"]
    shutil.copy(EXAMPLES / "non-compliant.yaml", tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "cfn-egress-guard").symlink_to(program)
    *install, check = job["script"]
    assert install == [f"pip install cfn-egress-guard=={VERSION}"]
    run(tmp_path, "bash", "-c", check, status=1, PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    report = json.loads((tmp_path / job["artifacts"]["reports"]["codequality"]).read_text())
    assert [issue["location"]["path"] for issue in report] == ["non-compliant.yaml"] * 2
    assert job["artifacts"]["when"] == "always"


def test_the_guide_names_the_inputs_of_the_action_and_this_version():
    guide = (ROOT / "docs" / "install.md").read_text()
    inputs = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
    listed = re.search(r"lists the inputs: (.*?) for a wheel", guide)[1]
    assert re.findall(r"`([a-z-]+)`", listed) == ["paths", "policy", "strict", "format", "sarif-file", "upload", "package"]
    assert set(inputs) == set(re.findall(r"`([a-z-]+)`", listed))
    assert set(re.findall(r"v(\d+\.\d+\.\d+)", guide)) == {VERSION}


def test_what_is_released_has_one_version(wheels, packages):
    [wheel] = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        [metadata] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        assert f"\nVersion: {VERSION}\n" in archive.read(metadata).decode()
        for line in archive.read(metadata.replace("METADATA", "RECORD")).decode().splitlines():
            name, digest, _ = line.rsplit(",", 2)
            if digest:
                content = hashlib.sha256(archive.read(name)).digest()
                assert digest == "sha256=" + base64.urlsafe_b64encode(content).decode().rstrip("=")
    for file in packages.values():
        with tarfile.open(file) as archive:
            manifest = json.load(archive.extractfile("package/package.json"))
        versions = {manifest["version"], *manifest.get("optionalDependencies", {}).values()}
        versions |= {version for name, version in manifest.get("dependencies", {}).items() if name.startswith("cfn-")}
        assert versions == {VERSION}, file.name
    assert f"cfn-egress-guard=={VERSION}" in run(ROOT, sys.executable, "-c", SETUP)


@pytest.mark.parametrize("package", ["cfn-egress-guard-core", "cfn-egress-guard-account", "cfn-egress-guard"])
def test_what_a_registry_would_get_is_source_and_license(package):
    command = ["cargo", "package", "--list", "--allow-dirty", "--offline", "--package", package]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert listed.returncode == 0, listed.stderr
    assert "warning" not in listed.stderr
    names = set(listed.stdout.split())
    assert {"Cargo.toml", "LICENSE", "src/lib.rs"} <= names
    made_by_cargo = {".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml", "Cargo.toml.orig"}
    others = {name for name in names - made_by_cargo if not name.startswith("src/")}
    assert others <= {"LICENSE", "README.md"}


def test_what_is_for_this_repository_alone_is_never_published():
    for package in ("benches", "fuzz"):
        manifest = tomllib.loads((ROOT / package / "Cargo.toml").read_text())
        assert manifest["package"]["publish"] is False


SETUP = """
import sys, types
made = types.ModuleType("setuptools")
made.setup = lambda **given: print(given["install_requires"], given["version"])
sys.modules["setuptools"] = made
exec(open("setup.py").read())
"""


def test_archives_have_the_same_bytes_each_time(program, bootstrap, tmp_path):
    def make(folder):
        folder.mkdir()
        (folder / "cfn-egress-guard-0.0.9-x86_64.zip").write_text("an older version")
        release.binary("x86_64", EXAMPLES / "compliant.yaml", bootstrap, folder)
        release.sums(folder)
        return (folder / "SHA256SUMS").read_text()

    sums = make(tmp_path / "one")
    assert sums == make(tmp_path / "two")
    assert len(sums.splitlines()) == 1 and VERSION in sums
    run(tmp_path / "one", "sha256sum", "--check", "SHA256SUMS")


def test_the_changelogs_section_is_that_of_the_version():
    text = "# Changelog\n\n## Unreleased\n- new\n\n## [0.2.0] - 2027-01-01\n\n- second\n\n## 0.1.0\n- first\n"
    assert release.changes(text, "0.2.0") == "- second\n"
    assert release.changes(text, "0.1.0") == "- first\n"
    assert release.changes(text, "0.3.0") == "- new\n"
    assert release.changes((ROOT / "CHANGELOG.md").read_text())


@pytest.mark.parametrize(("package", "has", "has_not"), [
    ("cfn-egress-guard-core", {"lambda_runtime", "rustls", "ring"}, {"aws-config", "clap", "proptest"}),
    ("cfn-egress-guard", {"aws-sdk-cloudformation", "clap"}, {"lambda_runtime", "proptest", "insta"}),
])  # fmt: skip
def test_the_sbom_is_valid_and_names_what_is_linked(package, has, has_not):
    document = sbom.document(package, f"{os.uname().machine}-unknown-linux-gnu")
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document))
    assert error is None, error
    names = {component["name"] for component in document["components"]}
    assert has <= names
    assert not has_not & names
    for component in document["components"]:
        assert component["licenses"], component["name"]
        if not component["name"].startswith("cfn-egress-guard"):
            assert re.fullmatch("[0-9a-f]{64}", component["hashes"][0]["content"]), component["name"]
    refs = {component["bom-ref"] for component in document["components"]} | {document["metadata"]["component"]["bom-ref"]}
    assert refs == {dependency["ref"] for dependency in document["dependencies"]}
