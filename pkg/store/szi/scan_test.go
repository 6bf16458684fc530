package szi

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/pyramid/quadtree"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

// What is known of the scan lies behind the descriptor, where the standard library reads it; behind a tile it is
// refused.
func TestDescribe(t *testing.T) {
	var out bytes.Buffer
	w, err := NewWriter(&out, Image{"x", "jpeg", []byte("<Image/>")})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Describe([]byte("<image/>")); err != nil {
		t.Fatal(err)
	}
	if err := w.Add(pyramid.Tile{Level: 3}, []byte("tile")); err != nil {
		t.Fatal(err)
	}
	if w.Describe([]byte("<image/>")) == nil {
		t.Error("described a second time, behind a tile")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	want := []struct{ name, text string }{{"x/x.dzi", "<Image/>"}, {"x/scan-properties.xml", "<image/>"}, {"x/x_files/3/0_0.jpeg", "tile"}}
	if len(z.File) != len(want) {
		t.Fatalf("%d entries", len(z.File))
	}
	for i, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(r); err != nil || f.Name != want[i].name || string(text) != want[i].text {
			t.Errorf("%s: %q, %v", f.Name, text, err)
		}
	}
}

// TestDescribedArchive: an archive with properties is read and proved like any other, each of its bytes.
func TestDescribedArchive(t *testing.T) {
	b := mem.New()
	u, err := Create(t.Context(), b, testKeys.PyramidArchive(), Image{"pyramid", "jpeg", []byte("<Image/>")})
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Describe([]byte("<image/>")); err != nil {
		t.Fatal(err)
	}
	for tile := range quadtree.Order(testZoom) {
		if err := u.Add(tile, content(tile)); err != nil {
			t.Fatal(err)
		}
	}
	if err := u.Commit(); err != nil {
		t.Fatal(err)
	}
	for tile := range quadtree.Order(testZoom) {
		if got := whole(t, New(b), testKeys.PyramidTile(tile)); !bytes.Equal(got, content(tile)) {
			t.Errorf("%v is %q", tile, got)
		}
	}
	if _, err := Verify(t.Context(), b, testKeys.PyramidArchive(), testZoom); err != nil {
		t.Error(err)
	}
	data := whole(t, b, testKeys.PyramidArchive())
	at := bytes.Index(data, []byte("<image/>"))
	data[at] ^= 1
	if err := b.Put(t.Context(), testKeys.PyramidArchive(), bytes.NewReader(data), int64(len(data))); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(t.Context(), b, testKeys.PyramidArchive(), testZoom); !errors.Is(err, ErrDamaged) {
		t.Errorf("a damaged property: %v", err)
	}
}
