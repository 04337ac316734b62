#!/usr/bin/env bash
# Ours, the Java broker and a server that does nothing, in one run on this machine: bench.sh [flags of ./bench]
set -euo pipefail
cd "$(dirname "$0")/.."
go build -o bin/noop ./bench/noop
mvn -q -B -f compat-tests/java/pom.xml -pl server process-classes
exec go run ./bench -skylark bin/skylark -noop bin/noop -java compat-tests/java/server/target/lib -out docs/benchmarks.md "$@"
