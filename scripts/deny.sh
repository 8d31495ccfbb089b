#!/usr/bin/env bash
# What the dependencies may be (deny.toml): licences, bans, sources; known holes too where the advisory database can be
# fetched. cargo-deny is built once, in a minute and a half, and kept in target/tools.
set -euo pipefail
cd "$(dirname "$0")/.."
version=0.20.2
tools=${OUTLAST_TOOLS_DIR:-$PWD/target/tools}
deny=$tools/bin/cargo-deny
if command -v cargo-deny >/dev/null 2>&1; then
  deny=$(command -v cargo-deny)
elif [ ! -x "$deny" ]; then
  echo "deny: building cargo-deny $version"
  cargo install --quiet --locked --debug --no-default-features --root "$tools" --target-dir "$tools/build" "cargo-deny@$version"
  rm -rf "$tools/build"
fi
"$deny" --log-level error check --hide-inclusion-graph bans licenses sources
if [ -n "${OUTLAST_ADVISORIES:-}" ]; then
  "$deny" check --hide-inclusion-graph advisories
else
  echo "deny: advisories not checked; OUTLAST_ADVISORIES=1 fetches their database and does"
fi
