#!/usr/bin/env bash
# JetStream's disk use and the server's memory while the jobs of 10,000 slides go through a real server
# that flushes every write. Flushing is most of it: on a memory disk, which this takes where there is one, two
# minutes, on a real one a quarter of an hour; what lies on the disk is the same.
#
#   scripts/bench-queue.sh [SLIDES]      DISK=/var/tmp scripts/bench-queue.sh: on that disk
set -euo pipefail
cd "$(dirname "$0")/.."
disk=${DISK:-/dev/shm}
[ -w "$disk" ] || disk=${TMPDIR:-/tmp}
work=$(mktemp -d "$disk/slidemill-queue-XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "on $disk ($(stat -f -c %T "$disk"))"
go run ./scripts/benchcluster --queue --dir "$work" --slides "${1:-10000}"
