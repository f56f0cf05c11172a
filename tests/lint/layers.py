#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when the source tree breaks the rules of docs/ARCHITECTURE.md that a compiler cannot see.

Usage: layers.py SOURCE_ROOT. Prints TAP: one case per rule, every offence as a comment above it.
Adding a module, a contract or a library means a row in one of the tables below, on purpose: the row
is where its place in the house is decided.
"""
import os
import re
import sys

# ---- the tables -------------------------------------------------------------------------------

STAGE = 3

# One row a module of src/: rank (an include may only point to a lower rank), the contracts in
# include/hubdrain/ that it owns, the modules whose contracts it may include, the libraries it may
# use. `types` are contracts of the same rank or a higher one of which only plain types are used:
# batches name the reason of a dead letter, the configuration holds each stage's options.
MODULES = {
    "base": dict(rank=0, owns="arena buffer slice queue budget clock log error exit metrics", uses="",
                 libraries=""),
    "net": dict(rank=1, owns="loop http stream notify", uses="base", libraries="uv curl"),
    "auth": dict(rank=2, owns="auth hmac storage", uses="base net", libraries="openssl cjson", types="hub"),
    "model": dict(rank=1, owns="event batch json", uses="base", libraries="", types="decode"),
    "hub": dict(rank=3, owns="hub", uses="base net auth model", libraries="proton",
                types="window"),
    "decode": dict(rank=3, owns="decode", uses="base model", libraries="zlib"),
    "windows": dict(rank=3, owns="normalise", uses="base model", libraries=""),
    "output": dict(rank=3, owns="output", uses="base net model", libraries="",
                   types="decode"),
    "checkpoint": dict(rank=3, owns="window store checkpointer", uses="base net auth model",
                       libraries="cjson expat"),
    "config": dict(rank=3, owns="config suggest", uses="base auth model", libraries="yaml cjson",
                   types="hub decode normalise output window store"),
    "pipeline": dict(rank=4, owns="pipeline transform", libraries="",
                     uses="base net auth model hub decode windows output checkpoint config"),
    "cli": dict(rank=5, owns="cli", libraries="cjson proton curl openssl uv yaml zlib",
                uses="base net auth model hub decode windows output checkpoint config pipeline"),
    "main": dict(rank=6, owns="", uses="cli", libraries=""),
}

# Programs and tests beside src/. private: whose private headers and sources they may include;
# "same" is the module that the folder is named after.
EVERYTHING = " ".join(MODULES)
ALL_LIBRARIES = "uv curl proton openssl yaml zlib zstd cjson expat"
PROGRAMS = {
    "emulator": dict(uses="base net auth", libraries="uv proton openssl cjson zlib", private=""),
    "bench": dict(uses=EVERYTHING, libraries=ALL_LIBRARIES, private=EVERYTHING),
    "tests/unit": dict(uses=EVERYTHING, libraries=ALL_LIBRARIES, private="same"),
    "tests/fuzz": dict(uses=EVERYTHING, libraries=ALL_LIBRARIES, private=EVERYTHING),
    "tests/replay": dict(uses=EVERYTHING, libraries=ALL_LIBRARIES, private=EVERYTHING),
    "tests/integration": dict(uses=EVERYTHING, libraries=ALL_LIBRARIES, private=EVERYTHING),
}

# Which library a header in <> belongs to; the first match counts.
LIBRARIES = [
    (r"uv\.h|uv/.*", "uv"),
    (r"curl/.*", "curl"),
    (r"proton/.*", "proton"),
    (r"openssl/.*", "openssl"),
    (r"yaml\.h", "yaml"),
    (r"zlib\.h", "zlib"),
    (r"expat\.h", "expat"),
    (r"zstd\.h", "zstd"),
    (r"cjson/.*|cJSON\.h", "cjson"),
    (r"(assert|complex|ctype|errno|fenv|float|inttypes|iso646|limits|locale|math|setjmp|signal|"
     r"std[a-z]+|string|tgmath|threads|time|uchar|wchar|wctype)\.h", "libc"),
    (r"(dirent|dlfcn|endian|err|fcntl|fnmatch|ftw|getopt|glob|grp|libgen|malloc|net/if|netdb|poll|"
     r"pthread|pwd|regex|sched|spawn|strings|syslog|sysexits|termios|ucontext|unistd)\.h", "libc"),
    (r"(sys|netinet|arpa|linux)/[a-z0-9_]+\.h", "libc"),
    (r"(immintrin|x86intrin|emmintrin|tmmintrin|smmintrin|nmmintrin|cpuid|arm_neon)\.h", "libc"),
    (r"sanitizer/[a-z_]+\.h|valgrind/[a-z]+\.h", "libc"),
]

GENERATED = {"config.h", "src/cli/commit-id.h"}
TEST_HEADER = "test.h"

# ---- the tree ---------------------------------------------------------------------------------

SKIPPED_FOLDERS = {".git", "node_modules", "__pycache__", "subprojects", ".cache"}
CODE = (".c", ".h")
SPDX = "SPDX-License-Identifier: Apache-2.0"
# Files of these names carry no licence line: data, lock files, licence texts, prose.
NO_SPDX = re.compile(
    r"(^|/)(LICENSE|\.gitignore|\.dockerignore|\.editorconfig|\.clang-format|\.npmrc|.*\.md|.*\.json|"
    r".*\.jsonl|.*\.ndjson|.*\.xml|.*\.csv|.*\.rpl|.*\.txt|.*\.gz|.*\.bin)$|"
    r"^tests/(data|fuzz/seeds|fuzz/corpus)/|^tests/fuzz/[a-z-]+/[^/]*$")
MACHINE_PATHS = re.compile(r"(?<![\w.~$}/-])/(?:work|root|tmp/hd)/\w")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(<[^>]+>|"[^"]+")', re.MULTILINE)


def walk(root):
    for folder, folders, files in os.walk(root):
        relative = os.path.relpath(folder, root)
        folders[:] = sorted(f for f in folders if f not in SKIPPED_FOLDERS and not (
            relative == "." and f.startswith("build")))
        for name in sorted(files):
            yield os.path.normpath(os.path.join(relative, name))


class Tree:
    """Every file's path and text, read once."""

    def __init__(self, root):
        self.root = root
        self.text = {}
        self.binary = set()
        for path in walk(root):
            full = os.path.join(root, path)
            if os.path.islink(full):
                continue
            with open(full, "rb") as file:
                data = file.read()
            if b"\0" in data[:4096] or path.startswith("tests/data/"):
                self.binary.add(path)
            else:
                self.text[path] = data.decode("utf-8", "replace")

    def code(self):
        return [p for p in self.text if p.endswith(CODE)]

    def includes(self, path):
        """(line, header, is_system) of each #include."""
        text = self.text[path]
        for match in INCLUDE.finditer(text):
            header = match[1]
            yield text.count("\n", 0, match.start()) + 1, header[1:-1], header[0] == "<"


OWNER = {contract: module for module, row in MODULES.items() for contract in row["owns"].split()}


def place(path):
    """(kind, name, row) of a C file; kind is module, contract, program or None."""
    parts = path.split("/")
    if parts[0] == "src":
        name = parts[1] if len(parts) > 2 else "main"
        return ("module", name, MODULES.get(name))
    if path.startswith("include/hubdrain/"):
        name = OWNER.get(parts[-1][:-2])
        return ("contract", name, MODULES.get(name))
    for name, row in PROGRAMS.items():
        if path.startswith(name + "/"):
            return ("program", name, row)
    if path == "tests/" + TEST_HEADER:
        return ("program", "tests/unit", PROGRAMS["tests/unit"])
    return (None, None, None)


# ---- the rules: each yields the offences -------------------------------------------------------

def rule_tables(_tree):
    """the tables themselves point downwards"""
    for name, row in MODULES.items():
        for used in row["uses"].split():
            if MODULES[used]["rank"] > row["rank"] or used == name:
                yield "%s (rank %d) may not use %s (rank %d)" % (
                    name, row["rank"], used, MODULES[used]["rank"])
            same_rank = MODULES[used]["rank"] == row["rank"]
            if same_rank and row["rank"] == STAGE:
                yield "%s and %s are both stages" % (name, used)


def rule_placed(tree):
    """every C file and every contract has a row in the tables"""
    for path in tree.code():
        kind, name, row = place(path)
        if row is None:
            yield "%s: no row for %s" % (path, name or "it")
        elif kind == "contract" and path.split("/")[-1][:-2] not in OWNER:
            yield "%s: no module owns this contract" % path


def rule_contracts(tree):
    """includes of contracts point downwards, and stages do not include each other"""
    for path in tree.code():
        _, name, row = place(path)
        if row is None:
            continue
        allowed = set(row["uses"].split()) | {name}
        types = set(row.get("types", "").split())
        for line, header, _ in tree.includes(path):
            if not header.startswith("hubdrain/"):
                continue
            contract = header[len("hubdrain/"):-2]
            owner = OWNER.get(contract)
            if owner is None:
                yield "%s:%d: %s has no owner in the table" % (path, line, header)
            elif owner not in allowed and contract not in types:
                yield "%s:%d: %s may not include %s (of %s)" % (path, line, name, header, owner)


def rule_private(tree):
    """private headers are included by their own folder only"""
    for path in tree.code():
        kind, name, row = place(path)
        if row is None:
            continue
        for line, header, system in tree.includes(path):
            if system or header.startswith("hubdrain/") or header in GENERATED:
                continue
            if header == TEST_HEADER and "tests" in path.split("/"):
                continue
            target = resolve(tree, path, header)
            if target is None:
                yield "%s:%d: %s is not in the tree" % (path, line, header)
            elif kind == "contract":
                yield "%s:%d: a contract includes the private %s" % (path, line, header)
            elif not may_see(kind, row, path, target):
                yield "%s:%d: %s is private to %s" % (path, line, header, os.path.dirname(target))


def resolve(tree, path, header):
    for base in (os.path.dirname(path), "", "include", "tests", "src"):
        candidate = os.path.normpath(os.path.join(base, header))
        if candidate in tree.text:
            return candidate
    return None


def may_see(kind, row, path, target):
    if os.path.dirname(target) == os.path.dirname(path):
        return True
    parts = target.split("/")
    if kind == "module":
        return parts[0] == "src" and path.split("/")[:2] == parts[:2] and len(parts) > 2
    if parts[0] != "src":
        return path.split("/")[0] == parts[0]
    if row["private"] == "same":
        return path.split("/")[2] == parts[1]
    return parts[1] in row["private"].split()


def rule_libraries(tree):
    """third-party headers stay in their folders"""
    for path in tree.code():
        _, name, row = place(path)
        if row is None:
            continue
        allowed = set(row["libraries"].split()) | {"libc"}
        for line, header, system in tree.includes(path):
            if not system:
                continue
            library = next((lib for pattern, lib in LIBRARIES if re.fullmatch(pattern, header)),
                           None)
            if library is None:
                yield "%s:%d: <%s> belongs to no library of the table" % (path, line, header)
            elif library not in allowed:
                yield "%s:%d: %s may not include <%s>" % (path, line, name, header)


def rule_spdx(tree):
    """every source file says its licence in the first three lines"""
    for path, text in tree.text.items():
        if NO_SPDX.search(path) or not text:
            continue
        if not any(SPDX in line for line in text.splitlines()[:3]):
            yield "%s: no '%s'" % (path, SPDX)


def rule_paths(tree):
    """no path of one particular machine"""
    for path, text in tree.text.items():
        for number, line in enumerate(text.splitlines(), 1):
            if MACHINE_PATHS.search(line):
                yield "%s:%d: %s" % (path, number, line.strip()[:100])


def rule_whitespace(tree):
    """no tabs in C, no trailing blanks, one line feed at the end"""
    for path, text in tree.text.items():
        if NO_SPDX.search(path) and not path.endswith(".md"):
            continue
        for number, line in enumerate(text.split("\n"), 1):
            if path.endswith(CODE) and "\t" in line:
                yield "%s:%d: a tab" % (path, number)
            if line != line.rstrip() and not path.endswith(".md"):
                yield "%s:%d: a trailing blank" % (path, number)
        if text and (not text.endswith("\n") or text.endswith("\n\n")):
            yield "%s: must end with one line feed" % path


def rule_lock_files(tree):
    """lock files name no download addresses"""
    for path, text in tree.text.items():
        if os.path.basename(path) == "package-lock.json" and '"resolved": "http' in text:
            yield "%s: npm's omit-lockfile-registry-resolved makes one without" % path


RULES = [rule_tables, rule_placed, rule_contracts, rule_private, rule_libraries, rule_spdx,
         rule_paths, rule_whitespace, rule_lock_files]


# ---- for information ---------------------------------------------------------------------------

def long_pieces(tree):
    """Files past 500 lines and functions past 60; a word to the reader, never a failure."""
    for path in tree.code():
        lines = tree.text[path].splitlines()
        if len(lines) > 500 and not path.startswith("tests/"):
            yield "%s has %d lines" % (path, len(lines))
        start = None
        for number, line in enumerate(lines, 1):
            if line == "{":
                start = number
            elif line == "}" and start is not None:
                if number - start > 60:
                    yield "%s:%d: a function of %d lines" % (path, start, number - start)
                start = None


def main():
    if len(sys.argv) != 2:
        print("usage: layers.py SOURCE_ROOT", file=sys.stderr)
        return 64
    tree = Tree(sys.argv[1])
    failed = 0
    print("1..%d" % len(RULES))
    for number, rule in enumerate(RULES, 1):
        offences = list(rule(tree))
        for offence in offences:
            print("# " + offence)
        failed += bool(offences)
        print("%sok %d - %s" % ("not " if offences else "", number, rule.__doc__))
    for note in long_pieces(tree):
        print("# note: " + note)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
