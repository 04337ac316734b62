#!/usr/bin/env bash
# docker compose, whichever of its two forms is installed.
set -euo pipefail
if docker compose version >/dev/null 2>&1; then exec docker compose "$@"; fi
if command -v docker-compose >/dev/null; then exec docker-compose "$@"; fi
echo "neither 'docker compose' nor docker-compose is installed" >&2
exit 1
