#!/usr/bin/env bash
# Churn: churn.sh ROUNDS. Consumers come and go, the broker is stopped and killed, while messages flow through the real binary.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-20}
echo "== churn: $rounds rounds a test"
SKYLARK_BIN=$PWD/bin/skylark SKYLARK_CHURN_ROUNDS=$rounds go test -count=1 -timeout 60m -v ./test/churn/...
