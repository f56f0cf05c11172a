#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every fault that the emulator can inject, one after the other, under one running daemon while events
flow: it lives, it delivers everything, and since it never crashes, nothing comes twice."""
import json
import os
import re
import sys
import tempfile
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import hubdrain, tap  # noqa: E402
from support import emulator as emulators  # noqa: E402

BUILD = os.environ["HUBDRAIN_BUILD"]
PARTITIONS = 4
BEFORE, AFTER = 100, 100  # events around each fault

# What is posted to /faults, and what the daemon's log must then say (None: nothing in particular).
FAULTS = [
    ("links detached by force", {"fault": "detach"}, "amqp.link.detached"),
    ("links detached with an internal error",
     {"fault": "detach", "condition": "amqp:internal-error", "text": "The service was unable"},
     None),
    ("a condition that nobody has heard of",
     {"fault": "detach", "condition": "com.example:surprise", "text": "what?"}, None),
    ("the connection closed by force", {"fault": "close"}, None),
    ("TCP reset in the middle of a frame", {"fault": "reset"}, None),
    ("tokens expire", {"fault": "expire-tokens", "seconds": 1}, None),
    ("server busy at the next attaches",
     [{"fault": "server-busy", "count": 3}, {"fault": "detach", "count": 0}], None),
    ("attach refused",
     [{"fault": "refuse-attach", "condition": "amqp:resource-limit-exceeded", "count": 3,
       "text": "Exceeded the maximum number of allowed receivers"},
      {"fault": "detach", "count": 0}], None),
    ("attach never answered", [{"fault": "ignore-attach", "count": 1}, {"fault": "reset"}], None),
    ("put-token refused once",
     [{"fault": "put-token", "status": 401, "count": 1}, {"fault": "close"}], None),
    ("put-token answered with 500 and late",
     [{"fault": "put-token", "status": 500, "delay_ms": 500, "count": 2}, {"fault": "close"}],
     None),
    ("$management answers 503",
     [{"fault": "management", "status": 503, "count": 2}, {"fault": "close"}], None),
    ("the other spelling of status codes",
     [{"fault": "status-spelling", "count": 20}, {"fault": "close"}], None),
    ("small frames, many to a message", {"fault": "small-frames", "bytes": 512, "seconds": 3}, None),
    ("deliveries are late", {"fault": "delay", "delay_ms": 300, "seconds": 3}, None),
    ("no events for a while", {"fault": "starve", "seconds": 2}, None),
    ("the hub goes mute", {"fault": "mute", "seconds": 3}, None),
]


class World:
    def __init__(self, folder):
        self.folder = folder
        self.appended = 0
        self.hub = emulators.Emulator(BUILD, partitions=PARTITIONS,
                                      arguments=["--admin", "127.0.0.1:0"])
        self.daemon = hubdrain.Hubdrain(BUILD, folder, hubdrain.settings(
            self.hub, folder, pipeline={"batch_age": "50ms"}))
        self.out = emulators.Delivered(os.path.join(folder, "out.ndjson"))

    def append(self, count):
        for _ in range(count):
            self.appended += 1
            xml = emulators.MESSAGE % (self.appended, 1, self.appended)
            self.hub.post("/append?hub=events&partition=%d" % (self.appended % PARTITIONS),
                          json.dumps({"properties": {"RawXml": xml}}))

    def fault(self, fault):
        for one in fault if isinstance(fault, list) else [fault]:
            self.hub.post("/faults", json.dumps(one))

    def all_delivered(self):
        tap.check(self.daemon.running(), "hubdrain has ended")
        return self.out.lines() >= self.appended

    def wait_for_all(self):
        tap.wait_for(self.all_delivered,
                     lambda: "%d of %d events delivered" % (self.out.lines(), self.appended), 120)


def case(world, name, fault, event):
    def run():
        logged = world.daemon.logged("event=" + event) if event else 0
        world.append(BEFORE)
        world.fault(fault)
        world.append(AFTER)
        world.wait_for_all()
        if event:
            tap.check(world.daemon.logged("event=" + event) > logged, "the log says " + event)
        ids, records = world.out.read()
        tap.equal(len(records), world.appended, "records")
        twice = [event_id for event_id, count in ids.items() if count > 1]
        tap.check(not twice, "delivered twice: %s" % twice[:5])
        world.hub.delete("/faults")
    run.__doc__ = name
    return run


def main():
    with tempfile.TemporaryDirectory() as folder:
        world = World(folder)
        world.daemon.start()

        def end():
            """afterwards it stops in order, with all checkpoints written"""
            tap.equal(world.daemon.stop(), 0, "exit status")
            partitions = world.hub.state()["hubs"][0]["partitions"]
            state = {p["id"]: p["last_sequence_number"] for p in partitions}
            found = {}
            for folder_name, _, names in os.walk(os.path.join(world.folder, "checkpoints")):
                for name in names:
                    with open(os.path.join(folder_name, name), encoding="utf-8") as file:
                        match = re.search(r"^sequencenumber=(\d+)$", file.read(), re.MULTILINE)
                        if match:
                            found[name.split(".")[0]] = int(match[1])
            tap.equal(found, state, "checkpoints")

        try:
            return tap.run([case(world, *row) for row in FAULTS] + [end], world.daemon.tail)
        finally:
            if world.daemon.running():
                world.daemon.kill()
            world.hub.stop()


if __name__ == "__main__":
    sys.exit(main())
