#!/usr/bin/env bash
# Segments a slide in one piece and in regions of 256, 512 and 1024 pixels with 1, 2 and 4 workers: the
# probability map and the mask must be the same bytes.
#
#   scripts/check-regions.sh [SLIDE]    default: CMU-1-Small-Region.svs of ../shared/data, else synthetic
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/slidemill" ./cmd/slidemill

slide=${1:-${SLIDEMILL_DATA:-../shared/data}/slides/CMU-1-Small-Region.svs}
if [ ! -e "$slide" ]; then
  slide=$work/slide.tiff
  "$work/slidemill" synth --out "$slide" --size 3000x3000 --seed 3 2>/dev/null
fi
# The sums and the carcinoma area that the report states.
sums() { grep -o '"carcinoma_mm2":[^,]*\|"sha256":{"mask[^}]*}' | sort; }

"$work/slidemill" run --region 8192 --workers 1 --data "$work/whole" --json "$slide" 2>/dev/null | sums >"$work/whole.sums"
echo "in one piece:"
cat "$work/whole.sums"
for region in 256 512 1024; do
  for workers in 1 2 4; do
    data=$work/$region-$workers
    "$work/slidemill" run --region $region --workers $workers --data "$data" --json "$slide" 2>/dev/null | sums >"$work/sums"
    diff "$work/whole.sums" "$work/sums" >&2 || { echo "regions of $region with $workers workers: other bytes" >&2; exit 1; }
    echo "regions of $region, $workers workers: the same ($(find "$data/store" -name '*.smr' | wc -l) regions)"
    rm -rf "$data"
  done
done
