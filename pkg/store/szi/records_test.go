package szi

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestRecords: whatever was added comes back, in order and over the ends of chunks.
func TestRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) record {
			return record{rapid.Uint64().Draw(t, "tile"), rapid.Uint32().Draw(t, "crc"), rapid.Uint32Range(0, math.MaxUint32).Draw(t, "size")}
		}), 0, 50).Draw(t, "records")
		var l records
		for range 70 { // so that some lie where a chunk ends
			for _, r := range want {
				l.add(r)
			}
		}
		got := slices.Collect(l.all)
		if l.n != len(got) || len(got) != 70*len(want) {
			t.Fatalf("%d of %d records", len(got), 70*len(want))
		}
		for i, r := range got {
			if r != want[i%len(want)] {
				t.Fatalf("record %d is %v, want %v", i, r, want[i%len(want)])
			}
		}
	})
}
