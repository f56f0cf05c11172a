# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Shared by the scripts of this folder: where things are, and a Node that is new enough.
# Sourced, never run. Sets HD_SOURCE, HD_CACHE; puts a cached Node in front of PATH.

HD_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
HD_CACHE=${HUBDRAIN_CACHE:-${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/hubdrain}
export HD_SOURCE HD_CACHE

# Microsoft's SDK and Azurite want at least this major version.
export HD_NODE_MAJOR=20

if [ -x "$HD_CACHE/node/bin/node" ]; then
    PATH=$HD_CACHE/node/bin:$PATH
fi
export PATH

hd_say() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
}

hd_die() {
    hd_say "$*"
    exit 1
}

hd_node_major() {
    local version
    version=$(node --version 2>/dev/null) || {
        echo 0
        return
    }
    version=${version#v}
    echo "${version%%.*}"
}

# Distribution packages (python3-azure) belong to the distribution's Python, not to one found
# first in PATH.
hd_python() {
    if [ -x /usr/bin/python3 ]; then
        echo /usr/bin/python3
    else
        command -v python3 || echo python3
    fi
}
