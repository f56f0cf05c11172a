#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command line of the built program: exit codes, help, check, what it starts with, secrets."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import tap  # pylint: disable=wrong-import-position

PROGRAM = os.path.join(os.environ["HUBDRAIN_BUILD"], "hubdrain")
COMMANDS = ["run", "check", "normalise", "schema", "version", "help"]
MARKER = "TWFya2VyNDcxMU1hcmtlcg=="  # the key in every connection string here
HUB = ("Endpoint=sb://127.0.0.1:1/;SharedAccessKeyName=n;SharedAccessKey=%s;EntityPath=hub;"
       "UseDevelopmentEmulator=true" % MARKER)
STORAGE = "DefaultEndpointsProtocol=http;AccountName=acc;AccountKey=%s;" \
          "BlobEndpoint=http://127.0.0.1:1/acc" % MARKER

folder = tempfile.mkdtemp(prefix="hubdrain-cli-")
outputs = []  # everything that any run here has printed


def environment(**variables):
    result = {name: value for name, value in os.environ.items()
              if not name.startswith("HUBDRAIN") and name not in ("STATE_DIRECTORY",
                                                                  "CREDENTIALS_DIRECTORY")}
    result["STATE_DIRECTORY"] = folder
    result.update(variables)
    return result


def run(*arguments, text="", env=None, stdout=subprocess.PIPE):
    """status, standard output, standard error"""
    done = subprocess.run([PROGRAM, *arguments], input=text.encode(), stdout=stdout,
                          stderr=subprocess.PIPE, env=env or environment(), cwd=folder,
                          timeout=60, check=False)
    out = (done.stdout or b"").decode()
    err = done.stderr.decode()
    outputs.extend([out, err])
    return done.returncode, out, err


def write(name, text, mode=0o600):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def good():
    return environment(HUBDRAIN_EVENTHUB_CONNECTION_STRING=HUB,
                       HUBDRAIN_STORAGE_CONNECTION_STRING=STORAGE)


def helps_everywhere():
    """--help is on standard output, below 80 columns, status 0"""
    ways = [["--help"], ["-h"], ["help"], ["help", "--help"]]
    for command in COMMANDS:
        ways += [[command, "--help"], [command, "-h"], ["help", command]]
    for way in ways:
        status, out, err = run(*way)
        tap.equal((status, err), (0, ""), " ".join(way))
        tap.check(out.startswith("Usage: hubdrain "), "no usage line: " + out)
        tap.check("--help" in out and "--version" in out, "options missing: " + out)
        for line in out.splitlines():
            tap.check(len(line) < 80, "80 columns or more: " + line)
            tap.equal(line, line.rstrip(), "blanks at the end of a line")
    status, out, _ = run("--help")
    for command in COMMANDS:
        tap.check("\n  %s " % command in out, "not in the help: " + command)
    for name in ("check", "validate"):
        tap.check("--format" in run(name, "--help")[1], "no help for " + name)


def tells_versions():
    """--version names the program, the commit and every library"""
    status, want, err = run("version")
    tap.equal((status, err), (0, ""), "version")
    for word in ("hubdrain 0.", "compiler", "proton", "curl", "OpenSSL", "libuv", "cJSON",
                 "libyaml", "zlib"):
        tap.check("\n" + word in "\n" + want, "not in the version: " + word)
    for way in (["--version"], ["-V"], *[[command, "--version"] for command in COMMANDS]):
        tap.equal(run(*way), (0, want, ""), " ".join(way))


def refuses_wrong_usage():
    """wrong usage says what is wrong, status 64, nothing on standard output"""
    rows = [
        ([], "Usage: hubdrain COMMAND"),
        (["chekc"], "there is no command 'chekc'; did you mean 'check'?"),
        (["xyzzy"], "there is no command 'xyzzy'\n"),
        (["--config", "x"], "unknown option --config; the command comes first"),
        (["help", "chekc"], "did you mean 'check'?"),
        (["check", "--confg", "x"], "check: unknown option --confg; did you mean --config?"),
        (["check", "--xyzzy"], "check: unknown option --xyzzy\n"),
        (["check", "-x"], "check: unknown option -x"),
        (["check", "--config"], "check: --config needs a value: --config FILE"),
        (["check", "-c"], "check: --config needs a value: --config FILE"),
        (["check", "--help=x"], "check: --help takes no value"),
        (["check", "file"], "check: takes no arguments, got 'file'"),
        (["check", "--", "--help"], "check: takes no arguments, got '--help'"),
        (["check", "--format", "xml"], "check: --format is one of text, json"),
        (["normalise", "--schema=none"], "normalise: --schema is one of ecs"),
        (["normalise", "--lines", "--whole"], "--lines and --whole contradict each other"),
        (["version", "x"], "version: takes no arguments"),
        (["run", *(["--set", "log.level=info"] * 65)], "more than 64 settings"),
    ]
    for arguments, text in rows:
        status, out, err = run(*arguments)
        tap.equal((status, out), (64, ""), " ".join(arguments[:4]))
        tap.check(text in err, "%s: %r not in %r" % (arguments[:4], text, err))
        tap.check("--help'." in err or "contradict" in err, "no way out: " + err)


def starts_with_two_variables():
    """two environment variables are a configuration"""
    status, out, err = run("check", env=good())
    tap.equal((status, err), (0, ""), "check")
    for line in ("file         none; the environment alone",
                 "event hub    hub at 127.0.0.1:1, without TLS", "group        $Default",
                 "start        earliest", "checkpoints  blobs in container hubdrain, every 30s",
                 "output       stdout: stdout", "dead letters %s/dead-letters.ndjson" % folder):
        tap.check(line + "\n" in out, "%r not in %r" % (line, out))
    status, out, err = run("check", env=environment(HUBDRAIN_EVENTHUB_CONNECTION_STRING=HUB))
    tap.equal((status, err), (0, ""), "one variable")
    tap.check("checkpoints  files in %s/checkpoints" % folder in out, out)
    status, out, err = run("check")
    tap.equal((status, out), (78, ""), "no variable")
    tap.equal(err, "hubdrain: eventhub.connection_string: missing; set it, or the environment "
                   "variable HUBDRAIN_EVENTHUB_CONNECTION_STRING\n"
                   "hubdrain: 1 mistake in the configuration; see above\n", "no variable")


def tells_every_mistake():
    """check and run tell every mistake with file, line and column, status 78"""
    path = write("bad.yaml", "eventhub:\n  nmae: x\n  connect_timeout: 30\n"
                             "outputs:\n  a: {type: fil}\nlog:\n  level: ${LEVEL}\n")
    want = ("%(p)s:2:3: unknown key \"nmae\" in eventhub; did you mean name?\n"
            "%(p)s:3:20: eventhub.connect_timeout: \"30\": needs a unit: 30s?\n"
            "%(p)s:5:13: outputs.a.type: \"fil\": expected file or stdout; did you mean file?\n"
            "%(p)s:7:10: ${LEVEL} is not set; set the variable, or write ${LEVEL:-default}\n"
            "hubdrain: 4 mistakes in the configuration; see above\n") % {"p": path}
    for command in ("check", "run"):
        tap.equal(run(command, "-c", path, env=good()), (78, "", want), command)
    missing = os.path.join(folder, "missing.yaml")
    status, _, err = run("check", "--config", missing, env=good())
    tap.equal(status, 78, "a file that is not there")
    tap.check(err.startswith(missing + ": cannot open the configuration: No such file"), err)


def reads_the_file_in_every_way():
    """--config FILE, --config=FILE, -cFILE and - are the same; --set goes over all"""
    text = "eventhub: {consumer_group: blue}\n"
    path = write("group.yaml", text, 0o644)
    env = dict(good(), HUBDRAIN__LOG__LEVEL="debug")
    for way in (["--config", path], ["--config=" + path], ["-c", path], ["-c" + path],
                ["-c", "/dev/null", "-c", path]):
        status, out, err = run("check", *way, env=env)
        tap.equal((status, err), (0, ""), " ".join(way))
        tap.check("group        blue\n" in out, out)
    status, out, _ = run("check", "-c", "-", text=text, env=env)
    tap.check(status == 0 and "group        blue\n" in out, out)
    status, out, _ = run("check", "-c", path, "--set", "eventhub.consumer_group=red", env=env)
    tap.check(status == 0 and "group        red\n" in out, out)
    status, _, err = run("check", "--log-level", "loud", env=env)
    tap.equal(status, 78, "--log-level loud")
    tap.check(err.startswith("--log-level: log.level: \"loud\": expected error,"), err)


def checks_for_programs():
    """check --format json is one object with messages and what would run"""
    path = write("warned.yaml", "checkpoint:\n  store: memory\n")
    status, out, err = run("check", "-c", path, "--format", "json", env=good())
    tap.equal((status, err), (0, ""), "check --format json")
    answer = json.loads(out)
    tap.equal((answer["good"], answer["mistakes"], answer["warnings"]), (True, 0, 1), "counts")
    tap.equal({key: answer["messages"][0][key] for key in ("kind", "source", "line", "column")},
              {"kind": "warning", "source": path, "line": 2, "column": 10}, "warning")
    tap.equal(answer["would_run"]["outputs"], [{"type": "stdout", "name": "stdout"}], "outputs")
    tap.equal(answer["would_run"]["hub"], "hub", "hub")
    path = write("bad.yaml", "log: {level: \"\\e[31m\\\"x\"}\n")
    status, out, err = run("check", "-c", path, "--format", "json", env=good())
    tap.equal((status, err), (78, ""), "check --format json with a mistake")
    answer = json.loads(out)
    tap.equal((answer["good"], answer["mistakes"]), (False, 1), "counts")
    tap.check("would_run" not in answer, "nothing would run")


def prints_the_schema():
    """schema prints a JSON Schema that knows the keys"""
    status, out, err = run("schema")
    tap.equal((status, err), (0, ""), "schema")
    schema = json.loads(out)
    tap.equal(schema["properties"]["eventhub"]["properties"]["connections"]["maximum"], 64,
              "eventhub.connections")
    output = schema["properties"]["outputs"]["additionalProperties"]
    tap.equal(output["properties"]["rotate"]["properties"]["size"]["x-path"],
              "outputs.*.rotate.size", "outputs.*.rotate.size")
    tap.equal(output["additionalProperties"], False, "unknown keys")
    tap.equal(run("schema", "--format", "xml")[0], 64, "an unknown format")


def tells_a_full_disk():
    """what standard output does not take is status 74"""
    for arguments in (["--help"], ["version"], ["schema"], ["check"]):
        with open("/dev/full", "wb") as full:
            status, _, err = run(*arguments, env=good(), stdout=full)
        tap.equal(status, 74, " ".join(arguments))
        tap.check("cannot write to standard output: No space left" in err, err)


def runs_and_stops():
    """run starts without its hub, logs warnings as it logs all else, ends with 0 at SIGTERM"""
    log = os.path.join(folder, "run.log")
    env = environment(HUBDRAIN_EVENTHUB_CONNECTION_STRING=HUB)
    with open(log, "wb") as file:
        daemon = subprocess.Popen([PROGRAM, "run", "--log-level", "trace", "--log-format=json",
                                   "--set", "checkpoint.store=memory"],
                                  stdout=subprocess.DEVNULL, stderr=file, env=env, cwd=folder)
    try:
        def logged():
            tap.check(daemon.poll() is None, "ended by itself: %r" % open(log).read())
            with open(log, encoding="utf-8") as file:
                return "daemon.start" in file.read()
        tap.wait_for(logged, "daemon.start")
        daemon.send_signal(signal.SIGTERM)
        tap.equal(daemon.wait(60), 0, "status after SIGTERM")
    finally:
        if daemon.poll() is None:
            daemon.kill()
            daemon.wait()
    with open(log, encoding="utf-8") as file:
        logged = file.read()
    outputs.append(logged)
    names = [json.loads(line)["event"] for line in logged.splitlines()]
    tap.check("config.warning" in names, "the warning is not logged: %s" % names)


def keeps_secrets():
    """a secret is in nothing that was printed, wherever it was put"""
    broken = "Endpoint=sb://h;SharedAccessKey=%s;SharedAccessKey=%s" % (MARKER, MARKER)
    places = [
        "eventhub: {connection_string: \"%s\"}\n" % HUB,
        "eventhub: {connection_string: \"%s\"}\n" % broken,
        "eventhub: {connection_string: \"%s\"}\n" % MARKER,
        "eventhub: {connection_string: [\"%s\"]}\n" % HUB,
        "eventhub: {connection_string: {value: \"%s\"}}\n" % HUB,
        "eventhub: {connection_string: {env: \"%s\"}}\n" % HUB,
        "eventhub: {name: \"%s\"}\n" % HUB,
        "eventhub: {start: \"%s\"}\n" % HUB,
        "eventhub: {connections: \"%s\"}\n" % HUB,
        "log: {level: \"${KEY}\"}\n",
        "outputs: {a: {type: \"${KEY}\"}}\n",
        "outputs: {\"%s\": {type: stdout}}\n" % HUB,
        "\"%s\": x\n" % HUB,
        "checkpoint: {connection_string: \"%s\"}\n" % HUB,
        "checkpoint: {connection_string: \"AccountName=a;AccountKey%s\"}\n" % MARKER,
        "checkpoint: {store: \"%s\"}\n" % STORAGE,
        "&%s x: \"%s\n" % ("a", HUB),
        "%s\n%s: [\n" % (HUB, MARKER),
        HUB,
    ]
    for text in places:
        path = write("secret.yaml", text)
        for way in (["check"], ["check", "--format", "json"]):
            run(*way, "-c", path, env=environment(KEY=MARKER))
    secret = write("secret", HUB + "\n", 0o644)
    status, _, err = run("check", "--set", "eventhub.connection_string.file=" + secret)
    tap.equal(status, 0, "a secret from a file")
    tap.check("is open to others (mode 0644): chmod 600 it" in err, err)
    status, _, err = run("check", "--set", "eventhub.connection_string=" + HUB)
    tap.equal(status, 0, "a secret on the command line")
    tap.check("every user of this machine can read a command line" in err, err)
    run("check", "--set", HUB)
    run("check", "--set", "log.level=" + HUB)
    tap.check(len(outputs) > 100, "nothing was looked at")
    for text in outputs:
        tap.check(MARKER not in text and MARKER.rstrip("=") not in text, "printed: " + text)


def main():
    try:
        return tap.run([helps_everywhere, tells_versions, refuses_wrong_usage,
                        starts_with_two_variables, tells_every_mistake,
                        reads_the_file_in_every_way, checks_for_programs, prints_the_schema,
                        tells_a_full_disk, runs_and_stops, keeps_secrets])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
