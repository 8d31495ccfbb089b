#!/usr/bin/env bash
# Runs each fuzz target of fuzz/ for a short while, as many at a time as there are cores: a target uses one.
#
#   scripts/fuzz.sh [TARGET...]      OUTLAST_FUZZ_SECONDS a target, 20 unless told
#
# A crash leaves its input in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"
seconds=${OUTLAST_FUZZ_SECONDS:-20}
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(sed -n 's/^name = "\(.*\)"$/\1/p' Cargo.toml | tail -n +2)
triple=$(rustc -vV | sed -n 's/^host: //p')
# What libFuzzer needs of the compiler, and what makes it quick: one codegen unit, or nothing is inlined between crates. The
# flags are those of `cargo fuzz run --sanitizer none`, whose own building would take longer than these targets.
flags=(-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
  -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares
  -Cllvm-args=-sanitizer-coverage-stack-depth -Cllvm-args=-simplifycfg-branch-fold-threshold=0
  --cfg fuzzing -Cdebug-assertions -Ccodegen-units=1)
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
# All of them at once; what this says is shown when it fails. With the target named, build scripts are built without the flags.
echo "fuzz: building ${#targets[@]} targets"
RUSTFLAGS="${flags[*]}" cargo build --release --locked --bins --target "$triple" >"$log/build" 2>&1 \
  || { tail -n 60 "$log/build" >&2; exit 1; }

# One target. What it said is shown when it failed, and xargs begins no other.
run() {
  mkdir -p "corpus/$1" "artifacts/$1"
  if RUST_BACKTRACE=1 "target/$triple/release/$1" "-artifact_prefix=artifacts/$1/" -max_total_time="$seconds" \
    -print_final_stats=1 -verbosity=0 "corpus/$1" >"$log/$1" 2>&1; then
    echo "fuzz: $1, $seconds s, $(sed -n 's/^stat::number_of_executed_units: *//p' "$log/$1") inputs"
  else
    tail -n 60 "$log/$1" >&2
    echo "fuzz: $1 failed" >&2
    return 255
  fi
}
export -f run
export seconds log triple
printf '%s\0' "${targets[@]}" | xargs -0 -n 1 -P "$(nproc)" bash -c 'run "$1"' run
