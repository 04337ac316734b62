#!/usr/bin/env bash
# Ours, the Java broker and a server that does nothing, in one run on this machine: bench.sh [flags of ./bench]
# Writes docs/benchmarks.md (tables, below its mark), docs/benchmarks.svg, and bench-results.jsonl as it goes.
set -euo pipefail
cd "$(dirname "$0")/.."
go build -o bin/noop ./bench/noop
go build -o bin/bench ./bench
lib=compat-tests/java/server/target/lib
mvn -q -B -f compat-tests/java/pom.xml -pl server process-classes
exec bin/bench -skylark bin/skylark -noop bin/noop -java "$lib" -client "$lib" -version "$(bin/skylark version 2>/dev/null | head -1)" \
	-out docs/benchmarks.md -plot docs/benchmarks.svg "$@"
