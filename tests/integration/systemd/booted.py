#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The installed unit under a booted systemd: readiness, credential, sandbox, reload, watchdog,
SIGKILL, a wrong configuration, stop.

A Debian tree below an overlay is booted with systemd-nspawn, on the host's network, so that an
emulator on 127.0.0.1 feeds it. systemctl runs inside through nsenter. Everything that is mounted
belongs to a mount namespace of this program and goes with it.
"""
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
EVENTS = 12000
RATE = 600  # a second: the hub keeps sending while the service is stopped, killed, reloaded

CONFIG = """\
eventhub:
  connection_string: {credential: eventhub}
checkpoint:
  store: file
  interval: 200ms
outputs:
  archive:
    type: file
    path: /var/log/hubdrain/events.ndjson
"""

# The packaged times are for servers; the behaviour under test is the same with short ones.
DROP_IN = """\
[Service]
WatchdogSec=3s
RestartSec=100ms
"""


class Machine:
    """The booted tree."""

    def __init__(self, work, packages):
        self.root = debian.overlay(debian.tree(packages), work)
        self.nspawn = None
        self.leader = None

    def write(self, path, text, mode=0o644):
        full = self.root + path
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(full, mode)

    def boot(self, log):
        # nspawn wants to remove what it finds there, and only from a tmpfs.
        os.makedirs("/run/systemd/nspawn", exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run/systemd/nspawn"], check=True)
        self.nspawn = subprocess.Popen(
            ["systemd-nspawn", "-D", self.root, "--boot", "--register=no", "--keep-unit",
             "--console=pipe", "--link-journal=no"],
            env=dict(os.environ, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY="1"),
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        tap.wait_for(self.find_leader, "systemd-nspawn starts its process 1")
        tap.wait_for(lambda: self.systemctl("is-system-running").stdout.strip() in
                     ("running", "degraded"), "the tree boots")

    def find_leader(self):
        tap.check(self.nspawn.poll() is None,
                  "systemd-nspawn ended with exit status %s" % self.nspawn.returncode)
        path = "/proc/%d/task/%d/children" % (self.nspawn.pid, self.nspawn.pid)
        with open(path, encoding="ascii") as file:
            children = file.read().split()
        self.leader = children[0] if children else None
        return self.leader

    def inside(self, *command, **kwargs):
        return subprocess.run(
            ["nsenter", "--target", self.leader, "--mount", "--pid", "--ipc", "--uts", "--cgroup",
             "--root", "--wd=/", "--", *command], check=False, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, **kwargs)

    def systemctl(self, *arguments):
        return self.inside("systemctl", "--no-pager", *arguments)

    def show(self, name):
        return self.systemctl("show", "hubdrain", "--value", "-p", name).stdout.strip()

    def pid(self):
        return int(self.show("MainPID") or 0)

    def journal(self):
        return self.inside("journalctl", "--no-pager", "-o", "cat", "-u", "hubdrain").stdout

    def status(self):
        """/proc/PID/status of the main process as a dictionary."""
        text = self.inside("cat", "/proc/%d/status" % self.pid()).stdout
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)

    def signal(self, pid, number):
        tap.equal(self.inside("sh", "-c", "kill -%d %d" % (number, pid)).returncode, 0, "kill")

    def power_off(self):
        if self.leader and self.nspawn.poll() is None:
            self.systemctl("poweroff", "--no-block")
            try:
                self.nspawn.wait(20)
            except subprocess.TimeoutExpired:
                self.nspawn.kill()
        if self.nspawn:
            self.nspawn.wait()


class Test:
    def __init__(self, work):
        self.work = work
        self.machine = None
        self.hub = None
        self.logs = None
        self.restarts = 0

    def set_up(self):
        program = os.path.join(BUILD, "hubdrain")
        messages = os.path.join(self.work, "messages.jsonl")
        emulator.write_messages(messages, EVENTS)
        mount = os.path.join(self.work, "machine")
        os.mkdir(mount)
        self.machine = Machine(mount, debian.libraries(program))
        installed = subprocess.run(
            ["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", self.machine.root],
            check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        tap.check(installed.returncode == 0, installed.stdout)
        with open(os.path.join(self.work, "emulator.log"), "wb") as log:
            self.hub = emulator.Emulator(BUILD, log=log, arguments=[
                "--load", messages, "--rate", str(RATE)])
        self.machine.write("/etc/hubdrain/hubdrain.yaml", CONFIG)
        self.machine.write("/etc/hubdrain/credentials/eventhub", self.hub.connection_string(),
                           0o600)
        os.chmod(self.machine.root + "/etc/hubdrain/credentials", 0o700)
        self.machine.write("/etc/systemd/system/hubdrain.service.d/test.conf", DROP_IN)
        enabled = subprocess.run(["systemctl", "--root", self.machine.root, "enable", "hubdrain"],
                                 check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 text=True)
        tap.check(enabled.returncode == 0, enabled.stdout)
        logs = self.machine.root + "/var/log/private/hubdrain/"
        self.logs = emulator.Delivered(logs + "events.ndjson", logs + "events.old")
        with open(os.path.join(self.work, "nspawn.log"), "wb") as log:
            self.machine.boot(log)

    def tear_down(self):
        if self.machine:
            self.machine.power_off()
        if self.hub:
            self.hub.stop()

    def on_failure(self):
        if self.machine and self.machine.leader:
            tap.diag(self.machine.systemctl("status", "hubdrain").stdout)
            tap.diag("\n".join(self.machine.journal().splitlines()[-60:]))
        for name in ("emulator.log", "nspawn.log"):
            path = os.path.join(self.work, name)
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    tap.diag("".join(file.readlines()[-20:]))

    # ---- helpers of the cases ----

    def wait_active(self):
        tap.wait_for(lambda: self.machine.show("ActiveState") == "active", lambda: (
            "the unit is active; it is %s" % self.machine.show("ActiveState")))

    def wait_more(self):
        """Events arrive that were not there when this was called."""
        before = self.logs.count()
        tap.wait_for(lambda: self.logs.count() > before, "more events arrive than %d" % before)

    def wait_restarted(self, old_pid):
        self.restarts += 1
        tap.wait_for(lambda: self.machine.show("NRestarts") == str(self.restarts), lambda: (
            "systemd restarts the service: NRestarts is %s" % self.machine.show("NRestarts")))
        self.wait_active()
        tap.check(self.machine.pid() not in (0, old_pid), "a new main process")

    # ---- cases, in order ----

    def installed(self):
        """program and unit are installed, and systemd-analyze has no objection"""
        self.set_up()
        done = self.machine.inside("systemd-analyze", "verify", "--man=no",
                                   self.machine.show("FragmentPath"))
        tap.equal(done.stdout.strip(), "", "systemd-analyze verify")

    def ready(self):
        """the unit becomes active when the service says READY"""
        self.wait_active()
        tap.equal(self.machine.show("SubState"), "running", "SubState")
        tap.wait_for(lambda: self.machine.show("StatusText"), "the service says how it is")

    def credential(self):
        """the connection string comes from the credential, and events flow"""
        self.wait_more()
        environment = self.machine.inside("cat", "/proc/%d/environ" % self.machine.pid()).stdout
        tap.check("CREDENTIALS_DIRECTORY=" in environment, "no CREDENTIALS_DIRECTORY")
        tap.check(emulator.KEY not in environment, "the key is in the environment")
        tap.check(emulator.KEY not in self.machine.journal(), "the key is in the journal")

    def sandbox(self):
        """it runs as a user of its own, without capabilities, behind a filter"""
        status = self.machine.status()
        uid = int(status["Uid"].split()[0])
        tap.check(61184 <= uid <= 65519, "uid %d is not a dynamic user's" % uid)
        for key, want in (("CapEff", "0" * 16), ("CapBnd", "0" * 16), ("NoNewPrivs", "1"),
                          ("Seccomp", "2")):
            tap.equal(status[key].strip(), want, key)

    def read_only(self):
        """its file system is read-only but for its own directories, which are its alone"""
        pid = str(self.machine.pid())
        mounts = self.machine.inside("cat", "/proc/%s/mountinfo" % pid).stdout
        options = {line.split()[4]: line.split()[5].split(",") for line in mounts.splitlines()}
        tap.check("ro" in options["/"], "/ is writable")
        tap.check("rw" in options["/var/lib/private/hubdrain"], "the state directory is not")
        tap.check("rw" in options["/var/log/private/hubdrain"], "the log directory is not")
        state = os.stat(self.machine.root + "/var/lib/private/hubdrain")
        tap.equal(state.st_mode & 0o777, 0o700, "mode of the state directory")
        events = os.stat(self.machine.root + "/var/log/private/hubdrain/events.ndjson")
        tap.equal(events.st_mode & 0o077, 0, "what others may do with the events")

    def reload(self):
        """systemctl reload opens the files anew, in the same process"""
        pid = self.machine.pid()
        folder = self.machine.root + "/var/log/private/hubdrain/"
        os.rename(folder + "events.ndjson", folder + "events.old")
        done = self.machine.systemctl("reload", "hubdrain")
        tap.equal(done.returncode, 0, "systemctl reload: " + done.stdout)
        tap.wait_for(lambda: os.path.exists(folder + "events.ndjson"), "a new file")
        self.wait_active()
        self.wait_more()
        tap.equal(self.machine.pid(), pid, "main process")

    def watchdog(self):
        """a service that hangs is killed by the watchdog and started again"""
        pid = self.machine.pid()
        self.machine.signal(pid, signal.SIGSTOP)
        self.wait_restarted(pid)
        tap.check("Watchdog timeout" in self.machine.inside(
            "journalctl", "--no-pager", "-u", "hubdrain").stdout, "no watchdog timeout in the journal")
        self.wait_more()

    def killed(self):
        """after SIGKILL it goes on from its checkpoint, three times"""
        for _ in range(3):
            self.wait_more()
            pid = self.machine.pid()
            self.machine.signal(pid, signal.SIGKILL)
            self.wait_restarted(pid)

    def nothing_lost(self):
        """every event of the hub is delivered, and one that comes twice has the same event.id"""
        tap.wait_for(lambda: self.logs.count() >= EVENTS, lambda: (
            "%d events are delivered; there are %d" % (EVENTS, self.logs.count())), 120)
        ids, records = self.logs.read()
        tap.equal(len(ids), EVENTS, "different event.id")
        tap.equal(len(set(range(1, EVENTS + 1)) - records), 0, "lost events")
        tap.diag("%d events, %d lines: %d came twice after %d restarts" % (
            EVENTS, sum(ids.values()), sum(ids.values()) - len(ids), self.restarts))

    def stopped(self):
        """systemctl stop ends it with success; what was delivered is not delivered again"""
        before = sum(self.logs.read()[0].values())
        tap.equal(self.machine.systemctl("stop", "hubdrain").returncode, 0, "systemctl stop")
        tap.equal(self.machine.show("Result"), "success", "Result")
        tap.equal(self.machine.show("ExecMainStatus"), "0", "exit status")
        tap.equal(self.machine.systemctl("start", "hubdrain").returncode, 0, "systemctl start")
        self.wait_active()
        tap.equal(self.machine.systemctl("stop", "hubdrain").returncode, 0, "systemctl stop")
        tap.equal(sum(self.logs.read()[0].values()), before, "lines in the output")

    def wrong_configuration(self):
        """a wrong configuration ends it with status 78, and systemd does not try again"""
        self.machine.write("/etc/hubdrain/hubdrain.yaml", CONFIG + "eventhup: {}\n")
        tap.check(self.machine.systemctl("start", "hubdrain").returncode != 0, "it started")
        tap.equal(self.machine.show("ExecMainStatus"), "78", "exit status")
        tap.equal(self.machine.show("ActiveState"), "failed", "ActiveState")
        tap.equal(self.machine.show("NRestarts"), "0", "NRestarts")

    CASES = ("installed", "ready", "credential", "sandbox", "read_only", "reload", "watchdog",
             "killed", "nothing_lost", "stopped", "wrong_configuration")


def main():
    debian.need("debootstrap", "systemd-nspawn", "nsenter", "unshare", "systemctl")
    debian.own_namespace([sys.executable, os.path.abspath(__file__)])
    work = tempfile.mkdtemp(prefix="hubdrain-booted-")
    test = Test(work)
    try:
        return tap.run([getattr(test, name) for name in Test.CASES], test.on_failure)
    finally:
        test.tear_down()
        subprocess.run(["umount", "--lazy", os.path.join(work, "machine")], check=False,
                       stderr=subprocess.DEVNULL)
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
