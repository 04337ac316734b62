#!/usr/bin/env bash
# Crashes: crash.sh ROUNDS. First the store on a disk in memory that loses what was never synced, then the real binary: kill -9, and power
# cuts of a loop-mounted ext4. What this machine cannot do is skipped, and said at the end.
# Every test prints its SKYLARK_CRASH_SEED; set it to have the same decisions again.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-20}
export SKYLARK_CRASH_ROUNDS=$rounds SKYLARK_CUT_ROUNDS=${SKYLARK_CUT_ROUNDS:-$(((rounds + 4) / 5))}
# Only root mounts and traces; without these tools the tests of disks say that they were skipped.
if [ "$(id -u)" = 0 ]; then scripts/need.sh disk || true; fi
said=$(mktemp)
trap 'rm -f "$said"' EXIT
echo "== crash: a disk in memory that loses what was not synced, $rounds seeds a test"
go test -count=1 -timeout 60m -run 'PowerCuts|Kills|TornTail' ./store
echo "== crash: $((rounds * 50)) flipped bits in files of the store, $((rounds * 10)) in state files"
SKYLARK_FLIPS=$((rounds * 50)) go test -count=1 -timeout 60m -run BitFlips ./store
SKYLARK_FLIPS=$((rounds * 10)) go test -count=1 -timeout 60m -run StateFlips ./broker
echo "== crash: kill -9 under load, $rounds rounds; power cuts of a loop file system, $SKYLARK_CUT_ROUNDS with each flush mode; disks that stall, freeze and fail"
SKYLARK_BIN=$PWD/bin/skylark go test -count=1 -timeout 90m -v ./test/crash | tee "$said"
grep SKIPPED "$said" || true
