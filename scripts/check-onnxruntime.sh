#!/usr/bin/env bash
# Compares the engine on ONNX Runtime with Gorgonia: same networks, random images, even and odd sizes, at most
# 1e-4 of the outputs' range apart; then the masks of a slide by both engines.
#
#   scripts/check-onnxruntime.sh
#
# SLIDEMILL_ONNXRUNTIME names the library; without it the CPU runtime of the npm package onnxruntime-node 1.30.0
# is used and kept in PEERS_CACHE (default: ~/.cache/slidemill-peers).
set -euo pipefail
cd "$(dirname "$0")/.."

cache=${PEERS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/slidemill-peers}
if [ -z "${SLIDEMILL_ONNXRUNTIME:-}" ]; then
  if [ ! -d "$cache/node_modules/onnxruntime-node" ]; then
    command -v npm >/dev/null || { echo "check-onnxruntime: install Node.js with npm, or set SLIDEMILL_ONNXRUNTIME" >&2; exit 1; }
    mkdir -p "$cache"
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$cache" onnxruntime-node@1.30.0
  fi
  SLIDEMILL_ONNXRUNTIME=$(ls "$cache"/node_modules/onnxruntime-node/bin/napi-v*/"$(go env GOOS)/$(go env GOARCH | sed s/amd64/x64/)"/libonnxruntime.* | head -1)
fi
export SLIDEMILL_ONNXRUNTIME

go test -count=1 -v -run 'Gorgonia|SameFile|Concurrent|Stops|LetGo|Complaints' ./pkg/segment/ort | grep -v '^=== '

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/slidemill" ./cmd/slidemill
"$work/slidemill" synth --out "$work/slide.tiff" --size 3000x2000 --seed 3 2>/dev/null
for engine in gorgonia onnxruntime; do
  "$work/slidemill" run --engine $engine --region 512 --data "$work/$engine" --json "$work/slide.tiff" 2>/dev/null >"$work/$engine.json"
  grep -o '"run":{"id":"[^"]*"\|"engine":"[^"]*"\|"carcinoma_mm2":[^,]*\|"sha256":{"mask[^}]*}' "$work/$engine.json" | sort -u
done
area() { grep -o '"carcinoma_mm2":[^,]*' "$work/$1.json" | cut -d: -f2; }
awk -v a="$(area gorgonia)" -v b="$(area onnxruntime)" 'BEGIN { d = a - b; if (d < 0) d = -d; if (!(a > 0) || d > 0.001 * a) { print "the masks differ: " a " and " b " mm²" > "/dev/stderr"; exit 1 } }'
