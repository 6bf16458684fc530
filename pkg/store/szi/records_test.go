package szi

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

// TestRecords: whatever was added comes back, in order and over the ends of chunks.
func TestRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) record {
			return record{rapid.Uint64().Draw(t, "tile"), rapid.Uint32().Draw(t, "crc"), rapid.Uint32Range(0, math.MaxUint32).Draw(t, "size")}
		}), 0, 50).Draw(t, "records")
		var l records
		defer l.discard()
		for range 70 { // so that some go into the file
			for _, r := range want {
				if err := l.add(r); err != nil {
					t.Fatal(err)
				}
			}
		}
		got := slices.Collect(l.all)
		if l.err != nil || l.n != len(got) || len(got) != 70*len(want) {
			t.Fatalf("%d of %d records, %v", len(got), 70*len(want), l.err)
		}
		for i, r := range got {
			if r != want[i%len(want)] {
				t.Fatalf("record %d is %v, want %v", i, r, want[i%len(want)])
			}
		}
		if cap(l.chunk) > recordsChunk {
			t.Fatalf("%d bytes are held", cap(l.chunk))
		}
	})
}

// TestRecordsLeaveNothing: the temporary file is gone after the end and after giving up, and a system without room
// for one is no obstacle.
func TestRecordsLeaveNothing(t *testing.T) {
	for _, end := range []string{"commit", "abort", "nowhere"} {
		dir := t.TempDir()
		t.Setenv("TMPDIR", dir)
		if end == "nowhere" {
			t.Setenv("TMPDIR", filepath.Join(dir, "none"))
		}
		b := mem.New()
		u, err := Create(t.Context(), b, testKeys.PyramidArchive(), Image{"pyramid", "jpeg", []byte("<Image/>")})
		if err != nil {
			t.Fatal(err)
		}
		const side = 90 // more tiles than a chunk holds
		for i := range side * side {
			if err := u.Add(pyramid.Tile{Level: 12, Col: i % side, Row: i / side}, []byte("tile")); err != nil {
				t.Fatal(err)
			}
		}
		if files, err := os.ReadDir(dir); err != nil || (len(files) == 0) != (end == "nowhere") {
			t.Errorf("%s: %d files, %v", end, len(files), err)
		}
		finish := u.Commit
		if end == "abort" {
			finish = u.Abort
		}
		if err := finish(); err != nil {
			t.Error(err)
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
			t.Errorf("%s left %d files, %v", end, len(files), err)
		}
		if end == "abort" {
			continue
		}
		x, err := openIndex(t.Context(), b, testKeys.PyramidArchive())
		if err != nil || len(x.tiles) != side*side {
			t.Fatalf("%s: %v", end, err)
		}
	}
}
