#!/usr/bin/env bash
# Trains on a handful of images twice: straight through, and killed with -9 after its first epoch and
# started again by the same command. Both must end in the same bytes.
#
#   scripts/check-training.sh [DIR]     default: EBHI-Seg of ../shared/data; minutes on two cores
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/slidemill" ./cmd/slidemill

data=${1:-${SLIDEMILL_DATA:-../shared/data}/ebhi-seg}
[ -d "$data/train" ] || { echo "no data in $data: name a folder with train and val" >&2; exit 2; }
# One image of three kinds each, for training and for validation.
for split in train val; do
  for kind in adenocarcinoma normal polyp; do
    mkdir -p "$work/data/$split/$kind/image" "$work/data/$split/$kind/mask"
    image=$(find "$data/$split/$kind/image" -type f | sort | head -1)
    name=$(basename "${image%.*}")
    cp "$image" "$work/data/$split/$kind/image/"
    cp "$data/$split/$kind/mask/$name".* "$work/data/$split/$kind/mask/"
  done
done
train() { "$work/slidemill" train --data "$work/data" --epochs 2 --out "$work/$1.onnx"; }

train straight >"$work/straight.out" 2>"$work/straight.err" || { cat "$work/straight.err" >&2; exit 1; }
grep 'per training image' "$work/straight.out"

setsid "$work/slidemill" train --data "$work/data" --epochs 2 --out "$work/killed.onnx" >/dev/null 2>&1 &
pid=$!
until [ -e "$work/killed.training/checkpoint" ] || ! kill -0 $pid 2>/dev/null; do sleep 0.02; done
kill -9 $pid 2>/dev/null || { echo "the run was over before it could be killed" >&2; exit 1; }
wait $pid 2>/dev/null || true
[ ! -e "$work/killed.onnx" ] || { echo "the killed run had written its model" >&2; exit 1; }
train killed >"$work/killed.out" 2>"$work/killed.err" || { cat "$work/killed.err" >&2; exit 1; }
grep -q 'epoch 2/2' "$work/killed.err" && ! grep -q 'epoch 1/2' "$work/killed.err" || { echo "the second start did not go on after epoch 1" >&2; exit 1; }

straight=$(sha256sum <"$work/straight.onnx" | cut -d' ' -f1)
killed=$(sha256sum <"$work/killed.onnx" | cut -d' ' -f1)
echo "straight through:             $straight"
echo "killed -9 and started again:  $killed"
[ "$straight" = "$killed" ] || { echo "other bytes" >&2; exit 1; }
echo "the same bytes"
