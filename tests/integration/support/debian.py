# SPDX-License-Identifier: Apache-2.0
"""A small Debian tree with systemd and hubdrain's libraries, made once and kept in the cache.

The tree is of the release that the tests run on, so that programs built here run there. It is only
ever used below an overlay and stays as debootstrap left it.
"""
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import time

from . import tap

BASE = ["systemd", "systemd-sysv", "dbus", "ca-certificates"]


def cache():
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.environ.get("HOME") or "/var/tmp",
                                                            ".cache")
    return os.environ.get("HUBDRAIN_CACHE") or os.path.join(home, "hubdrain")


def need(*tools):
    """Skips the whole program where root or a tool is missing."""
    if os.geteuid() != 0:
        tap.skip_all("root is needed")
    missing = [t for t in tools if not shutil.which(t)]
    if missing:
        tap.skip_all("not installed: " + " ".join(missing))
    if release() is None:
        tap.skip_all("this is not Debian")
    probe = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
                           check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if probe.returncode != 0:
        tap.skip_all("nothing can be mounted here")


def release():
    try:
        with open("/etc/os-release", encoding="utf-8") as file:
            values = dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)
    except OSError:
        return None
    return values.get("VERSION_CODENAME") if values.get("ID") == "debian" else None


def libraries(*programs):
    """The Debian packages that hold the shared libraries of these programs."""
    paths = set()
    for program in programs:
        out = subprocess.run(["ldd", program], check=True, stdout=subprocess.PIPE, text=True).stdout
        paths |= set(re.findall(r"=> (/\S+)", out))
    packages = set()
    for path in sorted(paths):
        for candidate in (path, os.path.realpath(path), "/usr" + path):
            found = subprocess.run(["dpkg-query", "-S", candidate], check=False, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
            if found:
                packages.add(found.split(":")[0])
                break
        else:
            raise tap.Failed("no package holds " + path)
    return sorted(packages)


def tree(packages):
    """The path of a tree with BASE and these packages; made when it is not in the cache."""
    wanted = sorted(set(BASE) | set(packages))
    key = hashlib.sha256(" ".join([release()] + wanted).encode()).hexdigest()[:16]
    path = os.path.join(cache(), "debian-" + key)
    os.makedirs(cache(), exist_ok=True)
    with open(path + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(path):
            make(path, wanted)
    return path


def forget_old():
    """Trees of other package lists, when nobody has asked for them for two weeks."""
    for name in os.listdir(cache()):
        lock = os.path.join(cache(), name)
        if re.fullmatch(r"debian-[0-9a-f]{16}\.lock", name) and (
                os.stat(lock).st_mtime < time.time() - 14 * 86400):
            shutil.rmtree(lock[:-len(".lock")], ignore_errors=True)
            os.unlink(lock)


def make(path, packages):
    forget_old()
    tap.diag("making the Debian tree: " + " ".join(packages))
    # A path without commas and blanks: debootstrap's chroot is picky. Unfinished trees never have
    # the final name.
    shutil.rmtree(path + ".new", ignore_errors=True)
    command = ["debootstrap", "--variant=minbase", "--include=" + ",".join(packages), release(),
               path + ".new"]
    if os.environ.get("HUBDRAIN_DEBIAN_MIRROR"):
        command.append(os.environ["HUBDRAIN_DEBIAN_MIRROR"])
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    if done.returncode != 0:
        tap.diag("\n".join(done.stdout.splitlines()[-20:]))
        shutil.rmtree(path + ".new", ignore_errors=True)
        tap.skip_all("debootstrap failed; is there a Debian mirror?")
    shutil.rmtree(path + ".new/var/cache/apt/archives", ignore_errors=True)
    shutil.rmtree(path + ".new/var/lib/apt/lists", ignore_errors=True)
    os.rename(path + ".new", path)


def overlay(lower, work):
    """Mounts a writable copy of a tree at work/root; in the caller's mount namespace."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", work], check=True)
    upper, scratch, root = (os.path.join(work, n) for n in ("upper", "scratch", "root"))
    for folder in (upper, scratch, root):
        os.mkdir(folder)
    os.chmod(upper, 0o755)
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                    "lowerdir=%s,upperdir=%s,workdir=%s" % (lower, upper, scratch), root],
                   check=True)
    return root


def own_namespace(argv):
    """Runs this program again in a mount namespace of its own: all that it mounts goes with it."""
    if os.environ.get("HUBDRAIN_OWN_NAMESPACE") != "1":
        os.environ["HUBDRAIN_OWN_NAMESPACE"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", "--", *argv])
