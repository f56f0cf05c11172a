#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Style as tools see it, in TAP: clang-format, shellcheck, and systemd's score of the unit. A tool
# that is not there skips its case.
set -uo pipefail
cd "$1" || exit 1

n=0
echo 1..3

# result STATUS NAME OUTPUT
result() {
    n=$((n + 1))
    if [ "$1" = 0 ]; then
        echo "ok $n - $2"
    else
        # shellcheck disable=SC2001 # every line, not the first
        sed 's/^/# /' <<<"$3"
        echo "not ok $n - $2"
    fi
}

skip() {
    n=$((n + 1))
    echo "ok $n - $1 # SKIP $2"
}

files() {
    find . \( -name .git -o -name node_modules -o -name __pycache__ -o -path './build*' \) -prune \
        -o -type f "$@" -print | sort
}

# The layout differs between major versions, and Debian 12 has 14.
check_format() {
    local name="C files are as clang-format 14 leaves them" tool output
    for tool in clang-format-14 clang-format; do
        if "$tool" --version 2>/dev/null | grep -q 'version 14\.'; then
            output=$(files -name '*.[ch]' | xargs "$tool" --dry-run -Werror 2>&1 |
                grep -E 'error|warning')
            result "$([ -z "$output" ] && echo 0 || echo 1)" "$name" "$output"
            return
        fi
    done
    skip "$name" "no clang-format 14"
}

check_scripts() {
    local name="shellcheck finds nothing in the shell scripts" output
    if ! command -v shellcheck >/dev/null; then
        skip "$name" "no shellcheck"
        return
    fi
    output=$(files | xargs grep -lE '^#!.*\b(ba)?sh$|^# shellcheck shell=' | xargs shellcheck -x 2>&1)
    result $? "$name" "$output"
}

# 15 means an exposure of 1.5; what ships elsewhere has 2 to 9.
check_unit() {
    local name="systemd rates the unit's exposure at most 1.5" output
    if ! command -v systemd-analyze >/dev/null; then
        skip "$name" "no systemd-analyze"
        return
    fi
    output=$(systemd-analyze security --offline=true --threshold=15 --no-pager \
        systemd/hubdrain.service 2>&1)
    result $? "$name" "$output"
}

check_format
check_scripts
check_unit
[ "$n" = 3 ]
