#!/usr/bin/env bash
# A thousand routine slides wait and are being worked on; a stat slide comes. How long until a worker has
# its first region in hand? At most 5 s plus one region. Another case of the same priority as the thousand
# must not wait for them either.
#
#   scripts/check-priority.sh [SLIDES]     default: 1000 that wait
set -euo pipefail
cd "$(dirname "$0")/.."
total=${1:-1000}
port=${PORT:-18391}
work=$(mktemp -d)
serve=
trap '[ -z "$serve" ] || kill "$serve" 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
go build -o "$work/slidemill" ./cmd/slidemill
mill=$work/slidemill
draw() { "$mill" synth --out "$work/$1.tiff" --size "$2" --seed "$3" 2>/dev/null; }
draw base 1200x900 1
draw stat 1200x900 2
draw other 1200x900 3
mkdir "$work/scans"
for ((i = 0; i < total; i++)); do # other bytes behind the picture make another slide
  cp "$work/base.tiff" "$work/scans/$i.tiff" && printf '%d' "$i" >>"$work/scans/$i.tiff"
done
"$mill" submit --data "$work/data" --accession S26-LARGE "$work"/scans/*.tiff >/dev/null 2>&1
echo "$total routine slides of one case wait"

"$mill" serve --data "$work/data" --listen "127.0.0.1:$port" >"$work/log" 2>&1 &
serve=$!
metric() { curl -sf "http://127.0.0.1:$port/metrics" | awk -v m="$1" '$1 == m { print int($2) }'; }
now() { date +%s%3N; }
until [ "$(metric slidemill_regions_total || echo 0)" -ge 3 ] 2>/dev/null; do
  kill -0 "$serve" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
  sleep 0.2
done
before=$(metric slidemill_regions_total); began=$(now)
until [ "$(metric slidemill_regions_total)" -ge $((before + 4)) ]; do sleep 0.05; done
workers=$(nproc)
region=$((($(now) - began) * workers / 4))
echo "a region takes about $region ms here, with $workers workers"

# Waits until a worker has a region of the priority in hand, or has done one.
await() {
  until [ "$(metric "slidemill_queue_in_hand{priority=\"$1\",stage=\"segment\"}")" -ge 1 ] ||
    [ "$(metric "slidemill_turnaround_seconds_count{priority=\"$1\"}" || echo 0)" -ge 1 ] 2>/dev/null; do
    sleep 0.02
    [ $(($(now) - began)) -lt 600000 ] || { echo "no region of the $1 slide in ten minutes" >&2; exit 1; }
  done
}
began=$(now)
"$mill" submit --data "$work/data" --accession S26-STAT --priority stat "$work/stat.tiff" >/dev/null
ordered=$(now)
await stat
took=$(($(now) - ordered))
waiting=$("$mill" status --data "$work/data" --json | grep -c '"state":"waiting"') || true
echo "stat: its first region in hand $took ms after the order ($((ordered - began)) ms to order it), while $waiting slides wait"
[ "$waiting" -gt $((total / 2)) ] || { echo "too few slides waited for this to mean anything" >&2; exit 1; }
[ "$took" -le $((5000 + region)) ] || { echo "check-priority: more than 5 s and one region ($region ms)" >&2; exit 1; }

id=$("$mill" submit --data "$work/data" --accession S26-SMALL "$work/other.tiff" | cut -d' ' -f1)
ordered=$(now)
until "$mill" status --data "$work/data" "$id" --json | grep -qE '"state":"(segment|stitch|done)"'; do sleep 0.2; done
echo "fair: a routine slide of another case is cut $(($(now) - ordered)) ms after the order"
