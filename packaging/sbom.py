"""Prints a CycloneDX document of the crates linked into a program, from Cargo's own output.

    python3 packaging/sbom.py PACKAGE TARGET
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def linked(package, target):
    """Returns the names and versions of the linked crates, without build scripts and procedural macros."""
    tree = cargo(
        "tree", "--locked", "--package", package, "--target", target, "--edges", "normal,no-proc-macro", "--prefix", "none"
    )
    return set(re.findall(r"^(\S+) v(\S+)", tree, re.MULTILINE))


def purl(name, version):
    return f"pkg:cargo/{name}@{version}"


def component(package, checksums):
    name, version = package["name"], package["version"]
    made = {
        "type": "library",
        "bom-ref": purl(name, version),
        "name": name,
        "version": version,
        "purl": purl(name, version),
    }
    if package.get("license"):
        # Cargo's older syntax for OR.
        made["licenses"] = [{"expression": re.sub(r"\s*/\s*", " OR ", package["license"])}]
    if checksum := checksums.get((name, version)):
        made["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if package.get("repository"):
        made["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return made


def document(program, target):
    inside = linked(program, target)
    metadata = json.loads(cargo("metadata", "--locked", "--format-version", "1", "--filter-platform", target))
    packages = {p["id"]: p for p in metadata["packages"] if (p["name"], p["version"]) in inside}
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    checksums = {(p["name"], p["version"]): p.get("checksum") for p in lock["package"]}

    def refs(node):
        normal = (dep["pkg"] for dep in node["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"]))
        return sorted(purl(packages[id]["name"], packages[id]["version"]) for id in normal if id in packages)

    components = {p["name"] + " " + p["version"]: component(p, checksums) for p in packages.values()}
    [main] = [one for one in components.values() if one["name"] == program]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**main, "type": "application"}},
        "components": [components[key] for key in sorted(components) if components[key] is not main],
        "dependencies": [
            {"ref": purl(packages[node["id"]]["name"], packages[node["id"]]["version"]), "dependsOn": refs(node)}
            for node in metadata["resolve"]["nodes"]
            if node["id"] in packages
        ],
    }


if __name__ == "__main__":
    print(json.dumps(document(*sys.argv[1:]), indent=2))
