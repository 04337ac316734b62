#!/usr/bin/env bash
# Generated files are what the generator writes now.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
go run ./internal/gen/docs -out "$tmp"
for f in "$tmp"/*; do
	diff -u "docs/$(basename "$f")" "$f" || { echo "docs/$(basename "$f") is not up to date: make gen" >&2; exit 1; }
done
