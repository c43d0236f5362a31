"""The container image: an OCI layout whose only layer contains only the program, which runs with nothing around it."""

import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile

import pytest

from conftest import ROOT

sys.path.insert(0, str(ROOT / "packaging"))
import image  # noqa: E402


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """Builds a static and a dynamic C program, which takes a second; `make image` uses the command."""
    folder = tmp_path_factory.mktemp("programs")
    (folder / "main.c").write_text('#include <stdio.h>\nint main(int n, char **v) { printf("%d %s\\n", n, v[1]); return 1; }\n')
    for name, options in (("static", ["-static"]), ("dynamic", [])):
        subprocess.run(["cc", *options, "-o", folder / name, folder / "main.c"], check=True)
    return folder


def unpacked(content):
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return {entry.name: (archive.extractfile(entry).read(), entry.mode) for entry in archive}


def test_the_image_has_the_program_alone_and_every_digest_is_right(programs, tmp_path):
    made = tmp_path / "image.tar"
    command = [sys.executable, ROOT / "packaging" / "image.py", programs / "static", made]
    subprocess.run(command, check=True)
    files = {name: content for name, (content, _) in unpacked(made.read_bytes()).items()}
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}

    def blob(reference):
        content = files[f"blobs/sha256/{reference['digest'].removeprefix('sha256:')}"]
        assert (f"sha256:{hashlib.sha256(content).hexdigest()}", len(content)) == (reference["digest"], reference["size"])
        return content

    [reference] = json.loads(files["index.json"])["manifests"]
    manifest = json.loads(blob(reference))
    config = json.loads(blob(manifest["config"]))
    [layer] = [gzip.decompress(blob(layer)) for layer in manifest["layers"]]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    assert (config["os"], config["architecture"]) == ("linux", "amd64")
    [(name, (program, mode))] = unpacked(layer).items()
    assert config["config"]["Entrypoint"] == [f"/{name}"]
    assert (program, mode) == ((programs / "static").read_bytes(), 0o755)
    # As an engine runs it: in a root folder with nothing else.
    root = tmp_path / "root"
    root.mkdir()
    (root / name).write_bytes(program)
    (root / name).chmod(mode)
    if os.geteuid() == 0:
        run = ["chroot", root, f"/{name}", *config["config"]["Cmd"]]
        done = subprocess.run(run, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (1, "2 check\n")


def test_the_same_program_makes_the_same_image(programs):
    program = (programs / "static").read_bytes()
    assert image.image(program, "amd64") == image.image(program, "amd64")
    assert image.image(program, "amd64") != image.image(program, "arm64")


@pytest.mark.parametrize("name", ["dynamic", "main.c"])
def test_what_is_no_static_program_is_refused(programs, tmp_path, name):
    command = [sys.executable, ROOT / "packaging" / "image.py", programs / name, tmp_path / "image.tar"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "needs a dynamic loader" in done.stderr
    assert not (tmp_path / "image.tar").exists()
