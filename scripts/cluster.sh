#!/usr/bin/env bash
# A whole site as plain processes: the topology of docker-compose.yml with real servers (nats-server,
# versitygw), where no container engine runs. Everything listens on loopback, passwords are generated.
#
#   scripts/cluster.sh start [--dir DIR] [--workers N] [--tls]
#   eval "$(scripts/cluster.sh env)"
#   slidemill run --nats "$SLIDEMILL_NATS" --store "$SLIDEMILL_STORE" SLIDE
#   scripts/cluster.sh status | logs [NAME] | kill NAME | restart NAME | stop
#
# VERSITYGW=PATH uses versitygw's own program: go install github.com/versity/versitygw/cmd/versitygw@v1.8.0
# takes minutes; without it, the same server is built as scripts/s3server.
set -euo pipefail
cd "$(dirname "$0")/.."
exec go run ./scripts/cluster "$@"
