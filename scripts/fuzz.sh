#!/usr/bin/env bash
# Runs each fuzz target of fuzz/ for a short while.
#
#   scripts/fuzz.sh [TARGET...]      OUTLAST_FUZZ_SECONDS a target, 20 unless told
#
# libFuzzer's instrumentation is a nightly flag; RUSTC_BOOTSTRAP lets the stable compiler take it, so that no second
# toolchain is needed. A crash leaves its input in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"
seconds=${OUTLAST_FUZZ_SECONDS:-20}
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(sed -n 's/^name = "\(.*\)"$/\1/p' Cargo.toml | tail -n +2)
if ! cargo fuzz --version >/dev/null 2>&1; then
  echo "fuzz: building cargo-fuzz"
  cargo install --quiet --locked --debug cargo-fuzz
fi
# Without a backtrace of cargo-fuzz itself, what failed stands in the last lines.
export RUSTC_BOOTSTRAP=1 RUST_BACKTRACE=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for target in "${targets[@]}"; do
  echo "fuzz: $target, $seconds s"
  status=0
  cargo fuzz run --sanitizer none "$target" -- -max_total_time="$seconds" -print_final_stats=1 -verbosity=0 \
    >"$log" 2>&1 || status=$?
  if [ "$status" -ne 0 ]; then
    tail -n 60 "$log" >&2
    echo "fuzz: $target failed" >&2
    exit 1
  fi
  grep 'stat::number_of_executed_units' "$log" || true
done
