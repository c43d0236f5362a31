"""Builds a container image of a static program, without a container engine or a registry.

    python3 packaging/image.py PROGRAM IMAGE.tar [--arch amd64|arm64]

The image contains only the program: no shell, no C library, no package manager. It is an OCI layout in a tar file,
which `docker load`, `podman load` and `skopeo copy oci-archive:IMAGE.tar …` accept. Equal programs produce equal bytes.
"""

import argparse
import gzip
import hashlib
import io
import json
import struct
import sys
import tarfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
NAME = "cfn-egress-guard"
PT_INTERP = 3  # the segment that names a program's dynamic loader
MEDIA = "application/vnd.oci.image"


def is_static(program):
    """Returns whether a Linux program needs no dynamic loader, which the image does not have."""
    if program[:5] != b"\x7fELF\x02":
        return False
    [offset] = struct.unpack_from("<Q", program, 32)
    size, count = struct.unpack_from("<HH", program, 54)
    return all(struct.unpack_from("<I", program, offset + size * number)[0] != PT_INTERP for number in range(count))


def tar(files):
    """Returns a tar file of names, contents and modes, without times and owners."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content, mode in files:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def digest(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def image(program, arch):
    """Returns the bytes of the image."""
    blobs = {}

    def blob(kind, content):
        blobs[digest(content)] = content
        return {"mediaType": f"{MEDIA}.{kind}", "digest": digest(content), "size": len(content)}

    def text(value):
        return json.dumps(value, indent=1, sort_keys=True).encode()

    layer = tar([(NAME, program, 0o755)])
    config = {
        "architecture": arch, "os": "linux", "rootfs": {"type": "layers", "diff_ids": [digest(layer)]},
        # Templates are mounted in its working directory; it writes only requested files and needs no privileges.
        "config": {"Entrypoint": [f"/{NAME}"], "Cmd": ["check"], "WorkingDir": "/work", "User": "65534:65534"},
    }  # fmt: skip
    manifest = {
        "schemaVersion": 2, "mediaType": f"{MEDIA}.manifest.v1+json",
        "config": blob("config.v1+json", text(config)),
        "layers": [blob("layer.v1.tar+gzip", gzip.compress(layer, mtime=0))],
    }  # fmt: skip
    reference = blob("manifest.v1+json", text(manifest)) | {
        "annotations": {
            "org.opencontainers.image.ref.name": VERSION,
            "io.containerd.image.name": f"localhost/{NAME}:{VERSION}",
        }
    }
    index = {"schemaVersion": 2, "mediaType": f"{MEDIA}.index.v1+json", "manifests": [reference]}
    files = [("oci-layout", text({"imageLayoutVersion": "1.0.0"})), ("index.json", text(index))]
    files += [(f"blobs/sha256/{name.removeprefix('sha256:')}", content) for name, content in sorted(blobs.items())]
    return tar([(name, content, 0o644) for name, content in files])


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("program", type=Path)
    arguments.add_argument("image", type=Path)
    arguments.add_argument("--arch", choices=["amd64", "arm64"], default="amd64")
    given = arguments.parse_args()
    program = given.program.read_bytes()
    if not is_static(program):
        sys.exit(f"image: {given.program} needs a dynamic loader, which the image does not have: build it for a musl target")
    given.image.write_bytes(image(program, given.arch))


if __name__ == "__main__":
    main()
