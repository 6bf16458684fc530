#!/bin/sh
# Compares every tile of slides with OpenSlide, pixel by pixel, and prints the largest and the mean
# difference of each level.
#
#   scripts/check-openslide.sh [SLIDE…]
#
# Without arguments it takes the slides of the test data (../shared/data/slides, or under
# $SLIDEMILL_DATA). It needs Debian's python3-openslide for /usr/bin/python3, and for the YCbCr files
# that it makes itself, libvips-tools.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
files=
for f in "$@"; do
	files="$files${files:+:}$(realpath "$f")"
done
cd "$root"
SLIDEMILL_OPENSLIDE_CHECK=require SLIDEMILL_OPENSLIDE_FILES="$files" \
	go test -count=1 -v -run '^TestOpenSlide' ./pkg/slide
