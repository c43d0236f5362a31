"""Checks that a bootstrap can start in Lambda: its processor and the required C library.

Reads the ELF file directly, so that it works for either architecture on any machine.
"""

import argparse
import re
import struct
import sys

MACHINES = {"x86_64": 62, "arm64": 183}  # e_machine
SECTION_DYNAMIC = 6
SECTION_VERSIONS_NEEDED = 0x6FFFFFFE
NEEDED_LIBRARY = 1
# The libraries that the runtime's image always contains: the parts of glibc.
LIBRARIES = re.compile(r"lib(c|m|dl|pthread|rt)\.so\.\d+|ld-linux-(x86-64|aarch64)\.so\.\d+")


def problems(path, arch, floor):
    with open(path, "rb") as file:
        image = file.read()
    if image[:6] != b"\x7fELF\x02\x01":
        return ["is not a 64-bit little-endian ELF file"]
    (machine,) = struct.unpack_from("<H", image, 18)
    if machine != MACHINES[arch]:
        return [f"is built for ELF machine {machine}, not {arch}"]

    (table,) = struct.unpack_from("<Q", image, 40)
    size, count = struct.unpack_from("<HH", image, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", image, table + i * size) for i in range(count)]

    def text(section, at):
        start = sections[section][4] + at
        return image[start : image.index(b"\0", start)].decode()

    found = []
    for _, kind, _, _, offset, length, strings, entries, _, _ in sections:
        if kind == SECTION_DYNAMIC:
            for at in range(offset, offset + length, 16):
                tag, value = struct.unpack_from("<QQ", image, at)
                if tag == NEEDED_LIBRARY and not LIBRARIES.fullmatch(text(strings, value)):
                    found.append(f"needs the library {text(strings, value)}")
        if kind == SECTION_VERSIONS_NEEDED:
            library = offset
            for _ in range(entries):
                _, versions, _, first, following = struct.unpack_from("<HHIII", image, library)
                version = library + first
                for _ in range(versions):
                    _, _, _, name, next_version = struct.unpack_from("<IHHII", image, version)
                    if is_newer(text(strings, name), floor):
                        found.append(f"needs {text(strings, name)}")
                    version += next_version
                library += following
    return found


def is_newer(version, floor):
    """Returns whether a version such as GLIBC_2.36 is newer than the oldest supported C library."""
    if not version.startswith("GLIBC_"):
        return False
    numbers = version.removeprefix("GLIBC_")
    # A name without numbers, such as GLIBC_ABI_DT_RELR, represents a feature newer than 2.34.
    return not re.fullmatch(r"[\d.]+", numbers) or parts(numbers) > parts(floor)


def parts(version):
    return [int(part) for part in version.split(".")]


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("path")
    arguments.add_argument("--arch", required=True, choices=MACHINES)
    arguments.add_argument("--glibc", required=True, help="newest version that may be needed")
    given = arguments.parse_args()
    found = problems(given.path, given.arch, given.glibc)
    for problem in found:
        print(f"{given.path} {problem}", file=sys.stderr)
    if found:
        sys.exit(f"{given.path} would not start on {given.arch} with glibc {given.glibc}")
    print(f"{given.path}: {given.arch}, starts with glibc {given.glibc}")


if __name__ == "__main__":
    main()
