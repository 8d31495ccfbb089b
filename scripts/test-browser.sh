#!/usr/bin/env bash
# The browser's tests (tests/browser): a site of this tree, Debian's Chromium, every page looked at as a person would.
#
#   scripts/test-browser.sh [WORD...]     only the files whose names hold a WORD
#
# Pictures of every page are left in target/screenshots. OUTLAST_BINARY is tested instead of a new build when it is set;
# CHROMIUM is the browser. OUTLAST_BROWSER_KEEP keeps the site's directory.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-$PWD/target}
if [ -z "${OUTLAST_BINARY:-}" ]; then
  cargo build --quiet --locked --bin outlast
  OUTLAST_BINARY=$target/debug/outlast
fi
CHROMIUM=${CHROMIUM:-$(command -v chromium)} || { echo "test-browser: no chromium; run scripts/deps.sh" >&2; exit 1; }

# Beside a copy of the tests, so that nothing is written into the source tree. Installed again only when the list changes.
place=${OUTLAST_TEST_BROWSER_DIR:-$target/test-browser}
mkdir -p "$place"
wanted=$(cat tests/browser/package.json tests/browser/package-lock.json | sha256sum | cut -d' ' -f1)
if [ ! -d "$place/node_modules" ] || [ "$(cat "$place/stamp" 2>/dev/null)" != "$wanted" ]; then
  echo "test-browser: installing the npm packages of tests/browser"
  cp tests/browser/package.json tests/browser/package-lock.json "$place/"
  (cd "$place" && npm ci --silent --no-audit --no-fund --ignore-scripts)
  echo "$wanted" >"$place/stamp"
fi
OUTLAST_NODE_MODULES=$place/node_modules
OUTLAST_SCREENSHOTS=${OUTLAST_SCREENSHOTS:-$target/screenshots}
# The site's fonts are the system's; these are the ones that every picture is taken with.
FONTCONFIG_FILE=$PWD/tests/browser/fonts.conf
export OUTLAST_BINARY CHROMIUM OUTLAST_NODE_MODULES OUTLAST_SCREENSHOTS FONTCONFIG_FILE
exec node tests/browser/run.mjs "$@"
