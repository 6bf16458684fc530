#!/usr/bin/env bash
# Kills a run with -9 after 30, 60 and 90 % of its regions and starts it again. The result must be the
# same bytes as undisturbed, and regions that were finished must not be computed again.
#
#   scripts/check-resume.sh [SLIDE]     default: a synthetic slide
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/slidemill" ./cmd/slidemill

slide=${1:-$work/slide.tiff}
[ -e "$slide" ] || "$work/slidemill" synth --out "$slide" --size 6000x5000 --seed 11 2>/dev/null
run() { "$work/slidemill" run --region 256 --data "$1" --json "$slide" 2>/dev/null; }
regions() { find "$1/store" -path '*/regions/*.smr' -printf '%f %T@\n' 2>/dev/null | sort; }
# Everything but what holds seconds and times of day.
sums() { (cd "$1/store" && find . -type f ! -name report.json ! -name report.html ! -name run.json ! -path './orders/*' -print0 | sort -z | xargs -0 sha256sum); }

run "$work/whole" >"$work/whole.json"
total=$(regions "$work/whole" | wc -l)
sums "$work/whole" >"$work/whole.sums"
echo "undisturbed: $total regions, $(wc -l <"$work/whole.sums") objects"

for percent in 30 60 90; do
  data=$work/killed-$percent
  setsid "$work/slidemill" run --region 256 --data "$data" "$slide" >/dev/null 2>&1 &
  pid=$!
  while [ "$(regions "$data" | wc -l)" -lt $((total * percent / 100)) ] && kill -0 $pid 2>/dev/null; do sleep 0.02; done
  kill -9 $pid 2>/dev/null || { echo "the run was over before it could be killed" >&2; exit 1; }
  wait $pid 2>/dev/null || true
  regions "$data" >"$work/before"
  run "$data" >"$work/again.json"
  regions "$data" >"$work/after"
  again=$(comm -23 "$work/before" "$work/after" | wc -l)
  sums "$data" >"$work/again.sums"
  if ! diff -q "$work/whole.sums" "$work/again.sums" >/dev/null; then
    echo "killed at $percent %: other bytes" >&2
    diff "$work/whole.sums" "$work/again.sums" | head >&2
    exit 1
  fi
  [ "$again" = 0 ] || { echo "killed at $percent %: $again finished regions were computed again" >&2; exit 1; }
  echo "killed -9 with $(wc -l <"$work/before") of $total regions done: same bytes, 0 regions computed again"
done
