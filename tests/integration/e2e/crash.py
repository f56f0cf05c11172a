#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments, with Azurite as the blob store and a fast and a slow output: nothing is
lost, what comes twice is behind the last checkpoint, and it has an equal event.id and content."""
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import azurite, hubdrain, tap  # noqa: E402
from support import emulator as emulators  # noqa: E402

BUILD = os.environ["HUBDRAIN_BUILD"]
SOURCE = os.environ["HUBDRAIN_SOURCE"]
KILLS = int(os.environ.get("HUBDRAIN_KILLS", "25"))  # of each output: 50 in all
EVENTS = 24000
RATE = 1500  # events a second, so that they flow while the process dies
PARTITIONS = 4
SEED = int(os.environ.get("HUBDRAIN_SEED", str(int(time.time()))))


def position_of(event_id):
    _, partition, sequence_number, index = event_id.split("-")
    return partition, int(sequence_number), int(index)


class Ledger:
    """Every event by its id: how often, what it said, and since when the checkpoint has passed it."""

    def __init__(self):
        self.seen = {}
        self.floor = {}  # partition -> the checkpoint when the present run began
        self.duplicates = 0
        self.torn = 0
        self.faults = []

    def add(self, line):
        try:
            event = json.loads(line)
        except ValueError:
            self.torn += 1  # the end of a killed run's file, closed by the next run
            return
        event_id = event["event"]["id"]
        del event["event"]["ingested"]
        content = json.dumps(event, sort_keys=True)
        partition, sequence_number, _ = position_of(event_id)
        if event_id in self.seen:
            self.duplicates += 1
            if self.seen[event_id] != content:
                self.faults.append("%s has two contents" % event_id)
        self.seen[event_id] = content
        if sequence_number <= self.floor.get(partition, -1):
            self.faults.append("%s came again behind the checkpoint %d" % (
                event_id, self.floor[partition]))


class Slow(threading.Thread):
    """Reads hubdrain's standard output, a little at a time until it is told to hurry."""

    def __init__(self, stream, ledger):
        super().__init__(daemon=True)
        self.stream, self.ledger, self.rest = stream, ledger, b""
        self.hurry = threading.Event()
        self.start()

    def run(self):
        while True:
            data = os.read(self.stream.fileno(), 65536 if self.hurry.is_set() else 16384)
            if not data:
                return
            *lines, self.rest = (self.rest + data).split(b"\n")
            for line in lines:
                self.ledger.add(line)
            self.hurry.wait(0.01)  # slow on purpose, not a way of waiting for something


def drain_with_kills(folder, blobs, hub, slow):
    rng = random.Random(SEED)
    tap.diag("HUBDRAIN_SEED=%d" % SEED)
    output = {"type": "stdout"} if slow else {"type": "file",
                                              "path": os.path.join(folder, "out.ndjson")}
    daemon = hubdrain.Hubdrain(BUILD, folder, hubdrain.settings(
        hub, folder, outputs={"out": output},
        checkpoint={"store": "blob", "connection_string": blobs.connection_string(),
                    "container": "slow" if slow else "fast", "interval": "200ms"},
        pipeline={"batch_age": "20ms", "batch_messages": 64},
        memory={"limit": "8MiB" if slow else "16MiB"}))
    container = "slow" if slow else "fast"
    ledger = Ledger()
    read_to = 0
    kills = 0
    done = False
    while not done:
        ledger.floor = blobs.positions(container)
        starts = daemon.logged("event=daemon.start") if kills else 0
        daemon.start(stdout=subprocess.PIPE if slow else subprocess.DEVNULL)
        reader = Slow(daemon.process.stdout, ledger) if slow else None
        last = kills >= KILLS
        if last:
            if reader:
                reader.hurry.set()
            tap.wait_for(lambda: sum(p + 1 for p in blobs.positions(container).values()) >= EVENTS,
                         lambda: "all checkpoints at the end: %s" % blobs.positions(container), 120)
            tap.wait_for(lambda: daemon.logged("event=daemon.start") > starts, "the last start")
            tap.equal(daemon.stop(), 0, "exit status after SIGTERM")
            done = True
        else:
            # A random moment between "still starting" and "well under way".
            try:
                daemon.process.wait(rng.uniform(0.01, 0.6))
                raise tap.Failed("hubdrain ended by itself: %s" % daemon.process.returncode)
            except subprocess.TimeoutExpired:
                daemon.kill()
            kills += 1
        if reader:
            reader.hurry.set()
            reader.join(60)
            daemon.process.stdout.close()
        elif os.path.exists(output["path"]):
            with open(output["path"], "rb") as file:
                file.seek(read_to)
                data = file.read()
            whole = data[:data.rfind(b"\n") + 1]
            read_to += len(whole)
            for line in whole.splitlines():
                ledger.add(line)
        tap.check(not ledger.faults, "\n".join(ledger.faults[:10]))
        tap.check(ledger.torn <= kills, "%d torn lines after %d kills" % (ledger.torn, kills))
    records = {(p, n) for p, n, _ in map(position_of, ledger.seen)}
    tap.equal(len(records), EVENTS, "messages delivered at least once")
    tap.equal(len(ledger.seen), EVENTS, "events")
    tap.diag("%d kills, %d events, %d duplicates, 0 lost" % (kills, EVENTS, ledger.duplicates))


def main():
    if sys.version_info < (3, 9):
        tap.skip_all("needs Python 3.9")
    azurite.require(SOURCE)
    with tempfile.TemporaryDirectory() as folder:
        messages = os.path.join(folder, "messages.jsonl")
        emulators.write_messages(messages, EVENTS)
        blobs = azurite.Azurite(SOURCE)
        current = []

        def case(slow, name):
            def run():
                own = os.path.join(folder, name)
                os.mkdir(own)
                current[:] = [own]
                hub = emulators.Emulator(BUILD, partitions=PARTITIONS, arguments=[
                    "--load", messages, "--rate", str(RATE)])
                try:
                    drain_with_kills(own, blobs, hub, slow)
                finally:
                    hub.stop()
            run.__doc__ = "%d times kill -9, %s output, blob store" % (KILLS, name)
            return run

        def on_failure():
            log = os.path.join(current[0], "hubdrain.log")
            with open(log, "r", encoding="utf-8", errors="replace") as file:
                tap.diag("".join(file.readlines()[-30:]))

        try:
            return tap.run([case(False, "fast"), case(True, "slow")], on_failure)
        finally:
            blobs.stop()


if __name__ == "__main__":
    sys.exit(main())
