#!/usr/bin/env bash
# Runs a command with the foreign Git clients of the tests at hand.
#
#   scripts/test-venv.sh COMMAND [ARGUMENT...]
#
# OUTLAST_TEST_PYTHON is a Python that has tests/requirements.txt; OUTLAST_TEST_NODE_CLIENTS is a copy of tests/clients
# with the npm packages of its lock file. Both live under target/ and are made again only when their lists change.
set -euo pipefail
[ $# -gt 0 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }

root=$(cd "$(dirname "$0")/.." && pwd)
place=${OUTLAST_TEST_CLIENTS_DIR:-$root/target/test-clients}
mkdir -p "$place"

# up_to_date STAMP FILE...: whether STAMP holds the hash of the FILEs
hash_of() { cat "$@" | sha256sum | cut -d' ' -f1; }
up_to_date() { [ -f "$1" ] && [ "$(cat "$1")" = "$(hash_of "${@:2}")" ]; }

python=$place/venv/bin/python
wanted=$root/tests/requirements.txt
if ! up_to_date "$place/venv.stamp" "$wanted" || ! "$python" -c '' 2>/dev/null; then
  echo "test-venv: installing $(grep -c '^[a-z]' "$wanted") Python packages"
  rm -rf "$place/venv"
  python3 -m venv "$place/venv"
  "$python" -m pip install --quiet --disable-pip-version-check --no-deps --ignore-requires-python -r "$wanted"
  hash_of "$wanted" >"$place/venv.stamp"
fi

node=$place/node
lists=("$root/tests/clients/package.json" "$root/tests/clients/package-lock.json")
mkdir -p "$node"
if ! up_to_date "$place/node.stamp" "${lists[@]}" || [ ! -d "$node/node_modules" ]; then
  echo "test-venv: installing the npm packages of tests/clients"
  cp "${lists[@]}" "$node/"
  (cd "$node" && npm ci --silent --no-audit --no-fund --ignore-scripts)
  hash_of "${lists[@]}" >"$place/node.stamp"
fi
cp "$root"/tests/clients/*.mjs "$node/"

export OUTLAST_TEST_PYTHON=$python OUTLAST_TEST_NODE_CLIENTS=$node OUTLAST_TEST_NODE_MODULES=$node/node_modules
exec "$@"
