#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants one offence after the other in a small tree and sees layers.py catch each of them."""
import importlib.util
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SPEC = importlib.util.spec_from_file_location("layers", os.path.join(HERE, "layers.py"))
layers = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(layers)

LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */\n"
HOME = "/" + "root" + "/x"  # put together here, so that this file passes its own rule

GOOD = {
    "include/hubdrain/slice.h": LICENCE + "#include <stddef.h>\n",
    "include/hubdrain/queue.h": LICENCE + '#include "hubdrain/slice.h"\n',
    "include/hubdrain/decode.h": LICENCE,
    "include/hubdrain/output.h": LICENCE,
    "src/base/queue.c": LICENCE + '#include "hubdrain/queue.h"\n#include <stdio.h>\n',
    "src/decode/json.h": LICENCE,
    "src/decode/json.c": LICENCE + '#include "json.h"\n#include "hubdrain/decode.h"\n',
    "src/hub/link.c": LICENCE + "#include <proton/link.h>\n",
    "src/main.c": LICENCE + '#include "config.h"\n',
    "tests/test.h": LICENCE,
    "tests/unit/decode/test-json.c": LICENCE + '#include "src/decode/json.h"\n#include "test.h"\n',
}

# (rule, path, text): written over the good tree, the rule must object; the others are not asked.
PLANTED = [
    ("rule_placed", "src/novel/x.c", LICENCE),
    ("rule_placed", "include/hubdrain/novel.h", LICENCE),
    ("rule_contracts", "src/base/queue.c", LICENCE + '#include "hubdrain/decode.h"\n'),
    ("rule_contracts", "src/decode/json.c", LICENCE + '#  include "hubdrain/output.h"\n'),
    ("rule_contracts", "include/hubdrain/slice.h", LICENCE + '#include "hubdrain/decode.h"\n'),
    ("rule_contracts", "src/decode/json.c", LICENCE + "#include <hubdrain/output.h>\n"),
    ("rule_contracts", "emulator/server.c", LICENCE + '#include "hubdrain/decode.h"\n'),
    ("rule_private", "src/hub/link.c", LICENCE + '#include "../decode/json.h"\n'),
    ("rule_private", "src/hub/link.c", LICENCE + '#include "src/decode/json.h"\n'),
    ("rule_private", "tests/unit/hub/test-link.c", LICENCE + '#include "src/decode/json.h"\n'),
    ("rule_private", "include/hubdrain/decode.h", LICENCE + '#include "src/decode/json.h"\n'),
    ("rule_private", "src/decode/json.c", LICENCE + '#include "nowhere.h"\n'),
    ("rule_libraries", "src/decode/json.c", LICENCE + "#include <proton/link.h>\n"),
    ("rule_libraries", "src/base/queue.c", LICENCE + "#include <uv.h>\n"),
    ("rule_libraries", "src/base/queue.c", LICENCE + "#include <strange/thing.h>\n"),
    ("rule_spdx", "src/decode/json.c", "int x;\n"),
    ("rule_spdx", "scripts/helper", "#!/bin/sh\nexit 0\n"),
    ("rule_paths", "docs/notes.md", "see " + HOME + " for it\n"),
    ("rule_whitespace", "src/decode/json.c", LICENCE + "\tint x;\n"),
    ("rule_whitespace", "src/decode/json.c", LICENCE + "int x; \n"),
    ("rule_whitespace", "src/decode/json.c", LICENCE + "int x;"),
    ("rule_lock_files", "tests/integration/sdk/package-lock.json", '{"resolved": "https://x"}\n'),
]


def offences(rule, files):
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as file:
                file.write(text)
        return list(rule(layers.Tree(root)))


def upward_table():
    saved = layers.MODULES["base"]["uses"]
    layers.MODULES["base"]["uses"] = "cli"
    try:
        return list(layers.rule_tables(None))
    finally:
        layers.MODULES["base"]["uses"] = saved


def main():
    results = [("%s passes the good tree" % rule.__name__, not offences(rule, GOOD))
               for rule in layers.RULES]
    results += [("%s catches %s in %s" % (name, repr(text.replace(LICENCE, "")), path),
                 bool(offences(getattr(layers, name), dict(GOOD, **{path: text}))))
                for name, path, text in PLANTED]
    results.append(("rule_tables catches a row that points upwards", bool(upward_table())))
    print("1..%d" % len(results))
    for number, (name, good) in enumerate(results, 1):
        print("%sok %d - %s" % ("" if good else "not ", number, name.replace("#", "")))
    return 0 if all(good for _, good in results) else 1


if __name__ == "__main__":
    sys.exit(main())
