#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hubdrain normalise: the filter from bodies to events, as a program."""
import gzip
import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import tap  # pylint: disable=wrong-import-position

PROGRAM = os.path.join(os.environ["HUBDRAIN_BUILD"], "hubdrain")
SAMPLES = os.path.join(os.environ["HUBDRAIN_SOURCE"], "tests/data/sysmon.jsonl")
BODY_MAX = 32 << 20

folder = tempfile.mkdtemp(prefix="hubdrain-normalise-")
with open(SAMPLES, "rb") as samples:
    lines = [line for line in samples.read().split(b"\n") if line.strip()]


def run(*arguments, data=b"", stdout=subprocess.PIPE):
    """status, standard output in lines, standard error"""
    done = subprocess.run([PROGRAM, "normalise", *arguments], input=data, stdout=stdout,
                          stderr=subprocess.PIPE, cwd=folder, timeout=120, check=False)
    return done.returncode, (done.stdout or b"").splitlines(), done.stderr.decode()


def write(name, data):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)
    return os.path.join(folder, name)


def events(out):
    """Without what differs from run to run."""
    result = [json.loads(line) for line in out]
    for event in result:
        del event["event"]["ingested"]
    return result


def whole():
    """every sample, one body a line, as this program gives it"""
    status, out, err = run(data=b"\n".join(lines) + b"\n")
    tap.equal((status, err), (0, ""), "samples")
    return events(out)


def makes_events_of_lines():
    """each line of standard input is a body, and becomes events in order"""
    result = whole()
    tap.check(len(result) >= len(lines) > 100, "%d events of %d lines" % (len(result), len(lines)))
    ids = [event["event"]["id"] for event in result]
    tap.equal(len(set(ids)), len(ids), "event.id is unique")
    tap.equal(ids[0], "000000000000-0-0-0", "the first event.id")
    numbers = [int(text.split("-")[2]) for text in ids]
    tap.equal(numbers, sorted(numbers), "order")
    tap.check(all("@timestamp" in event for event in result), "an event without its time")


def is_the_same_in_every_way():
    """lines in files, pieces of any size, CRLF and a missing last line feed change nothing"""
    want = whole()
    path = write("samples.ndjson", b"\n".join(lines))
    for arguments, data in ((["--lines", path], b""), (["-l", "-"], b"\n".join(lines)),
                            (["-"], b"\r\n".join(lines) + b"\r\n"), ([], b"\n\n".join(lines))):
        status, out, err = run(*arguments, data=data)
        tap.equal((status, err), (0, ""), str(arguments))
        got = events(out)
        tap.equal(len(got), len(want), "events of %s" % arguments)
        if arguments and data != b"\r\n".join(lines) + b"\r\n":
            tap.check(got == want, "other events of %s" % arguments)
    program = subprocess.Popen([PROGRAM, "normalise"], stdin=subprocess.PIPE,
                               stdout=open(os.path.join(folder, "out"), "wb"))
    data = b"\n".join(lines)
    for start in range(0, len(data), 70001):
        program.stdin.write(data[start:start + 70001])
        program.stdin.flush()
    program.stdin.close()
    tap.equal(program.wait(60), 0, "status")
    with open(os.path.join(folder, "out"), "rb") as file:
        tap.check(events(file.read().splitlines()) == want, "pieces give other events")


def takes_files_whole():
    """a file is one body: JSON lines, gzip, event XML"""
    count = len(whole())
    data = b"\n".join(lines)
    record = json.loads(lines[0])
    xml = record["properties"]["RawXml"] if "properties" in record \
        else record["records"][0]["properties"]["RawXml"]
    for name, body, want in (("a.ndjson", data, count), ("a.gz", gzip.compress(data), count),
                             ("a.xml", xml.encode(), 1),
                             ("a.json", json.dumps(record, indent=2).encode(), None)):
        status, out, err = run(write(name, body))
        tap.equal((status, err), (0, ""), name)
        tap.check(len(out) == want or (want is None and out), "%s: %d events" % (name, len(out)))
    tap.equal(len(run("--whole", data=data)[1]), count, "--whole")
    status, out, err = run(write("a.json", lines[0]), write("b.json", lines[1]))
    tap.equal((status, err), (0, ""), "two files")
    ids = [json.loads(line)["event"]["id"] for line in out]
    tap.check("000000000000-0-0-0" in ids and "000000000000-0-1-0" in ids, str(ids))


def tells_what_is_no_event():
    """what is no event is told with its place and kept with --dead, the rest goes on: 65"""
    dead = os.path.join(folder, "dead.ndjson")
    bad = b'{"time": "2024-05-02T08:15:30Z", "properties": {"RawXml": "<Ev'
    status, out, err = run("--dead", dead, data=lines[0] + b"\n" + bad + b"\n" + lines[1] + b"\n")
    tap.equal(status, 65, "status")
    want = run(data=lines[0] + b"\n")[1], run(data=lines[1] + b"\n")[1]
    tap.equal(len(out), len(want[0]) + len(want[1]), "events")
    tap.check(err.startswith("stdin:2: no event: "), err)
    tap.equal(err.count("\n"), 1, "lines on standard error")
    with open(dead, encoding="utf-8") as file:
        letters = [json.loads(line) for line in file]
    tap.equal(len(letters), 1, "dead letters")
    tap.check(bad.decode() in [value for value in letters[0].values() if isinstance(value, str)],
              "the original bytes are not there: %r" % letters[0])
    status, out, err = run(data=b"no event\n" * 30)
    tap.equal((status, out), (65, []), "thirty times no event")
    tap.check("stdin:20: no event" in err and "stdin:21:" not in err, err)
    tap.check("hubdrain: and 10 more\n" in err, err)
    tap.check("use --whole" in err, err)
    status, _, err = run(write("bad.json", bad))
    tap.equal(status, 65, "a bad file")
    tap.check(err.startswith(os.path.join(folder, "bad.json") + ": no event: "), err)


def writes_dead_letters_together():
    """what one read gives is one write to --dead: all of it or nothing when the file may not grow"""
    dead = os.path.join(folder, "together.ndjson")
    data = b"no event\n" * 500

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

    done = subprocess.run([PROGRAM, "normalise", "--dead", dead], input=data, cwd=folder,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                          check=False, preexec_fn=limit)
    tap.equal(done.returncode, 74, "status: %r" % done.stderr)
    tap.check(b"File too large" in done.stderr, done.stderr)
    tap.equal(os.path.getsize(dead), 0, "a part of it is there")
    tap.equal(run("--dead", dead, data=data)[0], 65, "status")
    with open(dead, encoding="utf-8") as file:
        letters = [json.loads(line) for line in file]
    tap.equal(len(letters), 500, "dead letters")
    tap.equal([letter["sequence_number"] for letter in letters], list(range(500)), "order")
    tap.equal({letter["body"] for letter in letters}, {"no event"}, "bodies")


def skips_what_is_empty():
    """empty input and empty lines are no events and no mistakes"""
    for data in (b"", b"\n", b"\n\r\n  \n\n"):
        tap.equal(run(data=data), (0, [], ""), repr(data))
    tap.equal(run(write("empty", b"")), (0, [], ""), "an empty file")


def goes_on_without_a_file():
    """a file that cannot be read is status 66; the others are read all the same"""
    path = write("one.json", lines[0])
    for bad in (os.path.join(folder, "missing"), folder):
        status, out, err = run(bad, path)
        tap.equal(status, 66, bad)
        tap.check(out, "the other file gives nothing")
        tap.check(bad in err, err)
    tap.equal(run("--dead", os.path.join(folder, "missing", "x"), data=lines[0])[0], 73, "--dead")


def bounds_a_line():
    """a line that is longer than any body may be is told, and the next ones are read"""
    status, out, err = run(data=lines[0] + b"\n" + b"x" * (BODY_MAX + (3 << 20)) + b"\n" + lines[1])
    tap.equal(status, 65, "status")
    tap.check("stdin:2: no event: " in err and err.count("\n") == 1, err)
    ids = [json.loads(line)["event"]["id"] for line in out]
    tap.equal((ids[0], ids[-1].split("-")[2]), ("000000000000-0-0-0", "2"), "the others")
    status, out, err = run(write("large", b" " * (BODY_MAX + 1)))
    tap.equal((status, out), (65, []), "a large file")
    tap.check("use --lines" in err, err)


def fails_when_output_does():
    """a full disk is status 74; a reader that leaves ends the filter"""
    with open("/dev/full", "wb") as full:
        status, _, err = run(data=lines[0], stdout=full)
    tap.equal(status, 74, "/dev/full")
    tap.check("No space left" in err, err)
    program = subprocess.Popen([PROGRAM, "normalise"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    program.stdout.close()
    try:
        for _ in range(100):
            program.stdin.write(b"\n".join(lines) + b"\n")
        program.stdin.close()
    except BrokenPipeError:
        pass
    tap.equal(program.wait(60), -13, "SIGPIPE")


def answers_at_once():
    """an event is there before the input ends"""
    program = subprocess.Popen([PROGRAM, "normalise"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    try:
        program.stdin.write(lines[0] + b"\n")
        program.stdin.flush()
        readable, _, _ = select.select([program.stdout], [], [], 60)
        tap.check(readable, "nothing came")
        json.loads(program.stdout.readline())
    finally:
        program.stdin.close()
        program.stdout.read()
        tap.equal(program.wait(60), 0, "status")


def has_options():
    """--keep-original, --dataset and --schema reach the events"""
    plain = json.loads(run(data=lines[0])[1][0])
    tap.check("original" not in plain["event"], "event.original without being asked for")
    kept = json.loads(run("--keep-original", "--dataset=mine", "-s", "ecs", data=lines[0])[1][0])
    tap.check("<Event" in kept["event"]["original"], "event.original: %r" % kept["event"])
    tap.equal(kept["event"]["dataset"], "mine", "event.dataset")


def main():
    try:
        return tap.run([makes_events_of_lines, is_the_same_in_every_way, takes_files_whole,
                        tells_what_is_no_event, writes_dead_letters_together,
                        skips_what_is_empty, goes_on_without_a_file, bounds_a_line,
                        fails_when_output_does, answers_at_once, has_options])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
