#!/usr/bin/env bash
# Runs each fuzz target of fuzz/ for a short while, as many at a time as there are cores: a target uses one.
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
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
# All of them at once; what this says is shown when it fails.
echo "fuzz: building ${#targets[@]} targets"
cargo fuzz build --sanitizer none >"$log/build" 2>&1 || { tail -n 60 "$log/build" >&2; exit 1; }

# One target. What it said is shown when it failed, and xargs begins no other.
run() {
  if cargo fuzz run --sanitizer none "$1" -- -max_total_time="$seconds" -print_final_stats=1 -verbosity=0 \
    >"$log/$1" 2>&1; then
    echo "fuzz: $1, $seconds s, $(sed -n 's/^stat::number_of_executed_units: *//p' "$log/$1") inputs"
  else
    tail -n 60 "$log/$1" >&2
    echo "fuzz: $1 failed" >&2
    return 255
  fi
}
export -f run
export seconds log
printf '%s\0' "${targets[@]}" | xargs -0 -n 1 -P "$(nproc)" bash -c 'run "$1"' run
