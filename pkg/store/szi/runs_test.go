package szi

import (
	"bytes"
	"errors"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/pyramid/quadtree"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

var runKeys = testKeys.Run(pyramid.RunID{3})

// pack puts an archive of every tile of testZoom under key; each tile says whose it is.
func pack(t testing.TB, b store.Bucket, key string, m Image) {
	t.Helper()
	u, err := Create(t.Context(), b, key, m)
	if err != nil {
		t.Fatal(err)
	}
	for tile := range quadtree.Order(testZoom) {
		if err := u.Add(tile, append([]byte(key), content(tile)...)); err != nil {
			t.Fatal(err)
		}
	}
	if err := u.Commit(); err != nil {
		t.Fatal(err)
	}
}

// TestRunArchives: the two pyramids of a run lie in an archive each, and each tile comes from its own.
func TestRunArchives(t *testing.T) {
	inner := mem.New()
	pack(t, inner, runKeys.ProbabilityArchive(), Image{"probability", "png", []byte("<Image/>")})
	pack(t, inner, runKeys.OverlayArchive(), Image{"overlay", "png", []byte("<Image/>")})
	b := New(inner)
	for archive, key := range map[string]func(pyramid.Tile) string{
		runKeys.ProbabilityArchive(): runKeys.ProbabilityTile, runKeys.OverlayArchive(): runKeys.OverlayTile,
	} {
		for tile := range quadtree.Order(testZoom) {
			if got, want := string(whole(t, b, key(tile))), archive+string(content(tile)); got != want {
				t.Errorf("%s is %q, want %q", key(tile), got, want)
			}
		}
		if proof, err := Verify(t.Context(), inner, archive, testZoom); err != nil || proof.Tiles != testZoom.Tiles() {
			t.Errorf("%s: %+v, %v", archive, proof, err)
		}
	}
	for _, key := range []string{testKeys.PyramidTile(pyramid.Tile{}), testKeys.Run(pyramid.RunID{4}).OverlayTile(pyramid.Tile{})} {
		if _, err := b.Stat(t.Context(), key); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// TestForeignArchive: an archive with another format's tiles, or another pyramid's, is never read as this one's.
func TestForeignArchive(t *testing.T) {
	for name, m := range map[string]Image{
		"jpeg":            {"probability", "jpeg", nil},
		"another pyramid": {"overlay", "png", nil},
	} {
		inner := mem.New()
		pack(t, inner, runKeys.ProbabilityArchive(), m)
		if _, err := Verify(t.Context(), inner, runKeys.ProbabilityArchive(), testZoom); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: verified: %v", name, err)
		}
		if _, err := New(inner).Get(t.Context(), runKeys.ProbabilityTile(pyramid.Tile{}), 0, -1); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: read: %v", name, err)
		}
	}
	for _, key := range []string{runKeys.Mask(), "elsewhere/probability.szi"} {
		if _, err := Verify(t.Context(), mem.New(), key, testZoom); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: %v", key, err)
		}
	}
	for _, m := range []Image{{Format: "png"}, {Folder: "probability"}} {
		if _, err := Create(t.Context(), mem.New(), runKeys.ProbabilityArchive(), m); err == nil {
			t.Errorf("%+v: no error", m)
		}
	}
}

// TestVerifyEveryByte: no byte of an archive can change unnoticed, nor can there be more of them.
func TestVerifyEveryByte(t *testing.T) {
	b, key := packed(t), testKeys.PyramidArchive()
	good := whole(t, b, key)
	verify := func(data []byte) error {
		if err := b.Put(t.Context(), key, bytes.NewReader(data), int64(len(data))); err != nil {
			t.Fatal(err)
		}
		_, err := Verify(t.Context(), b, key, testZoom)
		return err
	}
	for i := range good {
		for _, bit := range []byte{1, 1 << 7} {
			bad := bytes.Clone(good)
			bad[i] ^= bit
			if err := verify(bad); !errors.Is(err, ErrDamaged) {
				t.Errorf("byte %d of %d changed: %v", i, len(good), err)
			}
		}
	}
	if err := verify(append(bytes.Clone(good), 0)); !errors.Is(err, ErrDamaged) {
		t.Errorf("a byte more: %v", err)
	}
	if err := verify(good); err != nil {
		t.Errorf("put right again: %v", err)
	}
}
