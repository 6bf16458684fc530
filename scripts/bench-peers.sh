#!/usr/bin/env bash
# Compares Slidemill's networks with ONNX Runtime (npm package onnxruntime-node 1.30.0) on the same ONNX files.
#
#   scripts/bench-peers.sh            times, in turn A B A B, on 1 and on 2 threads: the ratio is what counts
#   scripts/bench-peers.sh --ours     what needs no peer but Gorgonia: the ratio to stock operators on the same
#                                     graph, a training step by its forward pass, two workers against two threads
#   scripts/bench-peers.sh --all      both
#   scripts/bench-peers.sh --check    results, on random and on real images: some 1100 small cases and
#                                     the models that are timed
#   scripts/bench-peers.sh --record   makes pkg/segment/onnx/testdata/conformance.zip anew
#
# Of the times, "best" is the ratio of the shortest runs and "cpu" that of processor time, which other work
# on the machine disturbs least; arena is the memory of a network's activations, allocs what a steady run
# allocates in our operators.
#
# THREADS="1 2" and ROUNDS=9 choose what is timed, REGION=2048 the side of the region that workers share;
# PEERS_CACHE (default: ~/.cache/slidemill-peers) keeps the runtime and the models; SLIDEMILL_DATA (default:
# ../shared/data) holds real images, if there are any.
# Needs Node.js with npm, and Debian's python3-torch and python3-onnx, which it installs if it may.
set -euo pipefail
cd "$(dirname "$0")/.."

cache=${PEERS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/slidemill-peers}
data=${SLIDEMILL_DATA:-../shared/data}
python=${PYTHON:-/usr/bin/python3}
mkdir -p "$cache"

# ours prints what needs no other runtime, each pair in turn and in one process or one after the other.
ours() {
  echo "== U-Net, base 16, 128×128, one thread: stock Gorgonia operators by ours"
  go test -run '^$' -bench AgainstStock -benchtime 5x ./pkg/segment/nn | grep ^Benchmark
  echo "== training step, U-Net, base 16, 224×224, batch 8: time of an image, and step by forward pass (at most 4)"
  go test -run '^$' -bench TrainingStep -benchtime 5x ./pkg/segment/nn | grep ^Benchmark
  echo "== built-in model, region of ${REGION:-2048}, convolutions as on slides: two workers against two threads"
  CGO_ENABLED=0 go build -o "$cache/slidemill" ./cmd/slidemill
  for _ in 1 2; do
    "$cache/slidemill" model bench --regions --size "${REGION:-2048}x${REGION:-2048}" --workers 2 --threads 1
    "$cache/slidemill" model bench --regions --size "${REGION:-2048}x${REGION:-2048}" --workers 1 --threads 2
  done
}

case ${1:-} in
  "" | --all | --check | --record) ;;
  --ours) ours; exit ;;
  *) sed -n '2,24p' "$0" >&2; exit 2 ;;
esac

for tool in node npm go "$python"; do
  command -v "$tool" >/dev/null || { echo "bench-peers: $tool is missing: install Node.js, npm, Go and Python 3" >&2; exit 1; }
done
if ! "$python" -c 'import torch, onnx' 2>/dev/null; then
  apt-get install -q -y --no-install-recommends python3-torch python3-onnx ||
    { echo "bench-peers: install python3-torch and python3-onnx (Debian) first" >&2; exit 1; }
fi
if [ ! -d "$cache/node_modules/onnxruntime-node" ]; then
  # Without its install script, which would fetch GPU libraries; the CPU runtime is in the package.
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$cache" onnxruntime-node@1.30.0
fi

# The models are made once per version of the scripts that make them.
stamp=$(cat scripts/onnx/*.py | sha256sum | cut -c1-16)
models=$cache/models-$stamp
if [ ! -d "$models" ]; then
  rm -rf "$models.part"
  for kind in speed exports ops; do
    PYTHONDONTWRITEBYTECODE=1 "$python" scripts/onnx/models.py "$kind" "$models.part/$kind" 2>"$cache/$kind.log" ||
      { tail -20 "$cache/$kind.log" >&2; exit 1; }
  done
  mv "$models.part" "$models"
fi

peers=$cache/peers
CGO_ENABLED=0 go build -o "$peers" ./scripts/onnx/peers
mode=${1:-}
set -- "$peers" -node "$cache" -script scripts/onnx/ort.mjs
case $mode in
  --check)
    "$@" check "$models/ops" "$models/exports"
    "$@" -threads 2 -images "$data" -v check "$models/speed"
    PEERS_CACHE=$cache scripts/check-onnxruntime.sh # the engine on ONNX Runtime
    ;;
  --record) "$@" record pkg/segment/onnx/testdata/conformance.zip "$models/ops" "$models/exports" ;;
  *)
    for threads in ${THREADS:-1 2}; do
      "$@" -threads "$threads" -rounds "${ROUNDS:-9}" time "$models/speed"
    done
    if [ "$mode" = --all ]; then ours; fi
    ;;
esac
