"""Builds all parts of a release into dist/, from the output of `make package`. Publishes nothing. With `sums`, only
updates the checksums, for a file that came later.

The version comes from Cargo.toml; the same sources produce the same bytes.
"""

import gzip
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import sbom
import wheel

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
NPM = ROOT / "packaging" / "npm"
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
# Rust's target and npm's name for each architecture.
TARGETS = {"x86_64": ("x86_64-unknown-linux-gnu", "x64"), "arm64": ("aarch64-unknown-linux-gnu", "arm64")}


def archive(target, files):
    """Creates a tar.gz with a folder of the archive's name; equal files produce equal bytes."""
    with target.open("wb") as file, gzip.GzipFile("", "wb", mtime=0, fileobj=file) as zipped:
        with tarfile.open(fileobj=zipped, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for name, content, is_program in files:
                entry = tarfile.TarInfo(f"{target.name.removesuffix('.tar.gz')}/{name}")
                entry.size, entry.mode = len(content), 0o755 if is_program else 0o644
                tar.addfile(entry, io.BytesIO(content))


def binary(arch, program, function, dist=DIST):
    license, readme = (ROOT / "LICENSE").read_bytes(), (ROOT / "README.md").read_bytes()
    archive(
        dist / f"cfn-egress-guard-{VERSION}-{arch}-linux.tar.gz",
        [
            ("LICENSE", license, False),
            ("README.md", readme, False),
            ("bin/cfn-egress-guard", program.read_bytes(), True),
            ("share/cfn-egress-guard/bootstrap", function.read_bytes(), True),
        ],
    )


def npm_pack(folder, manifest, dist):
    (folder / "package.json").write_text(json.dumps(manifest, indent=2) + "\n")
    shutil.copy(ROOT / "LICENSE", folder)
    packed = subprocess.run(
        ["npm", "pack", "--silent", "--pack-destination", dist], cwd=folder, check=True, capture_output=True, text=True
    )
    return dist / packed.stdout.split()[-1]


def npm(programs, dist=DIST, scratch=ROOT / "target" / "npm"):
    """Builds the package for each platform, the package that selects one of them, and the CDK's plugin."""
    shutil.rmtree(scratch, ignore_errors=True)
    made, platforms = [], {}
    for arch, (program, function) in programs.items():
        cpu = TARGETS[arch][1]
        name = f"cfn-egress-guard-linux-{cpu}"
        folder = scratch / name
        for file, place in ((program, "bin/cfn-egress-guard"), (function, "share/cfn-egress-guard/bootstrap")):
            (folder / place).parent.mkdir(parents=True)
            shutil.copy(file, folder / place)
            (folder / place).chmod(0o755)
        description = f"The program of cfn-egress-guard for Linux on {arch} with glibc"
        platform = {"os": ["linux"], "cpu": [cpu], "libc": ["glibc"], "files": ["bin", "share", "LICENSE"]}
        made.append(npm_pack(folder, {"name": name, "version": VERSION, "description": description, "license": "Apache-2.0", **platform}, dist))  # fmt: skip
        platforms[name] = VERSION
    for source in (NPM / "cfn-egress-guard", NPM / "cfn-egress-guard-cdk"):
        folder = shutil.copytree(source, scratch / source.name)
        manifest = json.loads((folder / "package.json").read_text()) | {"version": VERSION}
        if "optionalDependencies" in manifest:
            manifest["optionalDependencies"] = platforms
        if "dependencies" in manifest:
            manifest["dependencies"]["cfn-egress-guard"] = VERSION
        made.append(npm_pack(folder, manifest, dist))
    return made


def changes(text, version=VERSION):
    """Returns the changelog's section for a version, or the unreleased changes."""
    sections = dict(re.findall(r"^## \[?([^\]\s]+)\]?[^\n]*\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    section = sections.get(version, sections.get("Unreleased"))
    if section is None:
        sys.exit(f"release: CHANGELOG.md has no section {version}, and none that is Unreleased")
    return section.strip() + "\n"


def sums(dist=DIST):
    """Writes the checksums of this version's files. Other files in the folder are not part of the release."""
    files = sorted(file for file in dist.iterdir() if VERSION in file.name)
    lines = (f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)
    (dist / "SHA256SUMS").write_text("".join(lines))


def has_target(target):
    libraries = subprocess.run(["rustc", "--print", "target-libdir", "--target", target], capture_output=True, text=True)
    return Path(libraries.stdout.strip()).is_dir()


def main():
    programs = {}
    for arch, (target, _) in TARGETS.items():
        function = ROOT / "target" / "lambda" / arch / "bootstrap"
        if not (has_target(target) and function.is_file()):
            print(f"release: nothing for {arch}: the Rust target {target} is not installed", file=sys.stderr)
            continue
        options = ("--release", "--target", target, "--zig", "--compatibility", "manylinux_2_28", "--out", DIST)
        wheel.build(function, *options)
        program = ROOT / "target" / target / "release" / "cfn-egress-guard"
        binary(arch, program, function)
        programs[arch] = (program, function)
    npm(programs)
    for arch in programs:
        for name, package in (("cfn-egress-guard", "cfn-egress-guard"), ("cfn-egress-guard-function", "cfn-egress-guard-core")):
            document = sbom.document(package, TARGETS[arch][0])
            (DIST / f"{name}-{VERSION}-{arch}.cdx.json").write_text(json.dumps(document, indent=2) + "\n")
    (DIST / f"CHANGES-{VERSION}.md").write_text(changes((ROOT / "CHANGELOG.md").read_text()))
    sums()
    print((DIST / "SHA256SUMS").read_text(), end="")


if __name__ == "__main__":
    if sys.argv[1:] == ["sums"]:
        sums()
    else:
        main()
