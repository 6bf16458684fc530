#!/usr/bin/env bash
# Fills the disk of the S3 server, then that of NATS, while slides are worked on: somebody must say so,
# nothing may be torn or lost, and all must go on when there is room. Needs root, for disks of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
exec go run ./scripts/chaos --full
