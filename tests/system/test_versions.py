# SPDX-License-Identifier: ISC
"""What is said in several places is the same in all of them: the version, and what building needs."""

import re
import subprocess

from helpers import package, stapleguard

SOURCE = package.SOURCE


def build_packages():
    """PACKAGES_BUILD of scripts/lib/packages.sh."""
    done = subprocess.run(["bash", "-c", '. "$0" && printf "%s\\n" "${PACKAGES_BUILD[@]}"', SOURCE / "scripts/lib/packages.sh"],
                          capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def test_the_version_is_the_same_everywhere():
    version = re.search(r"version: '([^']+)'", (SOURCE / "meson.build").read_text()).group(1)
    assert package.version() == version
    assert re.search(r"^## (\S+)", (SOURCE / "CHANGELOG.md").read_text(), re.MULTILINE).group(1) == version


def test_the_package_builds_with_what_the_scripts_build_with():
    field = re.sub(r"<[^>]*>|\([^)]*\)", "", package.control_field("Build-Depends"))
    named = {words.split("|")[0].strip() for words in field.split(",")}
    assert {name for name in named if name.startswith("lib")} == {name for name in build_packages() if name.startswith("lib")} \
        - {"libc6-dev"} | {"libcmocka-dev"}


def test_readme_installs_what_building_needs():
    words = re.search(r"apt-get install -y (meson .*?)\nmeson setup", (SOURCE / "README.md").read_text(), re.DOTALL).group(1)
    assert set(words.replace("\\", "").split()) == build_packages() - {"libc6-dev"}


# What a shared object's name begins with, and how LICENSE calls the library.
LIBRARIES = {
    "libdb-": "Berkeley DB 5.3", "libcrypto": "OpenSSL 3", "libssl": "OpenSSL 3", "libcurl": "libcurl", "libcares": "c-ares",
    "libseccomp": "libseccomp", "libcap": "libcap", "libinih": "inih", "libmd": "libmd", "libjson-c": "json-c",
    "libarchive": "libarchive", "libsystemd": "libsystemd", "libz.": "zlib", "libc.so": "glibc",
}


def test_license_names_each_library_with_the_programs_that_are_linked_with_it():
    linked = {}
    for program in ("stapleguardd", "fetcher", "writer", "stapleguard"):
        done = subprocess.run(["readelf", "--dynamic", stapleguard.program(program)], capture_output=True, text=True, check=True,
                              timeout=60)
        for soname in re.findall(r"\(NEEDED\).*\[(.*)\]", done.stdout):
            name = next(name for begin, name in LIBRARIES.items() if soname.startswith(begin))
            linked.setdefault(name, set()).add(program)
    rows = re.findall(r"^    (\S.*?)  +(\S.*?)  +\S.*$", (SOURCE / "LICENSE").read_text(), re.MULTILINE)[1:]
    named = {name: set(programs.split(", ")) for name, programs in rows}
    assert named.pop("glibc") == {"all"} and linked.pop("glibc")
    assert named == linked
