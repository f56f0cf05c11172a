# SPDX-License-Identifier: Apache-2.0
"""Tests in TAP: cases are functions that raise Failed or Skipped; waiting is for conditions."""
import sys
import time
import traceback


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


def diag(text):
    for line in str(text).splitlines():
        print("# " + line, flush=True)


def skip_all(reason):
    print("1..0 # SKIP " + reason, flush=True)
    sys.exit(0)


def check(condition, text):
    if not condition:
        raise Failed(text)


def equal(got, want, what):
    if got != want:
        raise Failed("%s: got %r, want %r" % (what, got, want))


def wait_for(condition, what, timeout_s=60):
    """Asks until the answer is true, and returns it; Failed after the deadline."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise Failed("not within %d s: %s" % (timeout_s, what() if callable(what) else what))
        time.sleep(0.05)


def run(cases, on_failure=None):
    """cases: functions whose docstrings are their names. Later cases build on earlier ones, so the
    first failure ends the run: the rest count as failed too."""
    print("1..%d" % len(cases), flush=True)
    failed = 0
    for number, case in enumerate(cases, 1):
        name = case.__doc__
        if failed:
            print("not ok %d - %s" % (number, name), flush=True)
            diag("not run: an earlier case has failed")
            failed += 1
            continue
        try:
            case()
            print("ok %d - %s" % (number, name), flush=True)
        except Skipped as why:
            print("ok %d - %s # SKIP %s" % (number, name, why), flush=True)
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            print("not ok %d - %s" % (number, name), flush=True)
            diag(error if isinstance(error, Failed) else traceback.format_exc())
            if on_failure:
                on_failure()
    return 1 if failed else 0
