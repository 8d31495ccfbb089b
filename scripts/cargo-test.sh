#!/usr/bin/env bash
# Every test of the workspace: cargo-nextest where it is installed, cargo's own runner where it is not.
#
#   scripts/cargo-test.sh [ARGUMENT...]     arguments go to the runner
set -euo pipefail
cd "$(dirname "$0")/.."
# Tests that need PostgreSQL or a foreign client fail rather than skip when those are missing.
export OUTLAST_TEST_ALL=1
# The documentation's examples first: there are few, and the last lines should be those of the tests.
[ $# -gt 0 ] || cargo test --workspace --locked --doc --quiet
if cargo nextest --version >/dev/null 2>&1; then
  # See .config/nextest.toml.
  export NEXTEST_TEST_THREADS=${NEXTEST_TEST_THREADS:-$((2 * $(nproc)))}
  # Examples are built by the lints; here they would be linked for nothing.
  cargo nextest run --workspace --locked --lib --bins --tests "$@"
else
  cargo test --workspace --locked --no-fail-fast --lib --bins --tests "$@"
fi
