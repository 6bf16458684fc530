#!/usr/bin/env bash
# Cuts a segmenting worker off from NATS for a minute in the middle of its work: no lost job, no duplicate
# result. With the right to it, by a network namespace whose cable is pulled; else by a proxy that swallows
# packets. It says which.
#
#   scripts/check-partition.sh [DURATION]     default: 60s
set -euo pipefail
cd "$(dirname "$0")/.."
exec go run ./scripts/chaos --partition "${1:-60s}"
