#!/usr/bin/env bash
# Installs the third-party programs that some tests compare with: OpenSlide, libvips, tifffile, pydicom.
# Without them those tests are skipped and say so. Debian and its kin, as root.
set -euo pipefail
packages="openslide-tools python3-openslide python3-tifffile python3-pydicom python3-numpy libvips-tools libturbojpeg0 libopenjp2-7"
missing=
for p in $packages; do
  dpkg -s "$p" >/dev/null 2>&1 || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
apt-get update -q
# shellcheck disable=SC2086 # a list of packages
DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
