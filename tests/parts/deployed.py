"""The guard from an operator's view: the package of deploy/package.py, unpacked, and deployed from it in MiniStack with
hooks (ministack_with_hooks.py). Its scripts find only the AWS CLI and a few standard commands: no Python, no Rust, no
SAM, nothing from the repository."""

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import zipfile

from account import ACCOUNT_ID, REGION, Account
from conftest import ROOT
from protocol import group, rule
from server import PARTS, environment

ARCHITECTURE = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
GUARD = "cfn-egress-guard"
ALIAS = "Security::Egress::SinglePort"
# The Regions that the account may use: those with a guard, and those without.
REGIONS = (REGION, "eu-west-1", "ap-southeast-2", "eu-central-1")
POLICY = b'preset = "literal"\n'
# The commands that switch.sh may use in addition to the AWS CLI, and those that policy.sh and the page may also use.
OF_EVERY_SYSTEM = "awk basename bash cat chmod cksum cp cut date dirname env grep mkdir mktemp rm sed sleep sort tail tr wc"
OF_CLOUDSHELL = "cmp curl openssl unzip zip"


def unpacked(bootstrap, folder, policy=POLICY):
    """Unpacks a package with this bootstrap and policy, and returns its folder."""
    sys.path.insert(0, str(ROOT / "deploy"))
    spec = importlib.util.spec_from_file_location("package", ROOT / "deploy" / "package.py")
    packaging = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(packaging)
    built = folder / "built"
    built.mkdir()
    shutil.copy(bootstrap, built / "bootstrap")
    (built / "policy.toml").write_bytes(policy)
    (built / "origin.txt").write_text("program: commit 1234\npolicy: commit 1234\n")
    archive = packaging.package("0.0.0", ARCHITECTURE, built, folder / "dist")
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
        for entry in opened.infolist():  # Python ignores the modes; `unzip` does not
            os.chmod(folder / entry.filename, entry.external_attr >> 16)
    return folder / archive.stem


def stack_with(*rules, **more):
    """Returns a template with a security group."""
    return {"Resources": {"Web": {"Type": "AWS::EC2::SecurityGroup", "Properties": group(*rules)}, **more}}


class Deployed(Account):
    """An account, and the package's folder."""

    def __init__(self, bootstrap, folder, **variables):
        self.package = unpacked(bootstrap, folder)
        super().__init__(folder, **{"REGIONS": ",".join(REGIONS), **variables})
        self.bin = folder / "bin"
        self.bin.mkdir()
        (self.bin / "aws").symlink_to(PARTS / "venv" / "bin" / "aws")
        self.add_tools(OF_EVERY_SYSTEM)

    def add_tools(self, names):
        for name in names.split():
            (self.bin / name).symlink_to(shutil.which(name))

    def bucket(self, name, region=REGION):
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self.client("s3", region).create_bucket(Bucket=name, **where)
        return name

    def deploy(self, region=REGION, **parameters):
        """Deploys as DEPLOY.txt describes."""
        bucket = self.bucket(f"artifacts-{region}", region)
        given = " ".join(f"{name}={value}" for name, value in {"FailureMode": "FAIL", **parameters}.items())
        for command in (
            f"aws cloudformation package --template-file template.yaml --s3-bucket {bucket}"
            f" --output-template-file packaged-{region}.yaml",
            f"aws cloudformation deploy --template-file packaged-{region}.yaml --stack-name {GUARD}"
            f" --capabilities CAPABILITY_IAM --parameter-overrides {given}",
        ):
            self.run(command, region=region)

    def run(self, command, *, region=REGION, expect=0, variables=None):
        """Runs a command in the package's folder and returns its output."""
        given = environment(
            self.folder, AWS_ACCESS_KEY_ID=ACCOUNT_ID, AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION=region,
            **{"AWS_ENDPOINT_URL": self.endpoint, **(variables or {})},
        )  # fmt: skip
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.package,
            env={**given, "PATH": str(self.bin)},
            capture_output=True,
            text=True,
            timeout=110,
        )
        assert expect is None or done.returncode == expect, f"{command}\n→ {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def parameters(self, region=REGION):
        stack = self.client("cloudformation", region).describe_stacks(StackName=GUARD)["Stacks"][0]
        return {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}

    def function(self):
        """Returns the function's name and the active version."""
        function, alias = self.outputs(GUARD)["FunctionAliasArn"].rsplit(":", 1)
        return function, self.lambdas.get_alias(FunctionName=function, Name=alias)["FunctionVersion"]

    def code(self, version):
        """Returns the files in a version's zip file."""
        with zipfile.ZipFile(self.archive(version)) as opened:
            return {name: opened.read(name) for name in opened.namelist()}

    def modes(self, version):
        """Returns the permissions of the files in a version's zip file."""
        with zipfile.ZipFile(self.archive(version)) as opened:
            return {entry.filename: entry.external_attr >> 16 & 0o777 for entry in opened.infolist()}

    def archive(self, version):
        url = self.lambdas.get_function(FunctionName=self.function()[0], Qualifier=version)["Code"]["Location"]
        archive = self.folder / "code.zip"
        subprocess.run(["curl", "--silent", "--fail", "--noproxy", "*", "--output", archive, url], check=True)
        return archive

    def same(self, one, other):
        """Returns whether two versions have the same program and policy."""
        return {**self.code(one), "origin.txt": b""} == {**self.code(other), "origin.txt": b""}

    def sha256(self, version):
        function = self.function()[0]
        return self.lambdas.get_function_configuration(FunctionName=function, Qualifier=version)["CodeSha256"]

    def blocks(self, name, *rules):
        """Returns whether a new stack with a port range, or with these rules, is blocked."""
        status = self.create(name, stack_with(*(rules or [rule(80, 87)])))
        assert status in ("CREATE_COMPLETE", "ROLLBACK_COMPLETE")
        return status == "ROLLBACK_COMPLETE"
