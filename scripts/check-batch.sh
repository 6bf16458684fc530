#!/usr/bin/env bash
# A night's batch: 200 small slides in nested folders, 10 of them bad, each in its own way. 190 must be
# done, 10 named with their reasons, the exit code 1 and the summary right; a second watch over the same
# folder must take nothing again.
#
#   scripts/check-batch.sh [SLIDES]     default: 200, of which 10 are bad
set -euo pipefail
cd "$(dirname "$0")/.."
total=${1:-200}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/slidemill" ./cmd/slidemill
mill=$work/slidemill
scans=$work/scans
mkdir -p "$scans"/{a,b/c}

echo "drawing $((total - 10)) slides"
for ((i = 1; i <= total - 10; i++)); do
  case $((i % 3)) in 0) at=$scans ;; 1) at=$scans/a ;; *) at=$scans/b/c ;; esac
  "$mill" synth --out "$at/slide-$i.tiff" --size 480x360 --seed "$i" 2>/dev/null
done
find "$scans" -name '*.mask.tiff' -delete

good=$scans/a/slide-1.tiff
size=$(stat -c %s "$good")
echo 'Not a slide at all.' >"$scans/text.svs"
: >"$scans/empty.svs"
head -c $((size / 2)) "$good" >"$scans/truncated.tiff"
head -c 300000 /dev/zero >"$scans/zeros.svs"
printf '<!doctype html><html><body>404</body></html>' >"$scans/download.svs"
printf 'II*\0\x08\0\0\0\x01\0\0\x01\x03\0\x01\0\0\0\x05\0\0\0\x08\0\0\0' >"$scans/loop.tiff"
printf 'II*\0\xff\xff\xff\x7f' >"$scans/far.tiff"
head -c 200000 /dev/urandom >"$scans/noise.ndpi"
"$mill" synth --out "$scans/a/damaged.tiff" --size 480x360 --seed 100001 2>/dev/null
rm -f "$scans/a/damaged.mask.tiff"
dd if=/dev/zero of="$scans/a/damaged.tiff" bs=1 seek=$((size / 8)) count=$((size / 4)) conv=notrunc status=none
"$mill" tile "$scans/slide-3.tiff" --out "$work/plain.dzi" >/dev/null 2>&1
cp "$(find "$work/plain_files" -name '0_0.jpeg' -size +2k | sort | head -1)" "$scans/noscale.tif"
{
  echo 'File;Accession Number;Priority'
  for ((i = 1; i <= 12; i++)); do
    p=routine; [ $i = 7 ] && p=stat
    echo "slide-$i.tiff;S26-$i;$p"
  done
} >"$scans/worklist.csv"

watch() { "$mill" watch "$scans" --once --settle 500ms --data "$work/data" "$@"; }
began=$(date +%s)
code=0
watch >"$work/out" 2>"$work/err" || code=$?
echo "watched for $(($(date +%s) - began)) s: $(head -1 "$work/out")"

fail() { echo "check-batch: $*" >&2; tail -20 "$work/err" >&2; exit 1; }
[ "$code" = 1 ] || fail "exit code $code, want 1"
csv=$work/data/summary/summary.csv
count() { awk -F, -v s="$1" 'NR > 1 && $4 == s' "$csv" | wc -l; }
bad=$(($(count failed) + $(count refused)))
[ "$(count done)" = $((total - 10)) ] || fail "$(count done) done, want $((total - 10))"
[ "$bad" = 10 ] || fail "$bad failed or refused, want 10"
for name in text.svs empty.svs truncated.tiff zeros.svs download.svs loop.tiff far.tiff noise.ndpi a/damaged.tiff noscale.tif; do
  line=$(grep "^$name," "$csv") || fail "$name is not in the summary"
  reason=$(cut -d, -f5 <<<"$line")
  [ -n "$reason" ] || fail "$name has no reason"
  printf '  %-16s %s\n' "$name" "$(cut -c1-110 <<<"$(cut -d, -f4 <<<"$line"): $reason")"
done
grep -q '^a/slide-7.tiff,S26-7,stat,done,' "$csv" || fail "the worklist's accession or priority is lost"
html=$work/data/summary/summary.html
grep -q 'Research use only' "$html" && grep -q "$((total - 10)) done" "$html" && grep -q 'data:image/jpeg' "$html" || fail "the HTML summary is wrong"
# The accession is in the record of the order and in the summary, and in no key, log or other file.
! find "$work/data" -name '*S26-*' | grep -q . || fail "an accession in a key"
! grep -rlq 'S26-7' "$work/data/store/slides" "$work/data/queue" "$work/err" || fail "an accession outside its record"

code=0
watch >"$work/again" 2>"$work/again.err" || code=$?
[ "$code" = 1 ] && ! grep -q ': taken' "$work/again.err" || fail "the second watch took slides again"
echo "again: $(head -1 "$work/again"), nothing taken twice"
