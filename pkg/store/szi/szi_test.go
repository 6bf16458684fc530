package szi

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/pyramid/quadtree"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

var (
	testID   = pyramid.NewSlideID([32]byte{7})
	testKeys = store.Slide(testID)
	testZoom = pyramid.DeepZoom{Size: pyramid.Size{W: 37, H: 21}, Tile: 8}
)

func content(t pyramid.Tile) []byte { return bytes.Repeat([]byte(t.String()), 1+t.Col) }

// packed puts an archive of every tile of testZoom under pyramid.szi.
func packed(t testing.TB) *mem.Bucket {
	t.Helper()
	b := mem.New()
	u, err := Create(t.Context(), b, testKeys.PyramidArchive(), Image{"pyramid", "jpeg", []byte("<Image/>")})
	if err != nil {
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
	return b
}

func whole(t testing.TB, b store.Bucket, key string) []byte {
	t.Helper()
	data, err := store.ReadAll(t.Context(), b, key, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestZip: the standard library reads the archive, finds every tile, and no time or order that differs from
// one archive to the next.
func TestZip(t *testing.T) {
	data := whole(t, packed(t), testKeys.PyramidArchive())
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r) // checks the sum
		if err != nil || f.Method != zip.Store {
			t.Fatalf("%s: method %d, %v", f.Name, f.Method, err)
		}
		got[f.Name] = string(text)
	}
	want := map[string]string{"pyramid/pyramid.dzi": "<Image/>"}
	for tile := range quadtree.Order(testZoom) {
		want[fmt.Sprintf("pyramid/pyramid_files/%v.jpeg", tile)] = string(content(tile))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if again := whole(t, packed(t), testKeys.PyramidArchive()); !bytes.Equal(data, again) {
		t.Error("the same tiles made another archive")
	}
}

// TestBucket: each tile is found under its own key, whole and in part; what is not there is ErrNotFound; and
// a tile that lies by itself is found too.
func TestBucket(t *testing.T) {
	inner := packed(t)
	b := New(inner)
	for tile := range quadtree.Order(testZoom) {
		key := testKeys.PyramidTile(tile)
		if got := whole(t, b, key); !bytes.Equal(got, content(tile)) {
			t.Errorf("%v is %q", tile, got)
		}
		o, err := b.Stat(t.Context(), key)
		if err != nil || o.Size != int64(len(content(tile))) || o.Key != key {
			t.Errorf("%v: %+v, %v", tile, o, err)
		}
	}
	key := testKeys.PyramidTile(pyramid.Tile{Level: 6, Col: 3})
	r, err := b.Get(t.Context(), key, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if part, err := io.ReadAll(r); err != nil || string(part) != "3_0" {
		t.Errorf("a part is %q, %v", part, err)
	}
	for _, tile := range []pyramid.Tile{{Level: 6, Col: 9, Row: 9}, {Level: 40}} {
		if _, err := b.Get(t.Context(), testKeys.PyramidTile(tile), 0, -1); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%v: %v", tile, err)
		}
	}
	other := store.Slide(pyramid.NewSlideID([32]byte{8}))
	if _, err := b.Stat(t.Context(), other.PyramidTile(pyramid.Tile{})); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a slide without an archive: %v", err)
	}
	if err := b.Put(t.Context(), other.PyramidTile(pyramid.Tile{}), strings.NewReader("loose"), 5); err != nil {
		t.Fatal(err)
	}
	if got := whole(t, b, other.PyramidTile(pyramid.Tile{})); string(got) != "loose" {
		t.Errorf("a tile by itself is %q", got)
	}
}

// TestReplaced: a reader that knows an archive by heart notices that it was replaced, and that the head has
// given way to the whole.
func TestReplaced(t *testing.T) {
	inner := mem.New()
	b := New(inner)
	tile := pyramid.Tile{Level: 3, Col: 1, Row: 2}
	for i, text := range []string{"head", "longer than before", "again"} {
		archive := testKeys.PyramidHead()
		if i == 2 {
			if err := inner.Delete(t.Context(), archive); err != nil {
				t.Fatal(err)
			}
			archive = testKeys.PyramidArchive()
		}
		u, err := Create(t.Context(), inner, archive, Image{Folder: Folder(archive), Format: "jpeg"})
		if err != nil {
			t.Fatal(err)
		}
		for range i { // so that the tile lies elsewhere
			if err := u.Add(pyramid.Tile{Level: 9 + i}, []byte("front")); err != nil {
				t.Fatal(err)
			}
			break
		}
		if err := errors.Join(u.Add(tile, []byte(text)), u.Commit()); err != nil {
			t.Fatal(err)
		}
		if got := whole(t, b, testKeys.PyramidTile(tile)); string(got) != text {
			t.Errorf("tile is %q, want %q", got, text)
		}
	}
}

// TestVerify: each kind of damage has a name.
func TestVerify(t *testing.T) {
	key := testKeys.PyramidArchive()
	good := whole(t, packed(t), key)
	proof, err := Verify(t.Context(), packed(t), key, testZoom)
	if err != nil || proof != (Proof{testZoom.Tiles(), int64(len(good))}) {
		t.Fatalf("%+v, %v", proof, err)
	}
	at := bytes.Index(good, []byte("pyramid_files/6/4_2.jpeg")) + len("pyramid_files/6/4_2.jpeg")
	for name, damage := range map[string]func(b []byte) []byte{
		"a byte of a tile":           func(b []byte) []byte { b[at] ^= 1; return b },
		"a byte of a name":           func(b []byte) []byte { b[at-1] ^= 1; return b },
		"cut short":                  func(b []byte) []byte { return b[:len(b)-1] },
		"half":                       func(b []byte) []byte { return b[:len(b)/2] },
		"a byte inserted":            func(b []byte) []byte { return append(b[:at:at], append([]byte{0}, b[at:]...)...) },
		"the directory's size":       func(b []byte) []byte { b[len(b)-10]++; return b },
		"a sum in the directory":     func(b []byte) []byte { b[bytes.LastIndex(b, []byte("PK\x01\x02"))+16]++; return b },
		"an offset in the directory": func(b []byte) []byte { b[bytes.LastIndex(b, []byte("PK\x01\x02"))+42]++; return b },
		"nothing":                    func([]byte) []byte { return nil },
	} {
		b := mem.New()
		data := damage(bytes.Clone(good))
		if err := b.Put(t.Context(), key, bytes.NewReader(data), int64(len(data))); err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(t.Context(), b, key, testZoom); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Verify(t.Context(), packed(t), key, pyramid.DeepZoom{Size: pyramid.Size{W: 38, H: 41}, Tile: 8}); !errors.Is(err, ErrDamaged) {
		t.Errorf("another pyramid: %v", err)
	}
	if _, err := Verify(t.Context(), mem.New(), key, testZoom); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("no archive: %v", err)
	}
}

// TestAbort: what was not committed does not appear.
func TestAbort(t *testing.T) {
	b := mem.New()
	u, err := Create(t.Context(), b, testKeys.PyramidArchive(), Image{Folder: "pyramid", Format: "jpeg"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(u.Add(pyramid.Tile{}, []byte("x")), u.Abort()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Stat(t.Context(), testKeys.PyramidArchive()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after an abort: %v", err)
	}
}

// TestZip64 writes the central directory of an archive beyond 4 GiB without its tiles.
func TestZip64(t *testing.T) {
	var out bytes.Buffer
	a, err := NewWriter(&out, Image{Folder: "x", Format: "jpeg"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := a.Add(pyramid.Tile{Level: i}, []byte("tile")); err != nil {
			t.Fatal(err)
		}
	}
	entries := out.Len()
	c := central{Writer: a, begin: a.off + 5<<30}
	a.off = c.begin
	c.add(a.names.descriptor(), a.first)
	c.local += 5 << 30 // as if a tile of 5 GiB lay there
	for r := range a.tiles.all {
		c.add(a.names.tile(unpackTile(r.tile)), r)
	}
	if err := c.end(); err != nil {
		t.Fatal(err)
	}
	directory := out.Bytes()[entries:]
	z, err := zip.NewReader(&sparse{at: c.begin, data: directory}, c.begin+int64(len(directory)))
	if err != nil {
		t.Fatal(err)
	}
	if at, err := z.File[3].DataOffset(); len(z.File) != 4 || at < 5<<30 && err == nil {
		t.Errorf("%d entries, the last at %d, %v", len(z.File), at, err)
	}
}

// sparse is zeros with data at the end.
type sparse struct {
	at   int64
	data []byte
}

func (s *sparse) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	n := 0
	for i := range p {
		at := off + int64(i)
		if at >= s.at+int64(len(s.data)) {
			return n, io.EOF
		}
		if at >= s.at {
			p[i] = s.data[at-s.at]
		}
		n++
	}
	return n, nil
}

// FuzzIndex: no archive, however damaged, makes the reader panic or allocate what it likes.
func FuzzIndex(f *testing.F) {
	f.Add(whole(f, packed(f), testKeys.PyramidArchive()))
	b := mem.New()
	pack(f, b, runKeys.OverlayArchive(), Image{"overlay", "png", nil})
	f.Add(whole(f, b, runKeys.OverlayArchive()))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, key := range []string{testKeys.PyramidArchive(), runKeys.OverlayArchive()} {
			b := mem.New()
			if err := b.Put(t.Context(), key, bytes.NewReader(data), int64(len(data))); err != nil {
				t.Fatal(err)
			}
			x, err := openIndex(t.Context(), b, key)
			if err != nil {
				continue
			}
			reader := New(b)
			for _, p := range x.tiles {
				_, _ = reader.data(t.Context(), x, p, unpackTile(p.tile))
			}
		}
	})
}
