"""Makes dist/cfn-egress-guard-<version>-<architecture>.zip from what `make build` built.

Each contains the function as bootstrap.zip, a template that names it, the scripts that change settings and the policy
later, operations.md, and DEPLOY.txt. The same input makes the same bytes.
"""

import re
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILT = ROOT / "target" / "lambda"


def packaged_template(text, arch):
    """template.yaml for one architecture, with code that is already built."""
    for pattern, replacement in (
        (r"( +)# `sam build` copies .*?WorkingDirectory: \.\n", ""),
        (r"CodeUri: !Sub deploy/\$\{Architecture\}", "CodeUri: bootstrap.zip"),
        (r"Default: x86_64\n( +)AllowedValues: \[x86_64, arm64\]", rf"Default: {arch}\n\1AllowedValues: [{arch}]"),
        (r"must be x86_64 or arm64", rf"must be {arch}, for which this package was built"),
    ):
        text, count = re.subn(pattern, replacement, text, flags=re.DOTALL)
        if count != 1:
            sys.exit(f"package: template.yaml has {count} places like {pattern!r}, expected one")
    return text


def write(archive, name, content, mode=0o644):
    entry = zipfile.ZipInfo(name)  # dated 1980, so that equal contents make equal archives
    entry.external_attr = (0o100000 | mode) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)


def package(version, arch, built=None, dist=ROOT / "dist"):
    """Makes the package, and returns its path."""
    built = built or BUILT / arch
    stem = f"cfn-egress-guard-{version}-{arch}"
    target = dist / f"{stem}.zip"
    function = target.with_name("bootstrap.zip")
    target.parent.mkdir(exist_ok=True)

    with zipfile.ZipFile(function, "w") as archive:
        for file in sorted(built.iterdir()):
            write(archive, file.name, file.read_bytes(), 0o755 if file.name == "bootstrap" else 0o644)
    guide = (ROOT / "deploy" / "DEPLOY.txt").read_text()
    with zipfile.ZipFile(target, "w") as archive:
        write(archive, f"{stem}/DEPLOY.txt", guide.format(version=version, arch=arch))
        write(archive, f"{stem}/LICENSE", (ROOT / "LICENSE").read_bytes())
        write(archive, f"{stem}/bootstrap.zip", function.read_bytes())
        write(archive, f"{stem}/operations.md", (ROOT / "docs" / "operations.md").read_bytes())
        for script in ("policy.sh", "switch.sh"):
            write(archive, f"{stem}/{script}", (ROOT / "deploy" / script).read_bytes(), 0o755)
        write(archive, f"{stem}/template.yaml", packaged_template((ROOT / "template.yaml").read_text(), arch))
    function.unlink()
    return target


def main():
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    for arch in sys.argv[1:] or sorted(folder.name for folder in BUILT.iterdir()):
        print(package(version, arch).relative_to(ROOT))


if __name__ == "__main__":
    main()
