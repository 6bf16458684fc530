package dir_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/dir"
)

// BenchmarkPut writes tiles of 20 kB; its peer writes the same files with the system's plain call, which
// is neither atomic nor makes folders.
func BenchmarkPut(b *testing.B) {
	data := bytes.Repeat([]byte("tile"), 5_000)
	b.Run("dir", func(b *testing.B) {
		s, err := dir.Open(b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			key := store.Slide(pyramid.SlideID{}).PyramidTile(pyramid.Tile{Level: 9, Col: i})
			if err := s.Put(b.Context(), key, bytes.NewReader(data), int64(len(data))); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("peer", func(b *testing.B) {
		folder := b.TempDir()
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%d_0.jpeg", i)), data, 0o640); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkGet reads one tile of 20 kB again and again.
func BenchmarkGet(b *testing.B) {
	data := bytes.Repeat([]byte("tile"), 5_000)
	s, err := dir.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Put(b.Context(), "a/b", bytes.NewReader(data), -1); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := s.Get(b.Context(), "a/b", 0, -1)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			b.Fatal(err)
		}
		r.Close()
	}
}
