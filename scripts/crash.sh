#!/usr/bin/env bash
# Crashes: crash.sh ROUNDS. First the store on a disk in memory that loses what was never synced, then the real binary and kill -9.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-20}
echo "== crash: power cuts on a disk in memory, $rounds seeds a test"
SKYLARK_CRASH_ROUNDS=$rounds go test -count=1 -timeout 60m -run 'Crash' ./store/...
echo "== crash: kill -9 under load, $rounds rounds"
SKYLARK_BIN=$PWD/bin/skylark SKYLARK_CRASH_ROUNDS=$rounds go test -count=1 -timeout 60m -v -run 'Kill' ./test/crash/...
