#!/usr/bin/env bash
# The tiler against what people use instead: vips dzsave (Debian's libvips-tools) and OpenSlide
# (python3-openslide), on the same slides, on the same machine, in turn.
#
#   scripts/bench-tiler.sh            all of it: some minutes, and 12 GB of disk while it runs
#   scripts/bench-tiler.sh speed      time against vips dzsave, to a folder and to SZI, and OpenSlide
#   scripts/bench-tiler.sh pixels     level-0 scans that differ, PSNR of the lower levels
#   scripts/bench-tiler.sh memory     peak memory at 421 megapixels and at 8 gigapixels
#   scripts/bench-tiler.sh network    requests, bytes and time to inspect and tile the slide in S3, 20 ms away
#   scripts/bench-tiler.sh first      seconds to the first region and to the mask, with and without that order
#
# The slides are CMU-1-Small-Region tiled 8 by 8 (421 megapixels) and 35 by 35 (8 gigapixels) as tiled JPEG
# BigTIFF, 240 pixels a tile, quality 85: with its pyramid and single-level. They are made once, in
# BENCH_CACHE (default: ~/.cache/slidemill-tiler). Each figure is the median of ROUNDS (3) runs A B A B; ratios are
# of processor time and of wall time, and the first of them is what a busy machine disturbs least. Results
# are written to BENCH_OUT (default: a folder in BENCH_CACHE) and stay there until the end: ext4 does not use
# an inode again for minutes after its file was removed, and looks at each of them whenever a file is made,
# which costs whoever comes next seconds.
#
# Needs the slide in SLIDEMILL_DATA (default: ../shared/data), vips, python3 with openslide, numpy and tifffile
# (scripts/install-oracles.sh).
set -euo pipefail
cd "$(dirname "$0")/.."
data=${SLIDEMILL_DATA:-../shared/data}
cache=${BENCH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/slidemill-tiler}
out=${BENCH_OUT:-$cache/out}
rounds=${ROUNDS:-3}
python=${PYTHON:-/usr/bin/python3}
slide=$data/slides/CMU-1-Small-Region.svs
mkdir -p "$cache"
for tool in vips "$python" go; do
  command -v "$tool" >/dev/null || { echo "bench-tiler: $tool is missing: run scripts/install-oracles.sh" >&2; exit 1; }
done
[ -f "$slide" ] || { echo "bench-tiler: no $slide: set SLIDEMILL_DATA" >&2; exit 1; }
ours=$cache/slidemill
# Installed, as the peers are. What the linker has just written lies in the page cache in pieces of up to 2 MB, each of which
# the kernel counts as the process's memory at the first touch: 60 MB where a copy of the same program takes 44.
go build -o "$ours.built" ./cmd/slidemill
install "$ours.built" "$ours"
trap 'rm -rf "$out"' EXIT

# make NAME TIMES OPTIONS: a slide, unless it is there.
make() {
  [ -f "$cache/$1.tiff" ] && return
  [ -f "$cache/small.v" ] || vips copy "$slide" "$cache/small.v"
  vips replicate "$cache/small.v" "$cache/$1.part.tiff[tile,tile_width=240,tile_height=240,compression=jpeg,Q=85,bigtiff$3]" "$2" "$2"
  mv "$cache/$1.part.tiff" "$cache/$1.tiff"
}

bench() { "$python" scripts/bench-tiler.py --ours "$ours" --cache "$cache" --out "$out" --rounds "$rounds" "$@"; }

what=${1:-all}
make p421 8 ,pyramid
make s421 8 ""
case $what in speed | all) bench speed ;; esac
case $what in pixels | all) bench pixels ;; esac
case $what in first | all) bench first ;; esac
case $what in network | all)
  go build -o "$cache/" ./scripts/s3server ./scripts/benchnetwork
  rm -rf "$out" && mkdir -p "$out"
  "$cache/benchnetwork" --slide "$cache/p421.tiff" --ours "$ours" --server "$cache/s3server" --dir "$out" --rounds "$rounds"
  ;;
esac
case $what in memory | all)
  make s8g 35 ""
  bench memory
  ;;
esac
case $what in speed | pixels | network | memory | first | all) ;; *)
  sed -n '2,13p' "$0" >&2
  exit 2
  ;;
esac
