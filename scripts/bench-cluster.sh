#!/usr/bin/env bash
# What distributing costs, on real servers: regions per second with one and with two single-core workers
# (taskset), beside what two bare networks gain on the same cores; processor time by process, milliseconds of waiting per region.
# Servers, tiler and stitcher run on the first worker's core, with one worker and with two: a second worker brings its core.
#
#   scripts/bench-cluster.sh [--size 12000x10000]
#   scripts/bench-cluster.sh --size 32000x32000          a gigapixel, for a quiet machine
#   scripts/bench-cluster.sh --night 3                   three slides, as in a night: the end of one, where one worker
#                                                        waits for the other, counts less
#   scripts/bench-cluster.sh --rounds 3                  medians of three, for a machine with neighbours
#   scripts/bench-cluster.sh --warm                      of workers that have been at it for a while, without a tiler
#   scripts/bench-cluster.sh --quota 0.5                 workers on half a core each, so that S3, tiler and stitcher
#                                                        do not take the first one's time; as root
set -euo pipefail
cd "$(dirname "$0")/.."
exec go run ./scripts/benchcluster "$@"
