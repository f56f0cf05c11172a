#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The demo behind scripts/demo: emulator -> hubdrain, kill -9, hubdrain again -> a table."""
import argparse
import collections
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # the source tree stays clean
SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(SOURCE, "tests", "integration"))
from support import emulator, tap  # pylint: disable=wrong-import-position

SAMPLES = os.path.join(SOURCE, "tests", "data", "sysmon.jsonl")
HUB = "windows-events"
PARTITIONS = 4
SECONDS = 4  # how long the hub takes to send everything: long enough to be killed in the middle

NAMES = {
    1: "Process creation", 2: "File creation time changed", 3: "Network connection",
    4: "Sysmon service state", 5: "Process terminated", 6: "Driver loaded", 7: "Image loaded",
    8: "CreateRemoteThread", 9: "RawAccessRead", 10: "ProcessAccess", 11: "File created",
    12: "Registry key or value", 13: "Registry value set", 14: "Registry renamed",
    15: "File stream created", 16: "Sysmon configuration", 17: "Pipe created",
    18: "Pipe connected", 19: "WMI filter", 20: "WMI consumer", 21: "WMI binding",
    22: "DNS query", 23: "File deleted, archived", 24: "Clipboard changed",
    25: "Process tampering", 26: "File deleted", 27: "Executable blocked",
    28: "Shredding blocked", 29: "Executable detected", 255: "Sysmon error",
}

CONFIG = """\
eventhub:
  connection_string: {file: %(directory)s/connection-string}
checkpoint:
  store: file
  directory: %(directory)s/checkpoints
  interval: 500ms
outputs:
  archive:
    type: file
    path: %(directory)s/events.ndjson
dead_letter:
  path: %(directory)s/dead-letters.ndjson
"""


def event_ids(line):
    """The Windows event IDs in one message, read without hubdrain's help."""
    text = json.dumps(json.loads(line), ensure_ascii=False)
    found = re.findall(r"<EventID[^>]*>(\d+)</EventID>", text)
    return [int(number) for number in found]


def read_samples():
    with open(SAMPLES, encoding="utf-8") as file:
        lines = [line for line in file if line.strip()]
    for line in lines:
        if not event_ids(line):
            raise SystemExit("demo: a sample without an event ID: " + line[:100])
    return lines


class Output:
    """The lines of the real output file, read as they come."""

    def __init__(self, path):
        self.path = path
        self.position = 0
        self.seen = {}  # event.id -> Windows event ID
        self.lines = collections.Counter()  # Windows event ID -> lines

    def follow(self):
        try:
            with open(self.path, "rb") as file:
                file.seek(self.position)
                data = file.read()
        except FileNotFoundError:
            return len(self.seen)
        complete = data[:data.rfind(b"\n") + 1]
        self.position += len(complete)
        for line in complete.splitlines():
            event = json.loads(line)
            number = int(event["event"]["code"])
            self.lines[number] += 1
            self.seen[event["event"]["id"]] = number
        return len(self.seen)


class Drain:
    def __init__(self, directory):
        self.directory = directory
        self.process = None

    def start(self):
        with open(os.path.join(self.directory, "hubdrain.log"), "ab") as log:
            self.process = subprocess.Popen(
                [os.path.join(os.environ["HUBDRAIN_BUILD"], "hubdrain"), "run", "--config",
                 os.path.join(self.directory, "hubdrain.yaml")], stderr=log)

    def stop(self, number):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            return self.process.wait(60)
        return None

    def alive(self):
        code = self.process.poll()
        if code is not None:
            with open(os.path.join(self.directory, "hubdrain.log"), encoding="utf-8",
                      errors="replace") as file:
                sys.stderr.write("".join(file.readlines()[-20:]))
            raise tap.Failed("hubdrain ended by itself with status %d" % code)


def wait(drain, output, enough, stalled_s=20):
    """Until that many different events are delivered, or nothing has come for a while."""
    last, since = -1, time.monotonic()
    while output.follow() < enough:
        drain.alive()
        if len(output.seen) != last:
            last, since = len(output.seen), time.monotonic()
        if time.monotonic() - since > stalled_s:
            return
        time.sleep(0.02)


def show(sent, output):
    distinct = collections.Counter(output.seen.values())
    totals = [0, 0, 0, 0]
    row = "%6s  %-28s %9s %9s %10s %6s"
    print(row % ("ID", "event", "sent", "delivered", "duplicates", "lost"))
    for number in sorted(set(sent) | set(distinct)):
        values = [sent[number], distinct[number], output.lines[number] - distinct[number],
                  max(0, sent[number] - distinct[number])]
        totals = [a + b for a, b in zip(totals, values)]
        print(row % (number, NAMES.get(number, ""), *values))
    print(row % ("", "all", *totals))
    return totals


def dead_letters(directory):
    found = []
    for name in sorted(os.listdir(directory)):
        if name.startswith("dead-letters"):
            with open(os.path.join(directory, name), encoding="utf-8") as file:
                found += [json.loads(line) for line in file]
    return found


def demo(directory, repeat):
    samples = read_samples()
    messages = os.path.join(directory, "messages.jsonl")
    sent = collections.Counter()
    with open(messages, "w", encoding="utf-8") as file:
        for _ in range(repeat):
            for line in samples:
                file.write(line)
                sent.update(event_ids(line))
    total = sum(sent.values())

    with open(os.path.join(directory, "emulator.log"), "wb") as log:
        hub = emulator.Emulator(
            os.environ["HUBDRAIN_BUILD"], hub=HUB, partitions=PARTITIONS, log=log,
            arguments=["--load", messages, "--rate", str(len(samples) * repeat // SECONDS)])
    drain = Drain(directory)
    output = Output(os.path.join(directory, "events.ndjson"))
    try:
        path = os.path.join(directory, "connection-string")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.write(hub.connection_string())
        with open(os.path.join(directory, "hubdrain.yaml"), "w", encoding="utf-8") as file:
            file.write(CONFIG % {"directory": directory})

        print("hub %s: %d events of %d kinds in %d partitions" % (
            HUB, total, len(sent), PARTITIONS))
        drain.start()
        wait(drain, output, total * 2 // 5)
        drain.stop(signal.SIGKILL)
        before = output.follow()
        print("kill -9 after %d events; the checkpoint is up to half a second old" % before)
        drain.start()
        wait(drain, output, total)
        status = drain.stop(signal.SIGTERM)
        output.follow()
        print("second run delivered the rest and ended with status %s\n" % status)
    finally:
        drain.stop(signal.SIGKILL)
        hub.stop()

    _, delivered, duplicates, lost = show(sent, output)
    dead = dead_letters(directory)
    if dead:
        print("\n%d dead letters, the first one because of %s" % (len(dead), dead[0]["reason"]))
    print("\n%d events sent, %d delivered, %d duplicates since the last checkpoint, %d lost" % (
        total, delivered, duplicates, lost))
    return 0 if lost == 0 and delivered == total and status == 0 and before < total else 1


def main():
    parser = argparse.ArgumentParser(prog="scripts/demo", description=(
        "Builds hubdrain, drains a local event hub with it, kills it with -9 in the middle, starts "
        "it again and counts what arrived."))
    parser.add_argument("--repeat", type=int, default=20, metavar="N",
                        help="how often every sample event is sent (default 20)")
    parser.add_argument("--keep", action="store_true",
                        help="leave the temporary directory, with output and logs, and name it")
    arguments = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="hubdrain-demo-")
    try:
        return demo(directory, arguments.repeat)
    except (tap.Failed, KeyboardInterrupt) as error:
        print("demo: %s" % (error or "interrupted"), file=sys.stderr)
        return 1
    finally:
        if arguments.keep:
            print("everything is in " + directory)
        else:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
