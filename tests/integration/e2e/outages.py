#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real daemon when something around it fails: an output that nobody reads, a blob store that goes
away, files moved under it, bodies that are no events, a closed pipe, a hub made anew."""
import base64
import gzip
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import azurite, hubdrain, tap  # noqa: E402
from support import emulator as emulators  # noqa: E402

BUILD = os.environ["HUBDRAIN_BUILD"]
SOURCE = os.environ["HUBDRAIN_SOURCE"]
SANITIZED = bool(os.environ.get("HUBDRAIN_SANITIZER"))  # memory is then not what it would be
ADMIN = ["--admin", "127.0.0.1:0"]
current = None


def event(number):
    return json.dumps({"properties": {"RawXml": emulators.MESSAGE % (number, 1, number)}})


def append(hub, first, count, partitions=1):
    for number in range(first, first + count):
        hub.post("/append?hub=events&partition=%d" % (number % partitions), event(number))


class Case:
    """A folder, an emulator and a daemon; everything ends with it."""

    def __init__(self, partitions=1, arguments=(), **sections):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = self.temporary.name
        self.hub = emulators.Emulator(BUILD, partitions=partitions, arguments=[*ADMIN, *arguments])
        self.daemon = hubdrain.Hubdrain(BUILD, self.folder, hubdrain.settings(
            self.hub, self.folder, **sections))
        self.out = emulators.Delivered(self.path("out.ndjson"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def wait_for(self, count, timeout_s=60):
        def reached():
            tap.check(self.daemon.running(), "hubdrain has ended")
            return self.out.count() >= count
        tap.wait_for(reached, lambda: "%d of %d events" % (self.out.count(), count), timeout_s)

    def __enter__(self):
        global current
        current = self.daemon
        return self

    def __exit__(self, *_):
        if self.daemon.running():
            self.daemon.kill()
        self.hub.stop()
        self.temporary.cleanup()


def peak_mib(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:")) / 1024


def stalled_output():
    """an output that nobody reads: at most 64 MB with 32 partitions at 32MiB, and nothing is lost"""
    events, batch = 24000, 24
    with tempfile.TemporaryDirectory() as folder:
        messages = os.path.join(folder, "messages.jsonl")
        emulators.write_messages(messages, events)
        with Case(32, ["--load", messages, "--batch", str(batch)],
                  outputs={"out": {"type": "stdout"}}, memory={"limit": "32MiB"}) as case:
            case.daemon.start(stdout=subprocess.PIPE)
            sent = []

            def settled():
                links = [link for connection in case.hub.state()["connections"]
                         for link in connection["links"] if "partition" in link]
                sent.append(sum(link["sent"] for link in links))
                return len(sent) > 20 and sent[-1] > 0 and len(set(sent[-20:])) == 1
            tap.wait_for(settled, "the hub is held back", 120)
            tap.check(sent[-1] < events // batch or SANITIZED, "the flow was stopped")
            tap.diag("%d of %d messages taken, peak %.1f MiB" % (
                sent[-1], events // batch, peak_mib(case.daemon.process.pid)))
            tap.check(SANITIZED or peak_mib(case.daemon.process.pid) <= 64, "at most 64 MiB")
            lines = []
            reader = threading.Thread(target=lambda: lines.extend(case.daemon.process.stdout))
            reader.start()
            tap.wait_for(lambda: len(lines) >= events, lambda: "%d lines" % len(lines), 120)
            tap.equal(case.daemon.stop(), 0, "exit status")
            reader.join(60)
            tap.equal(len({json.loads(line)["event"]["id"] for line in lines}), events, "events")
            tap.equal(len(lines), events, "lines")


def stalled_with(messages, count, unpacked):
    """Holds the output back while `messages` (body, times) are there; everything comes afterwards."""
    with Case(8, outputs={"out": {"type": "stdout"}}, memory={"limit": "32MiB"}) as case:
        case.daemon.start(stdout=subprocess.PIPE)
        for number in range(messages[1]):
            case.hub.post("/append?hub=events&partition=%d" % (number % 8), messages[0])
        steady = []

        def settled():
            steady.append(peak_mib(case.daemon.process.pid))
            return len(steady) > 40 and steady[-1] == steady[-40]
        tap.wait_for(settled, "memory stays what it is", 120)
        tap.diag("%d bytes of events, peak %.1f MiB" % (unpacked, steady[-1]))
        tap.check(SANITIZED or steady[-1] <= 96, "at most 96 MiB")
        lines = []

        def read():
            for line in case.daemon.process.stdout:
                lines.append(json.loads(line)["event"]["id"])
        reader = threading.Thread(target=read)
        reader.start()
        tap.wait_for(lambda: len(lines) >= count, lambda: "%d of %d lines" % (len(lines), count), 120)
        # and it goes on
        case.hub.post("/append?hub=events&partition=0", event(1))
        tap.wait_for(lambda: len(lines) >= count + 1, "one more event", 60)
        tap.equal(case.daemon.stop(), 0, "exit status")
        reader.join(60)
        tap.equal(len(set(lines)), count + 1, "events")
        tap.equal(len(lines), count + 1, "lines")


def compressed():
    """gzip bodies a hundred times as long as they look, nobody reads: memory stays bounded"""
    body = ("{\"records\":[" + ",".join(event(n) for n in range(1, 2001)) + "]}").encode()
    stalled_with((gzip.compress(body), 60), 60 * 2000, 60 * len(body))


def tiny():
    """tiny bodies with long documents, nobody reads: memory stays bounded"""
    stalled_with(('{"a":1}\n' * 400, 400), 400 * 400, 400 * 400 * 8)


def refused_position():
    """the hub refuses the position of a running receiver: as on_invalid_checkpoint says"""
    with Case(checkpoint={"on_invalid_checkpoint": "earliest"}) as case:
        case.daemon.start()
        append(case.hub, 1, 20)
        case.wait_for(20)
        case.hub.post("/faults", json.dumps({"fault": "argument-error", "count": 1}))
        case.hub.post("/faults", json.dumps({"fault": "detach"}))
        append(case.hub, 21, 20)
        tap.wait_for(lambda: len(case.out.read()[1]) == 40, "all records")
        with open(case.daemon.log, encoding="utf-8") as file:
            line = [line for line in file if "event=checkpoint.impossible" in line][-1]
        tap.check(re.search(r"checkpoint_sequence_number=(1\d|2\d|3\d)", line), "where it was: " + line)
        tap.equal(case.daemon.stop(), 0, "exit status")


def holds_signals(pid):
    """SIGHUP is blocked or caught: the program has got as far as its first lines."""
    with open("/proc/%d/status" % pid, encoding="ascii") as file:
        masks = dict(line.split(":") for line in file if line.startswith(("SigBlk", "SigCgt")))
    return any(int(mask, 16) & 1 for mask in masks.values())


def early_signals():
    """signals from the first lines of the program on: SIGHUP is no end, SIGTERM ends with status 0"""
    with Case() as case:
        for _ in range(10):
            case.daemon.start()
            tap.wait_for(lambda: holds_signals(case.daemon.process.pid), "the first lines")
            case.daemon.process.send_signal(signal.SIGHUP)
            tap.equal(case.daemon.stop(), 0, "exit status")


def store_outage():
    """the blob store goes away while events flow: they go on flowing, and it catches up"""
    azurite.require(SOURCE)
    with tempfile.TemporaryDirectory() as folder:
        blobs = azurite.Azurite(SOURCE, folder)
        with Case(2, checkpoint={"store": "blob", "interval": "200ms",
                                 "connection_string": blobs.connection_string()}) as case:
            try:
                case.daemon.start()
                append(case.hub, 0, 100, 2)
                case.wait_for(100)
                tap.wait_for(lambda: blobs.positions() == {"0": 49, "1": 49}, "checkpoints")
                blobs.stop()
                append(case.hub, 100, 100, 2)
                case.wait_for(200)
                tap.wait_for(lambda: case.daemon.logged("event=checkpoint.failed"), "a word in the log")
                append(case.hub, 200, 100, 2)
                case.wait_for(300)
                blobs = azurite.Azurite(SOURCE, folder, blobs.port)
                tap.wait_for(lambda: blobs.positions() == {"0": 149, "1": 149}, "checkpoints again")
                tap.wait_for(lambda: case.daemon.logged("event=checkpoint.recovered"),
                             "a word in the log")
                tap.equal(case.daemon.stop(), 0, "exit status")
                tap.equal(sum(case.out.read()[0].values()), 300, "lines")
            finally:
                blobs.stop()


def moved_files():
    """SIGHUP after logrotate moved the files: the rest goes to new ones, no line is lost"""
    with Case() as case:
        case.daemon.start()
        append(case.hub, 1, 50)
        case.wait_for(50)
        os.rename(case.path("out.ndjson"), case.path("out.1"))
        case.daemon.process.send_signal(signal.SIGHUP)
        tap.wait_for(lambda: case.daemon.logged("event=daemon.reopened"), "reopened")
        append(case.hub, 51, 50)
        moved = emulators.Delivered(case.path("out.ndjson"), case.path("out.1"))
        tap.wait_for(lambda: moved.count() == 100, lambda: "%d of 100 events" % moved.count())
        tap.wait_for(lambda: os.path.exists(case.path("out.ndjson")), "the new file")
        tap.equal(case.daemon.stop(), 0, "exit status")


def no_events():
    """bodies that are no events become dead letters with their bytes, and the stream goes on"""
    bodies = ["certainly not an event", '{"properties":{"RawXml":"<Event><System>',
              "\x01\x02\x03", '{"time":"2026-01-02T03:04:05Z","category":']
    with Case() as case:
        case.daemon.start()
        append(case.hub, 1, 10)
        for body in bodies:
            case.hub.post("/append?hub=events&partition=0", body)
        append(case.hub, 11, 10)
        case.wait_for(20)

        def dead():
            try:
                with open(case.path("dead.ndjson"), encoding="utf-8") as file:
                    return [json.loads(line) for line in file]
            except FileNotFoundError:
                return []
        tap.wait_for(lambda: len(dead()) >= len(bodies), lambda: "dead letters: %s" % dead())
        found = [letter.get("body") or base64.b64decode(letter["body_base64"]).decode()
                 for letter in dead()]
        tap.equal(found, bodies, "the original bytes")
        tap.equal([letter["sequence_number"] for letter in dead()], [10, 11, 12, 13], "positions")
        tap.check(all(letter["reason"] for letter in dead()), "each has a reason")
        tap.equal(case.daemon.stop(), 0, "exit status")


def closed_pipe():
    """nobody reads standard output any more: exit status 74, and the next start delivers"""
    with Case(outputs={"out": {"type": "stdout"}}) as case:
        case.daemon.start(stdout=subprocess.PIPE)
        append(case.hub, 1, 1)
        first = json.loads(case.daemon.process.stdout.readline())
        case.daemon.process.stdout.close()
        append(case.hub, 2, 1)
        tap.equal(case.daemon.process.wait(60), 74, "exit status")
        case.daemon.start(stdout=subprocess.PIPE)
        second = json.loads(case.daemon.process.stdout.readline())
        tap.equal(first["winlog"]["record_id"], "1", "first event")
        tap.equal(second["winlog"]["record_id"], "2", "the event that was not delivered")
        tap.equal(case.daemon.stop(), 0, "exit status")
        case.daemon.process.stdout.close()


def made_anew():
    """a hub made anew behind the checkpoint: exit 78 with both values; earliest when asked for"""
    with Case() as case:
        case.daemon.start()
        append(case.hub, 1, 30)
        case.wait_for(30)
        tap.equal(case.daemon.stop(), 0, "exit status")
        case.hub.post("/recreate?hub=events")
        append(case.hub, 31, 5)
        case.daemon.start()
        tap.equal(case.daemon.process.wait(60), 78, "exit status")
        with open(case.daemon.log, encoding="utf-8") as file:
            line = [line for line in file if "event=checkpoint.impossible" in line][-1]
        tap.check("checkpoint_sequence_number=29" in line, "ours: " + line)
        tap.check("hub_says=" in line and "offset" in line, "the hub's: " + line)
        case.daemon = hubdrain.Hubdrain(BUILD, case.folder, hubdrain.settings(
            case.hub, case.folder, checkpoint={"on_invalid_checkpoint": "earliest"}), "anew")
        case.daemon.start()
        tap.wait_for(lambda: len(case.out.read()[1]) == 35, "all records")
        tap.equal(case.daemon.stop(), 0, "exit status")


def stopped_at_once():
    """SIGTERM while connecting, and while the store cannot be reached: exit status 0"""
    with Case(checkpoint={"store": "blob", "connection_string":
                          "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=AAAA;"
                          "BlobEndpoint=http://127.0.0.1:1/a"}) as case:
        case.daemon.start()
        tap.wait_for(lambda: case.daemon.logged("event=checkpoint.unreadable"), "a word in the log")
        append(case.hub, 1, 5)
        tap.equal(case.out.count(), 0, "events without a known checkpoint")
        tap.equal(case.daemon.stop(), 0, "exit status")
        tap.check(not case.daemon.logged("AAAA"), "no secret in the log")


def main():
    return tap.run([stalled_output, compressed, tiny, refused_position, early_signals, store_outage, moved_files, no_events, closed_pipe, made_anew,
                    stopped_at_once], lambda: current and current.tail())


if __name__ == "__main__":
    sys.exit(main())
