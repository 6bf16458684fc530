#!/bin/sh
# Remakes the pictures of this folder: NAME.jpeg, and NAME.pnm with libjpeg-turbo's pixels for it.
# Needs Debian's libjpeg-turbo-progs (made with 2.1.5) and python3.
set -eu
cd "$(dirname "$0")"
python3 - >source.ppm <<'PY'
import sys
# Coloured edges at odd places: what wrong chroma enlargement shows on.
w, h = 37, 29
sys.stdout.buffer.write(b"P6 %d %d 255\n" % (w, h))
for y in range(h):
    for x in range(w):
        edge = (x // 5 + y // 3) % 3
        sys.stdout.buffer.write(bytes([
            (255 if edge == 0 else 7 * x) % 256, (240 if edge == 1 else 5 * y) % 256, (250 if edge == 2 else 3 * x + 4 * y) % 256]))
PY
make() {
	name=$1
	shift
	cjpeg -quality 85 "$@" source.ppm >"$name.jpeg"
	djpeg -pnm "$name.jpeg" >"$name.pnm"
}
make 444 -sample 1x1
make 422 -sample 2x1
make 420 -sample 2x2
make 440 -sample 1x2
make 411 -sample 4x1
make 410 -sample 4x2
make grey -grayscale
make rgb -rgb
make restart -sample 2x2 -restart 2B
make optimised -sample 2x2 -optimize
make quality100 -sample 2x2 -quality 100
make quality1 -sample 2x2 -quality 1
make progressive -sample 2x2 -progressive
rm source.ppm
