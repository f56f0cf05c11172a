#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Dockerfile, built with buildah on imported Debian trees, and its image, run.

There is neither a registry nor a container engine here. buildah builds and runs with chroot
isolation; for what it cannot do (read-only root, process 1, no capabilities) the image's file
system is mounted and its own configuration - user, entry point, environment - is carried out with
unshare and setpriv, as an engine would.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import debian, emulator, tap  # pylint: disable=wrong-import-position

SOURCE = os.environ["HUBDRAIN_SOURCE"]
BUILD = os.environ["HUBDRAIN_BUILD"]
EVENTS = 3000


class Buildah:
    """buildah with a storage of its own in the cache."""

    def __init__(self, work):
        storage = os.path.join(debian.cache(), "containers")
        os.makedirs(storage, exist_ok=True)
        self.base = ["buildah", "--storage-driver", self.driver(storage), "--root", storage,
                     "--runroot", os.path.join(work, "runroot")]

    @staticmethod
    def driver(storage):
        """overlay where it can be stacked on the cache's file system, else whole copies."""
        with tempfile.TemporaryDirectory(dir=storage) as scratch:
            for name in ("lower", "upper", "work", "root"):
                os.mkdir(os.path.join(scratch, name))
            done = subprocess.run(
                ["unshare", "--mount", "mount", "-t", "overlay", "overlay", "-o",
                 "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work" % ((scratch,) * 3),
                 scratch + "/root"], check=False, stderr=subprocess.DEVNULL)
        return "overlay" if done.returncode == 0 else "vfs"

    def __call__(self, *arguments, check=True):
        done = subprocess.run([*self.base, *arguments], check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
        if check and done.returncode != 0:
            text = (done.stdout + done.stderr).strip().splitlines()[-40:]
            raise tap.Failed("buildah %s: exit status %d\n%s" % (
                " ".join(arguments), done.returncode, "\n".join(text)))
        return done

    def import_tree(self, packages):
        """An image of debian.tree(packages), by the tree's name; imported once."""
        tree = debian.tree(packages)
        image = "localhost/" + os.path.basename(tree)
        for name in self("images", "--format", "{{.Name}}").stdout.split():
            folder = os.path.join(debian.cache(), os.path.basename(name))
            if name.startswith("localhost/debian-") and not os.path.isdir(folder):
                self("rmi", "--force", name, check=False)
        if self("inspect", "--type", "image", image, check=False).returncode != 0:
            container = self("from", "scratch").stdout.strip()
            root = self("mount", container).stdout.strip()
            subprocess.run(["cp", "-a", tree + "/.", root + "/"], check=True)  # owners and all
            self("umount", container)
            self("commit", "--quiet", "--rm", container, image)
        return image


class Process:
    """The image's program as process 1 of namespaces of its own."""

    def __init__(self, root, config, volume, environment, arguments, stdout, stderr):
        user, group = config["User"].split(":")
        script = (
            'set -e; root=$1; volume=$2; shift 2; '
            'mount --bind "$root" "$root"; mount --bind "$volume" "$root/var/lib/hubdrain"; '
            'mount -t proc proc "$root/proc"; mount -t tmpfs tmpfs "$root/tmp"; '
            'mount -t tmpfs -o mode=0755 tmpfs "$root/dev"; '
            'for d in null zero urandom random; do touch "$root/dev/$d"; '
            'mount --bind "/dev/$d" "$root/dev/$d"; done; '
            'mount -o remount,bind,ro "$root"; '
            'exec chroot "$root" "$@"')
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child",
             "--propagation", "private", "--", "sh", "-c", script, "sh", root, volume,
             "/usr/bin/setpriv", "--reuid", user, "--regid", group, "--clear-groups",
             "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--",
             *config["Entrypoint"], *arguments],
            env=dict([pair.split("=", 1) for pair in config["Env"]], **environment),
            stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)

    def main_pid(self):
        """The host's number of the program: process 1 inside."""
        path = "/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)
        with open(path, encoding="ascii") as file:
            children = file.read().split()
        return int(children[0]) if children else None


class Test:
    def __init__(self, work):
        self.work = work
        self.buildah = None
        self.image = "localhost/hubdrain-test-%d" % os.getpid()
        self.container = None
        self.config = None
        self.root = None
        self.hub = None
        self.process = None
        self.volume = os.path.join(work, "volume")

    def set_up(self):
        os.mkdir(self.volume)
        os.chown(self.volume, 65532, 65532)
        self.buildah = Buildah(self.work)
        listed = subprocess.run([os.path.join(SOURCE, "scripts", "setup"), "--print-build"],
                                check=True, stdout=subprocess.PIPE, text=True).stdout.split()
        self.bases = {"BASE": self.buildah.import_tree([]),
                      "BUILD_BASE": self.buildah.import_tree(listed)}

    def tear_down(self):
        for process in (self.process, self.hub):
            if process and process.process.poll() is None:
                process.process.kill()
                process.process.wait()
        if self.buildah:
            if self.container:
                self.buildah("rm", self.container, check=False)
            self.buildah("rmi", "--force", self.image, check=False)

    def on_failure(self):
        for name in ("emulator.log", "stderr.log"):
            path = os.path.join(self.work, name)
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    tap.diag("".join(file.readlines()[-30:]))

    def inside(self, *command):
        """buildah run, as the image's user."""
        return self.buildah("run", "--isolation", "chroot", self.container, "--", *command,
                            check=False)

    # ---- cases, in order ----

    def built(self):
        """buildah builds the Dockerfile"""
        self.set_up()
        arguments = [a for name, image in self.bases.items()
                     for a in ("--build-arg", "%s=%s" % (name, image))]
        self.buildah("bud", "--isolation", "chroot", "--pull-never", *arguments,
                     "--build-arg", "VERSION=test", "--file",
                     os.path.join(SOURCE, "docker", "Dockerfile"), "--tag", self.image, SOURCE)
        self.container = self.buildah("from", "--pull-never", self.image).stdout.strip()
        self.root = self.buildah("mount", self.container).stdout.strip()

    def configured(self):
        """the image says its user by number, its entry point, its signal and its licence"""
        inspected = json.loads(self.buildah("inspect", "--type", "image", self.image).stdout)
        self.config = config = inspected["OCIv1"]["config"]
        tap.equal(config["User"], "65532:65532", "User")
        tap.equal(config["Entrypoint"], ["/usr/bin/hubdrain"], "Entrypoint")
        tap.equal(config["Cmd"], ["run"], "Cmd")
        tap.equal(config["StopSignal"], "SIGTERM", "StopSignal")
        tap.equal(list(config["Volumes"]), ["/var/lib/hubdrain"], "Volumes")
        labels = config["Labels"]
        tap.equal(labels["org.opencontainers.image.licenses"], "Apache-2.0", "licence")
        tap.equal(labels["org.opencontainers.image.version"], "test", "version")

    def small(self):
        """neither compiler nor source is in it"""
        for path in ("/usr/bin/gcc", "/usr/bin/meson", "/src", "/build", "/out"):
            tap.check(not os.listdir(self.root + path) if os.path.isdir(self.root + path)
                      else not os.path.exists(self.root + path), path + " is in the image")

    def version(self):
        """hubdrain version runs as the image's user"""
        done = self.inside("/usr/bin/hubdrain", "version")
        tap.equal(done.returncode, 0, "exit status: " + done.stderr)
        tap.check("hubdrain" in done.stdout, "it prints %r" % done.stdout)
        tap.equal(self.inside("id", "-u").stdout.strip(), "65532", "uid")

    def check(self):
        """hubdrain check accepts a right configuration and names the mistake in a wrong one"""
        right = os.path.join(self.work, "right.yaml")
        wrong = os.path.join(self.work, "wrong.yaml")
        with open(right, "w", encoding="utf-8") as file:
            file.write("eventhub:\n  connection_string: Endpoint=sb://h.example.org/;"
                       "SharedAccessKeyName=n;SharedAccessKey=a2V5;EntityPath=e\n")
        with open(right, encoding="utf-8") as file, open(wrong, "w", encoding="utf-8") as copy:
            copy.write(file.read() + "eventhup: {}\n")
        for name in (right, wrong):
            self.buildah("copy", "--quiet", "--chmod", "0644", self.container, name, "/etc/hubdrain/")
        done = self.inside("/usr/bin/hubdrain", "check", "--config", "/etc/hubdrain/right.yaml")
        tap.equal(done.returncode, 0, "exit status: " + done.stdout + done.stderr)
        done = self.inside("/usr/bin/hubdrain", "check", "--config", "/etc/hubdrain/wrong.yaml")
        tap.equal(done.returncode, 78, "exit status")
        tap.check("wrong.yaml:3:" in done.stdout + done.stderr, done.stdout + done.stderr)

    def drained(self):
        """with one environment variable and a read-only root it drains a hub to standard output"""
        messages = os.path.join(self.work, "messages.jsonl")
        emulator.write_messages(messages, EVENTS)
        with open(os.path.join(self.work, "emulator.log"), "wb") as log:
            self.hub = emulator.Emulator(BUILD, log=log, arguments=["--load", messages])
        output = os.path.join(self.work, "stdout")
        with open(output, "wb") as out, open(os.path.join(self.work, "stderr.log"), "wb") as err:
            self.process = Process(
                self.root, self.config, self.volume,
                {"HUBDRAIN_EVENTHUB_CONNECTION_STRING": self.hub.connection_string()},
                self.config["Cmd"], out, err)
        delivered = emulator.Delivered(output)
        tap.wait_for(lambda: delivered.count() >= EVENTS or self.process.process.poll() is not None,
                     lambda: "%d events; there are %d" % (EVENTS, delivered.count()))
        ids, records = delivered.read()
        tap.equal(len(ids), EVENTS, "events")
        tap.equal(records, set(range(1, EVENTS + 1)), "record numbers")

    def confined(self):
        """it runs as process 1, as the image's user, without capabilities or a writable root"""
        pid = self.process.main_pid()
        with open("/proc/%d/status" % pid, encoding="ascii") as file:
            status = dict(line.split(":", 1) for line in file)
        tap.equal(status["Uid"].split(), ["65532"] * 4, "Uid")
        tap.equal(status["NSpid"].split()[-1], "1", "process number inside")
        tap.equal(status["CapEff"].strip(), "0" * 16, "CapEff")
        tap.equal(status["NoNewPrivs"].strip(), "1", "NoNewPrivs")
        with open("/proc/%d/mountinfo" % pid, encoding="utf-8") as file:
            options = {line.split()[4]: line.split()[5].split(",") for line in file}
        tap.check("ro" in options["/"], "the root is writable")

    def stopped(self):
        """its stop signal ends it with status 0, checkpointed"""
        os.kill(self.process.main_pid(), signal.SIGTERM)
        tap.equal(self.process.process.wait(60), 0, "exit status")
        found = [name for _, _, names in os.walk(self.volume) for name in names]
        tap.check(found, "nothing is in the state directory")

    CASES = ("built", "configured", "small", "version", "check", "drained", "confined", "stopped")


def main():
    debian.need("debootstrap", "buildah", "unshare", "setpriv")
    debian.own_namespace([sys.executable, os.path.abspath(__file__)])
    work = tempfile.mkdtemp(prefix="hubdrain-image-")
    test = Test(work)
    try:
        return tap.run([getattr(test, name) for name in Test.CASES], test.on_failure)
    finally:
        test.tear_down()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
