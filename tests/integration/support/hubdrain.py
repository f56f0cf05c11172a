# SPDX-License-Identifier: Apache-2.0
"""Runs the hubdrain daemon with a configuration in a folder of its own."""
import json
import os
import signal
import subprocess

from . import tap


class Hubdrain:
    """`settings` is the configuration as a dict; JSON is YAML."""

    def __init__(self, build, folder, settings, name="hubdrain"):
        self.program = os.path.join(build, "hubdrain")
        self.folder = folder
        self.config = os.path.join(folder, name + ".yaml")
        self.log = os.path.join(folder, name + ".log")
        self.process = None
        with open(self.config, "w", encoding="utf-8") as file:
            json.dump(settings, file, indent=1)

    def start(self, stdout=subprocess.DEVNULL):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.program, "run", "--config", self.config],
                                            stdout=stdout, stderr=log, cwd=self.folder)
        return self

    def running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, timeout_s=60):
        """SIGTERM; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)

    def logged(self, text):
        with open(self.log, "r", encoding="utf-8", errors="replace") as file:
            return sum(text in line for line in file)

    def tail(self, lines=30):
        try:
            with open(self.log, "r", encoding="utf-8", errors="replace") as file:
                tap.diag("".join(file.readlines()[-lines:]))
        except FileNotFoundError:
            pass


def settings(emulator, folder, **sections):
    """A configuration for tests: file store and one file output; sections are merged over it."""
    result = {
        "eventhub": {"connection_string": emulator.connection_string(),
                     "backoff_min": "100ms", "backoff_max": "1s"},
        "checkpoint": {"store": "file", "directory": os.path.join(folder, "checkpoints"),
                       "interval": "1s"},
        "outputs": {"out": {"type": "file", "path": os.path.join(folder, "out.ndjson")}},
        "dead_letter": {"path": os.path.join(folder, "dead.ndjson")},
        "log": {"level": "info", "format": "logfmt"},
    }
    for name, section in sections.items():
        if name == "outputs":
            result[name] = section
        else:
            result.setdefault(name, {}).update(section)
    return result
