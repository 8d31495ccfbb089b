#!/usr/bin/env bash
# Runs a command with the Git clients and libraries of other makers that the tests use, in the versions that
# tests/requirements.txt and tests/clients/package-lock.json name. They are installed under target/, once for each
# content of those files. The command finds them in OUTLAST_TEST_PYTHON (an interpreter) and
# OUTLAST_TEST_NODE_MODULES (a folder).
set -euo pipefail

if [ $# -eq 0 ]; then
  echo "usage: scripts/with-clients.sh COMMAND..." >&2
  exit 2
fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
mkdir -p "$target"
target=$(cd "$target" && pwd)
requirements=$root/tests/requirements.txt
clients=$root/tests/clients
venv=$target/venv
node=$target/node-clients

# Debian's own Python where there is one: what a version manager puts on PATH may go away under the venv.
python=/usr/bin/python3
[ -x "$python" ] || python=python3

# The stamp is copied last, so a broken installation is made anew.
if ! cmp -s "$requirements" "$venv/installed"; then
  rm -rf "$venv"
  "$python" -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input -r "$requirements" >&2
  cp "$requirements" "$venv/installed"
fi
if ! cmp -s "$clients/package-lock.json" "$node/installed"; then
  rm -rf "$node"
  mkdir -p "$node"
  cp "$clients/package.json" "$clients/package-lock.json" "$node/"
  (cd "$node" && npm ci --silent --no-audit --no-fund --ignore-scripts >&2)
  cp "$clients/package-lock.json" "$node/installed"
fi

export OUTLAST_TEST_PYTHON="$venv/bin/python"
export OUTLAST_TEST_NODE_MODULES="$node/node_modules"
"$@"
