# SPDX-License-Identifier: ISC
"""The Debian package: built in a clean Debian of a release, by its own rules.

Owns: the trees with what building needs, and the packages; both kept in the build directory for the next run.
Never: builds with a network, as root, or with anything that debian/control does not name.
"""

import contextlib
import fcntl
import functools
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from . import machine, stapleguard

SOURCE = pathlib.Path(__file__).resolve().parents[2]
RELEASES = ("bookworm", "trixie")

# nobody: a build needs no right.
BUILDER = 65534

# A layer over the kept tree takes what is changed; mounts and layer go with the namespace.
ENTER = """
set -e
mount -t tmpfs -o mode=755 stapleguard-package "$LAYERS"
mkdir "$LAYERS/upper" "$LAYERS/work" "$LAYERS/root"
mount -t overlay -o "lowerdir=$TREE,upperdir=$LAYERS/upper,workdir=$LAYERS/work" overlay "$LAYERS/root"
mount --bind /dev "$LAYERS/root/dev"
mount -t proc proc "$LAYERS/root/proc"
mkdir -p "$LAYERS/root/exchange"
mount --bind "$EXCHANGE" "$LAYERS/root/exchange"
exec chroot "$LAYERS/root" "$@"
"""

# The unit tests talk on loopback, which is down in a new network namespace.
LOOPBACK = "import fcntl, socket, struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh', b'lo', 1))"

BUILD = """
set -e
mkdir -p /build
cp -a /exchange/stapleguard /build/
cd /build/stapleguard
dpkg-buildpackage --no-sign
cp ../stapleguard* /exchange/ 2>/dev/null || true
"""


def _is_made(path):
    """What .gitignore has."""
    return any(part.startswith("build") or part in (".git", "__pycache__", ".pytest_cache") for part in path.parts[:-1])


def source_files():
    """What a release would contain: what git knows and what is new; without git, all that was not made by building."""
    done = subprocess.run(["git", "-C", str(SOURCE), "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
                          capture_output=True, check=False, timeout=60) if shutil.which("git") else None
    if done is not None and done.returncode == 0:
        names = [name for name in done.stdout.decode().split("\0") if name]
    else:
        names = [str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*") if not _is_made(path.relative_to(SOURCE))]
    return [name for name in sorted(names) if (SOURCE / name).is_file()]


def control_field(name, file="debian/control"):
    found = re.search(rf"^{name}:((?:.*\n)(?:[ \t].*\n)*)", (SOURCE / file).read_text(), re.MULTILINE)
    return " ".join(found.group(1).split())


def version():
    return re.match(r"stapleguard \(([^)]+)\)", (SOURCE / "debian/changelog").read_text()).group(1)


def _digest(text):
    digest = hashlib.sha256(text.encode())
    for name in source_files():
        data = (SOURCE / name).read_bytes()
        digest.update(f"\n{name} {(SOURCE / name).stat().st_mode:o} {len(data)}\n".encode() + data)
    return digest.hexdigest()


def _fill(root, release):
    machine.debootstrap(root, release, "buildd", "systemd,e2fsprogs")
    control = root / "build-dep/debian/control"
    control.parent.mkdir(parents=True)
    shutil.copy(SOURCE / "debian/control", control)
    machine.apt_get(root, "build-dep", "/build-dep")
    shutil.rmtree(root / "build-dep")


def run_in(release, exchange, script, uid=0):
    """Run a shell script in a throw-away copy of the release's tree, without network; `exchange` is its /exchange."""
    tree = _tree(release)
    layers = pathlib.Path(tempfile.mkdtemp(prefix="stapleguard-package-"))
    try:
        command = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "sh", "-c", script]
        if uid != 0:  # a place where the builder may work
            command = ["sh", "-c", f"mkdir /build && chown {uid} /build && exec \"$@\"", "sh", *command]
        return subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--net", "sh", "-c",
             f"/usr/bin/python3 -c \"{LOOPBACK}\" && {ENTER}", "sh", *command],
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent",
                 "TREE": str(tree), "LAYERS": str(layers), "EXCHANGE": str(exchange), "DEB_BUILD_OPTIONS": f"parallel={os.cpu_count()}"},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=900)
    finally:
        layers.rmdir()


@contextlib.contextmanager
def _turn(name):
    """scripts/test begins with the packages while the system tests run; whoever comes second waits."""
    folder = stapleguard.build_directory() / "package"
    folder.mkdir(exist_ok=True)
    with open(folder / f"{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _tree(release):
    with _turn(f"{release}-tree"):
        return machine.kept_tree(f"{release}-build", control_field("Build-Depends"), lambda root: _fill(root, release))


@functools.lru_cache(maxsize=None)
def built(release):
    """The directory with the packages and the log (build.log) of this very source; raises CannotRun."""
    machine.check()
    with _turn(release):
        return _build(release)


def _build(release):
    folder = stapleguard.build_directory() / "package" / release
    stamp = folder / "source"
    digest = _digest(control_field("Build-Depends"))
    if stamp.exists() and stamp.read_text() == digest:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    copy = folder / "stapleguard"
    for name in source_files():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(SOURCE / name, copy / name)
    for path in [folder, copy, *copy.rglob("*")]:
        os.chown(path, BUILDER, BUILDER)
    done = run_in(release, folder, BUILD, uid=BUILDER)
    shutil.rmtree(copy)
    (folder / "build.log").write_text(done.stdout + done.stderr)
    assert done.returncode == 0, f"dpkg-buildpackage in {release}: {done.returncode}; all of it: {folder / 'build.log'}\n" \
                                 + "\n".join((done.stdout + done.stderr).splitlines()[-40:])
    stamp.write_text(digest)
    return folder


def deb(release):
    """The binary package's file."""
    return next(built(release).glob(f"stapleguard_{version()}_*.deb"))
