#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds hubdrain in several ways, runs the tests that make sense in each, and counts.

Called by scripts/test. A step is one build directory and the tests to run in it (STEPS below).
The counts are those of single test cases: TAP lines, subtests included, not test programs. A test
program that crashes, times out or prints no plan counts as one failed case more, whatever its lines
said, and so does a `meson test` that fails without any failed case.
"""
import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

GCC = {"CC": "gcc"}
CLANG = {"CC": "clang"}
SANITIZERS = {
    # Not strict_string_checks: slices have no NUL, and strndup of one is right.
    "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1:detect_stack_use_after_return=1:"
    "check_initialization_order=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "LSAN_OPTIONS": "suppressions=%s/tests/sanitizers/lsan.supp:print_suppressions=0" % SOURCE,
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1:"
    "suppressions=%s/tests/sanitizers/tsan.supp" % SOURCE,
}


class Step:
    """One build and what to run in it.

    suites:   names of Meson suites; None runs all of them
    without:  suites that are left out
    fuzz_s:   instead of Meson's tests, let libFuzzer work on every target for so many seconds
    programs: suites of which only tests that are compiled programs run; scripts are left out
    """

    def __init__(self, name, cc, options=(), suites=None, without=(), programs=(), multiplier=1,
                 modes=("all",), fuzz_s=0):
        self.name, self.cc, self.options = name, cc, list(options)
        self.suites, self.without, self.programs = suites, set(without), set(programs)
        self.multiplier, self.modes, self.fuzz_s = multiplier, modes, fuzz_s

    def wants(self, test):
        """Whether a test of `meson introspect --tests` belongs to this step."""
        suites = {s.split(":")[-1] for s in test["suite"]}
        if suites & self.without:
            return False
        if self.suites is not None and not suites & set(self.suites):
            return False
        if suites & self.programs and not self.is_program(test):
            return False
        return True

    def is_program(self, test):
        return test["cmd"][0].startswith(self.directory + os.sep)


# Suites: unit, replay, fuzz (the seeds as normal tests), mutations, lint, integration, and the
# marks slow (not under sanitizers) and booted (needs root and tools; only with the normal build).
# gcc is also what runs everything; clang is there for its warnings and a second opinion.
STEPS = [
    Step("gcc", GCC, suites=["unit", "replay"], modes=("unit",)),
    Step("gcc", GCC, without=["slow", "booted"], modes=("quick",)),
    Step("gcc", GCC),
    Step("clang", CLANG, suites=["unit", "replay", "fuzz"]),
    Step("asan", GCC, ["-Db_sanitize=address,undefined", "-Db_lundef=false"],
         without=["lint", "slow", "booted"], multiplier=4),
    Step("tsan", GCC, ["-Db_sanitize=thread", "-Db_lundef=false"],
         suites=["unit", "replay", "integration"], without=["slow", "booted"],
         programs=["integration"], multiplier=6),
    Step("fuzzer", CLANG, ["-Dfuzz=true", "-Db_sanitize=address,undefined", "-Db_lundef=false"],
         fuzz_s=5),
]


class Count:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


TAP_LINE = re.compile(r"^( *)(not )?ok(?=\s|$)\s*\d*\s*(?:- )?(.*)$")
TAP_PLAN = re.compile(r"^( *)1\.\.(\d+)\s*(?:#\s*SKIP\S*\s*(.*))?$", re.IGNORECASE)
TAP_DIRECTIVE = re.compile(r"\s*#\s*(SKIP|TODO)\S*\s*(.*)$", re.IGNORECASE)
NO_REASON = "no reason given"


def count_tap(name, text):
    """Counts the leaves: a line that sums up lines indented deeper is no test of its own."""
    count = Count()
    open_results = []  # (indent, failed) of lines not yet summed up by one further out
    for line in text.splitlines():
        plan = TAP_PLAN.match(line)
        if plan:
            if plan[2] == "0" and not plan[1]:
                count.skipped.append((name, plan[3] or NO_REASON))
            continue
        match = TAP_LINE.match(line)
        if not match:
            continue
        indent, title = len(match[1]), match[3]
        directive = TAP_DIRECTIVE.search(title)
        kind = directive[1].upper() if directive else ""
        failed = bool(match[2]) and kind != "TODO"
        children = [r for r in open_results if r[0] > indent]
        open_results = [r for r in open_results if r[0] <= indent] + [(indent, failed)]
        if children and (not failed or any(c[1] for c in children)):
            continue
        case = "%s: %s" % (name, TAP_DIRECTIVE.sub("", title).strip() or "unnamed")
        if kind == "SKIP":
            count.skipped.append((case, directive[2] or NO_REASON))
        elif failed:
            count.failed.append((case, ""))
        else:
            count.passed += 1
    return count


BAD_RESULTS = {"FAIL", "ERROR", "TIMEOUT", "INTERRUPT", "UNEXPECTEDPASS"}


def count_test(step_name, entry):
    """One line of Meson's testlog.json."""
    name = "%s/%s" % (step_name, entry["name"].split(" / ")[-1])
    count = count_tap(name, entry.get("stdout", ""))
    seen = count.passed + len(count.failed) + len(count.skipped)
    result = entry["result"]
    if result in BAD_RESULTS and not count.failed:
        count.failed.append((name, "%s, exit status %s" % (result.lower(), entry["returncode"])))
    elif seen == 0 and result == "SKIP":
        count.skipped.append((name, last_line(entry) or NO_REASON))
    elif seen == 0:
        count.passed += 1
    return count


def last_line(entry):
    lines = (entry.get("stdout", "") + "\n" + entry.get("stderr", "")).strip().splitlines()
    return lines[-1].strip() if lines else ""


def run(command, **kwargs):
    print("+ " + " ".join(shlex.quote(c) for c in command), flush=True)
    return subprocess.run(command, check=False, **kwargs).returncode


def configure(step):
    """Makes the build directory, anew when its options or compiler are not the ones wanted."""
    options = step.options + ["-Dwerror=%s" % ("true" if os.environ.get("CI") == "true" else "false")]
    wanted = json.dumps([step.cc, options])
    stamp = os.path.join(step.directory, "suite-options.json")
    try:
        with open(stamp, encoding="utf-8") as file:
            if file.read() == wanted:
                return 0
    except OSError:
        pass
    shutil.rmtree(step.directory, ignore_errors=True)
    code = run(["meson", "setup", *options, step.directory, SOURCE],
               env=dict(os.environ, **step.cc), stdout=subprocess.DEVNULL)
    if code == 0:
        with open(stamp, "w", encoding="utf-8") as file:
            file.write(wanted)
    return code


def introspect(step):
    out = subprocess.run(["meson", "introspect", "--tests", step.directory], check=True,
                         stdout=subprocess.PIPE).stdout
    return json.loads(out)


def fixed_addresses(step):
    """ThreadSanitizer of gcc 12 does not start where the kernel randomises addresses widely."""
    prefix = ["setarch", "-R"]
    if "-Db_sanitize=thread" not in step.options or not shutil.which("setarch"):
        return []
    works = subprocess.run(prefix + ["true"], check=False, stderr=subprocess.DEVNULL).returncode == 0
    return prefix if works else []


def print_failure(entry, limit=200):
    print("---- %s: %s, exit status %s" % (entry["name"], entry["result"], entry["returncode"]))
    for stream in ("stdout", "stderr"):
        lines = entry.get(stream, "").rstrip().splitlines()
        if len(lines) > limit:
            print("  [%d lines of %s left out]" % (len(lines) - limit, stream))
        for line in lines[-limit:]:
            print("  " + line)
    print("----", flush=True)


def run_fuzzers(step):
    """A short look only: that each target starts, takes its seeds and finds nothing at once."""
    count = Count()
    folder = os.path.join(step.directory, "tests", "fuzz")
    for name in sorted(n for n in os.listdir(folder) if re.fullmatch(r"fuzz-[a-z]+", n)):
        found = os.path.join(step.directory, "found", name) + os.sep
        os.makedirs(found, exist_ok=True)
        seeds = os.path.join(SOURCE, "tests", "fuzz", "seeds", name[len("fuzz-"):])
        done = subprocess.run(
            [os.path.join(folder, name), "-max_total_time=%d" % step.fuzz_s, "-timeout=10",
             "-artifact_prefix=" + found, found, seeds], check=False, text=True,
            errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode == 0:
            count.passed += 1
        else:
            print("\n".join(done.stdout.splitlines()[-60:]))
            count.failed.append(("%s/%s" % (step.name, name),
                                 "exit status %d, see %s" % (done.returncode, found)))
    if count.passed + len(count.failed) == 0:
        count.failed.append((step.name, "no fuzz targets"))
    return count


def run_step(step, jobs):
    count = Count()
    if configure(step) != 0:
        count.failed.append((step.name, "meson setup failed"))
        return count
    if run(["meson", "compile", "-C", step.directory, "-j", str(jobs)]) != 0:
        count.failed.append((step.name, "does not build"))
        return count
    if step.fuzz_s:
        return run_fuzzers(step)
    tests = [t for t in introspect(step) if step.wants(t)]
    if not tests:
        count.failed.append((step.name, "no tests"))
        return count
    log = os.path.join(step.directory, "meson-logs", "testlog-%s.json" % step.name)
    env = dict(os.environ, HUBDRAIN_SANITIZER=next(
        (o.split("=")[1] for o in step.options if o.startswith("-Db_sanitize")), ""))
    env.update({k: v for k, v in SANITIZERS.items() if k not in os.environ})
    code = run([*fixed_addresses(step), "meson", "test", "-C", step.directory, "--no-rebuild", "--logbase",
                "testlog-" + step.name, "--num-processes", str(jobs),
                "--timeout-multiplier", str(step.multiplier), *[t["name"] for t in tests]],
               env=env)
    entries = []
    if os.path.exists(log):
        with open(log, encoding="utf-8") as file:
            entries = [json.loads(line) for line in file if line.strip()]
    for entry in entries:
        one = count_test(step.name, entry)
        if one.failed:
            print_failure(entry)
        count.add(one)
    if len(entries) < len(tests):
        count.failed.append((step.name, "%d of %d tests have not run" % (
            len(tests) - len(entries), len(tests))))
    if code != 0 and not count.failed:
        count.failed.append((step.name, "meson test failed with exit status %d" % code))
    return count


def report(total):
    if total.skipped:
        print("\nSkipped:")
        for name, why in total.skipped:
            print("  %s: %s" % (name, why))
    if total.failed:
        print("\nFailed:")
        for name, why in total.failed:
            print("  %s%s" % (name, ": " + why if why else ""))
    print("\n%d passed, %d failed, %d skipped" % (
        total.passed, len(total.failed), len(total.skipped)), flush=True)


def main():
    parser = argparse.ArgumentParser(prog="scripts/test", description=(
        "Installs what is missing, builds hubdrain and runs its tests."), epilog=(
        "Build directories: build/ in the source tree, or $HUBDRAIN_BUILD_ROOT. "
        "CI=true turns warnings into errors."))
    parser.add_argument("mode", nargs="?", choices=["unit", "quick", "all"], default="all", help=(
        "unit: unit and replay tests; quick: what runs with the normal build in about a minute; "
        "all (the default): everything, sanitizers and booted tests included"))
    parser.add_argument("--keep-going", action="store_true", help="go on after a step that failed")
    parser.add_argument("--step", action="append", metavar="NAME", choices=sorted({s.name for s in STEPS}),
                        help="only this step of the mode; may be given more than once")
    arguments = parser.parse_args()

    root = os.environ.get("HUBDRAIN_BUILD_ROOT") or os.path.join(SOURCE, "build")
    jobs = os.cpu_count() or 1
    total = Count()
    for step in STEPS:
        if arguments.mode not in step.modes or (arguments.step and step.name not in arguments.step):
            continue
        step.directory = os.path.join(root, step.name)
        started = time.monotonic()
        print("==== %s" % step.name, flush=True)
        count = run_step(step, jobs)
        total.add(count)
        print("==== %s: %d passed, %d failed, %d skipped in %d s" % (
            step.name, count.passed, len(count.failed), len(count.skipped),
            time.monotonic() - started), flush=True)
        if count.failed and not arguments.keep_going:
            print("==== stopped here; --keep-going runs the other steps too", flush=True)
            break
    if total.passed + len(total.failed) + len(total.skipped) == 0:
        total.failed.append(("scripts/test", "no test has run"))
    report(total)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
