#!/usr/bin/env bash
# Kills processes of a real site (nats-server, versitygw, serve, four workers) with signal 9 at random
# moments, spoils answers of the store (500, 503, reset, truncated, stall, lost), and proves after each
# round that no mask, region or job shows it. Prints rounds, kills by process, faults by kind, seconds.
#
#   scripts/chaos.sh [--seed N] [--stall 30s] [--slides 3] [ROUNDS]     default: 50 rounds
set -euo pipefail
cd "$(dirname "$0")/.."
exec go run ./scripts/chaos "$@"
