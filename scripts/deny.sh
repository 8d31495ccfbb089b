#!/usr/bin/env bash
# Checks what the dependencies may be (deny.toml): licences, sources, crates we don't want, and known holes where the
# database of advisories can be reached.
#
# Takes the cargo-deny on PATH, else builds one into target/tools (two minutes, once).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=0.20.2
tools=$PWD/target/tools

if command -v cargo-deny >/dev/null 2>&1; then
  deny=cargo-deny
else
  deny=$tools/bin/cargo-deny
  if [ ! -x "$deny" ]; then
    echo "deny.sh: building cargo-deny $version" >&2
    cargo install --quiet --locked --debug --no-default-features --root "$tools" --target-dir "$tools/build" "cargo-deny@$version"
    rm -rf "$tools/build"
  fi
fi

"$deny" --log-level error check --hide-inclusion-graph licenses bans sources
# Without a network a missing database is no finding.
if "$deny" --log-level error fetch db >/dev/null 2>&1; then
  "$deny" --log-level error check --hide-inclusion-graph advisories
else
  echo "deny.sh: the database of advisories can't be reached; known holes were not looked for" >&2
fi
