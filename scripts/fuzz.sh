#!/usr/bin/env bash
# Runs every fuzz target of the project for a while, one after the other.
#
#   scripts/fuzz.sh 10m                 ten minutes each
#   scripts/fuzz.sh 1m ./pkg/slide/...  only below some packages
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-10s}
packages=${2:-./...}

go list -f '{{.ImportPath}} {{.Dir}}' "$packages" | while read -r package dir; do
  { grep -ho '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go 2>/dev/null || true; } | sed 's/^func //' | while read -r target; do
    echo "== $package $target ($time)"
    # Without a bound on minimizing, the fuzzer mostly stands still.
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 10x "$package" </dev/null
  done
done
