#!/usr/bin/env bash
# The real binary within its bounds, and no slower than that of the commit before: guard.sh
# The commit before is HEAD when the working tree differs from it, else where the branch left main, else HEAD~1.
set -euo pipefail
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
trap 'git worktree remove --force "$tmp/tree" >/dev/null 2>&1 || true; rm -rf "$tmp"' EXIT

before() {
	git rev-parse --verify -q HEAD >/dev/null 2>&1 || return 1
	if ! git diff --quiet HEAD -- '*.go' go.mod; then
		echo HEAD
		return
	fi
	local fork
	fork=$(git merge-base HEAD main 2>/dev/null || true)
	if [ -n "$fork" ] && [ "$fork" != "$(git rev-parse HEAD)" ]; then
		echo "$fork"
		return
	fi
	git rev-parse --verify -q 'HEAD~1^{commit}' 2>/dev/null
}

# Neither version nor paths may differ, or equal sources would make different binaries.
plain() { (cd "$1" && CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w" -o "$2" ./cmd/skylark); }

export SKYLARK_BIN=$tmp/now SKYLARK_BEFORE_BIN=
plain . "$tmp/now"
if ! base=$(before); then
	echo "== guard: NOT COMPARED with the commit before: there is no git history here (a shallow clone, or no repository)"
elif ! git worktree add -q --detach "$tmp/tree" "$base" || ! plain "$tmp/tree" "$tmp/before"; then
	echo "== guard: NOT COMPARED with the commit before: $base does not build here"
elif cmp -s "$tmp/now" "$tmp/before"; then
	echo "== guard: the binary is that of $base: nothing to compare"
else
	echo "== guard: compared with $base"
	SKYLARK_BEFORE_BIN=$tmp/before
fi
go test -count=1 -timeout 10m -v ./test/guard/
