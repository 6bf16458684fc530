#!/usr/bin/env bash
# Peak resident memory of `run` on synthetic slides of growing size: it must not follow the slide.
#
#   scripts/bench-memory.sh [SIZE…]     default: 20000x20000 40000x40000 (takes a while)
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/slidemill" ./cmd/slidemill

# peak NAME COMMAND…: runs the command and leaves its peak in $work/NAME, in kB.
peak() {
  local name=$1 most=0 now
  shift
  "$@" >"$work/out" 2>"$work/err" &
  local pid=$!
  while kill -0 $pid 2>/dev/null; do
    now=$(awk '/VmHWM/{print $2}' "/proc/$pid/status" 2>/dev/null || true)
    [ -n "$now" ] && most=$now
    sleep 0.2
  done
  wait $pid || { cat "$work/err" >&2; exit 1; }
  echo "$most" >"$work/$name"
}

sizes=("$@")
[ ${#sizes[@]} -gt 0 ] || sizes=(20000x20000 40000x40000)
first=
for size in "${sizes[@]}"; do
  start=$SECONDS
  peak synth "$work/slidemill" synth --out "$work/slide.tiff" --size "$size" --seed 2
  drawn=$SECONDS
  peak run "$work/slidemill" run --data "$work/data" --json "$work/slide.tiff"
  mb=$(($(cat "$work/run") / 1024))
  first=${first:-$mb}
  echo "$size: synth $((drawn - start)) s, peak $(($(cat "$work/synth") / 1024)) MB; run $((SECONDS - drawn)) s, peak $mb MB, $(awk "BEGIN{printf \"%.2f\", $mb/$first}") of the first"
  rm -rf "$work/data" "$work"/slide.*
done
