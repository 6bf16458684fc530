#!/bin/sh
# Prints the format table: each format that slides come in, the file that proves it, by whom the file was
# written, and the largest difference of a pixel to what another program reads of it.
#
#   scripts/check-formats.sh
#
# It needs the oracles of scripts/install-oracles.sh and the test data (../shared/data, or $SLIDEMILL_DATA).
# A row whose oracle is missing says so. DICOM=DIR names a folder with
# a DICOM slide of another program's, for one more row.
set -eu
cd "$(dirname "$0")/.."
SLIDEMILL_FORMATS=table SLIDEMILL_DICOM="${DICOM:-}" go test -count=1 -v -run '^TestFormatTable$' ./pkg/slide |
	sed -n 's/^ *formattable_test.go:[0-9]*: |/|/p; s/^ *formattable_test.go:[0-9]*: FAIL/FAIL/p; /^ok/p; /^FAIL\t/p'
