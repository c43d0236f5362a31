"""The function's zip file has the same bytes in another build: in another folder, from nothing but the sources. `make
test` built the first one in this folder; the other build is kept below target/ for the next run."""

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile

import pytest

from conftest import ROOT

sys.path.insert(0, str(ROOT / "deploy"))
import package  # noqa: E402

ELSEWHERE = ROOT / "target" / "elsewhere"


def copy_sources(folder):
    """Copies the sources in git and those not committed yet; unchanged files keep their times."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.rs", "*.toml", "Cargo.lock",
         "*.md", "*.css", "src", "schema", "deploy"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    names = {name for name in listed.stdout.strip("\0").split("\0") if (ROOT / name).is_file()}
    for name in names:
        source, target = ROOT / name, folder / name
        if not target.exists() or source.read_bytes() != target.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            target.chmod(source.stat().st_mode)
    for file in folder.rglob("*.rs"):
        if str(file.relative_to(folder)) not in names:
            file.unlink()


@pytest.fixture(scope="module")
def elsewhere():
    """The function, built in another folder with a separate target folder."""
    source = ELSEWHERE / "source"
    copy_sources(source)
    flags = subprocess.run(["deploy/rustflags.sh"], cwd=source, capture_output=True, text=True, check=True).stdout.strip()
    command = ["cargo", "build", "--locked", "--quiet", "--profile", "function", "--bin", "bootstrap"]
    environment = {**os.environ, "RUSTFLAGS": flags, "CARGO_TARGET_DIR": str(ELSEWHERE / "target")}
    built = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr[-3000:]
    return ELSEWHERE / "target" / "function" / "bootstrap"


def zipped(program, folder):
    """Returns the function's zip file, as in a package."""
    built = folder / "built"
    built.mkdir(parents=True)
    shutil.copy(program, built / "bootstrap")
    shutil.copy(ROOT / "policy.toml", built)
    # deploy/build.sh writes the commit, which is the same for everyone who builds from a clean checkout of it.
    (built / "origin.txt").write_text("program: commit 0123\npolicy: commit 0123\n")
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    made = package.package(version, "x86_64", built, folder)
    with zipfile.ZipFile(made) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("/bootstrap.zip")]
        return archive.read(name), hashlib.sha256(made.read_bytes()).hexdigest()


@pytest.mark.timeout(1200)
def test_another_folder_makes_the_same_bytes(bootstrap, elsewhere, tmp_path):
    here, there = zipped(bootstrap, tmp_path / "here"), zipped(elsewhere, tmp_path / "there")
    assert len(here[0]) > 1_000_000, "a program is in it"
    assert here == there


@pytest.mark.timeout(1200)
def test_no_folder_of_this_machine_is_in_the_function(bootstrap):
    program = bootstrap.read_bytes()
    home = os.environ.get("CARGO_HOME", os.path.expanduser("~/.cargo"))
    for folder in (str(ROOT), home, os.path.expanduser("~/.rustup")):
        assert folder.encode() not in program, folder
    assert b"/crates/" in program, "the places that panics name are there"
