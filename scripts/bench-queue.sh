#!/usr/bin/env bash
# JetStream's disk use and the server's memory while the jobs of 10,000 slides go through a real server
# that flushes every write.
#
#   scripts/bench-queue.sh [SLIDES]
set -euo pipefail
cd "$(dirname "$0")/.."
exec go run ./scripts/benchcluster --queue --slides "${1:-10000}"
