package szi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

const (
	squaresLevel = 7
	squaresCols  = 10
	squaresRows  = 7
)

// squares puts an archive whose squares of one level lie side by side, with another tile behind each.
func squares(t testing.TB) *mem.Bucket {
	t.Helper()
	b := mem.New()
	u, err := Create(t.Context(), b, testKeys.PyramidArchive(), Image{"pyramid", "jpeg", []byte("<Image/>")})
	if err != nil {
		t.Fatal(err)
	}
	add := func(tile pyramid.Tile) {
		if err := u.Add(tile, content(tile)); err != nil {
			t.Fatal(err)
		}
	}
	for left := 0; left < squaresCols; left += square {
		for top := 0; top < squaresRows; top += square {
			for col := left; col < min(left+square, squaresCols); col++ {
				for row := top; row < min(top+square, squaresRows); row++ {
					add(pyramid.Tile{Level: squaresLevel, Col: col, Row: row})
				}
			}
			add(pyramid.Tile{Level: squaresLevel - 2, Col: left / square, Row: top / square})
		}
	}
	if err := u.Commit(); err != nil {
		t.Fatal(err)
	}
	return b
}

// asked counts what is read of the archive.
type asked struct {
	store.Bucket
	requests, bytes atomic.Int64
	fail            atomic.Bool
}

var errAway = errors.New("service unavailable")

func (a *asked) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if key == testKeys.PyramidArchive() {
		a.requests.Add(1)
		a.bytes.Add(n)
	}
	if a.fail.Load() {
		return nil, errAway
	}
	return a.Bucket.Get(ctx, key, off, n)
}

// TestNeighboursComeTogether: all tiles, asked for in any order by many at once, are right, and each square costs one
// request and its bytes once.
func TestNeighboursComeTogether(t *testing.T) {
	b := &asked{Bucket: squares(t)}
	reader := New(b)
	whole(t, reader, testKeys.PyramidTile(pyramid.Tile{Level: squaresLevel - 2}))
	b.requests.Store(0)
	b.bytes.Store(0)
	var group errgroup.Group
	group.SetLimit(8)
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(squaresCols * squaresRows) {
		tile := pyramid.Tile{Level: squaresLevel, Col: i % squaresCols, Row: i / squaresCols}
		group.Go(func() error {
			data, err := store.ReadAll(t.Context(), reader, testKeys.PyramidTile(tile), 1<<20)
			if err == nil && !bytes.Equal(data, content(tile)) {
				t.Errorf("%v is %q", tile, data)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := b.requests.Load(); n != 6 {
		t.Errorf("%d requests for 6 squares", n)
	}
	if reader.ahead.used != 0 || len(reader.ahead.kept) != 0 || len(reader.ahead.asked) != 0 {
		t.Errorf("%d bytes are kept", reader.ahead.used)
	}
}

// TestAheadIsBounded: what nobody asks for goes, the oldest first.
func TestAheadIsBounded(t *testing.T) {
	var a ahead
	b := squares(t)
	x, err := openIndex(t.Context(), b, testKeys.PyramidArchive())
	if err != nil {
		t.Fatal(err)
	}
	p, _ := x.find(pyramid.Tile{Level: squaresLevel})
	a.used = maxAhead - 20 // as if it were nearly full
	if _, err := a.get(t.Context(), b, x, p, pyramid.Tile{Level: squaresLevel}); err != nil {
		t.Fatal(err)
	}
	if a.used > maxAhead || len(a.kept) != a.recent.Len() || len(a.kept) > 1 {
		t.Errorf("%d bytes in %d entries", a.used, len(a.kept))
	}
}

// TestAheadFails: a request that fails fails for whoever made it, and the next one is made anew.
func TestAheadFails(t *testing.T) {
	b := &asked{Bucket: squares(t)}
	reader := New(b)
	tile := pyramid.Tile{Level: squaresLevel, Col: 2, Row: 1}
	whole(t, reader, testKeys.PyramidTile(pyramid.Tile{Level: squaresLevel - 2}))
	b.fail.Store(true)
	if _, err := store.ReadAll(t.Context(), reader, testKeys.PyramidTile(tile), 1<<20); !errors.Is(err, errAway) {
		t.Errorf("got %v", err)
	}
	b.fail.Store(false)
	if got := whole(t, reader, testKeys.PyramidTile(tile)); !bytes.Equal(got, content(tile)) {
		t.Errorf("got %q", got)
	}
}

// TestDamageBesideATile: a neighbour that is damaged costs itself only.
func TestDamageBesideATile(t *testing.T) {
	b := squares(t)
	data := whole(t, b, testKeys.PyramidArchive())
	bad := pyramid.Tile{Level: squaresLevel, Col: 1, Row: 1}
	at := bytes.Index(data, append([]byte("7/1_1.jpeg"), content(bad)...))
	if at < 0 {
		t.Fatal("no such entry")
	}
	data[at+len("7/1_1.jpeg")] ^= 1
	if err := b.Put(t.Context(), testKeys.PyramidArchive(), bytes.NewReader(data), int64(len(data))); err != nil {
		t.Fatal(err)
	}
	reader := New(b)
	for _, tile := range []pyramid.Tile{{Level: squaresLevel}, {Level: squaresLevel, Col: 1}, {Level: squaresLevel, Col: 3, Row: 3}} {
		if got := whole(t, reader, testKeys.PyramidTile(tile)); !bytes.Equal(got, content(tile)) {
			t.Errorf("%v is %q", tile, got)
		}
	}
	if _, err := store.ReadAll(t.Context(), reader, testKeys.PyramidTile(bad), 1<<20); !errors.Is(err, ErrDamaged) {
		t.Errorf("the damaged tile: %v", err)
	}
}

// TestReplacedArchive: an archive that is replaced by another is read as what it is now, whatever was kept of the
// old one.
func TestReplacedArchive(t *testing.T) {
	b := squares(t)
	reader := New(b)
	first := pyramid.Tile{Level: squaresLevel}
	whole(t, reader, testKeys.PyramidTile(first)) // keeps its neighbours
	u, err := Create(t.Context(), b, testKeys.PyramidArchive(), Image{"pyramid", "jpeg", []byte("<Image/>")})
	if err != nil {
		t.Fatal(err)
	}
	other := func(tile pyramid.Tile) []byte { return bytes.ToUpper(append([]byte("other "), content(tile)...)) }
	for i := range square * square { // the same square, of tiles of other sizes
		tile := pyramid.Tile{Level: squaresLevel, Col: i % square, Row: i / square}
		if err := u.Add(tile, other(tile)); err != nil {
			t.Fatal(err)
		}
	}
	if err := u.Commit(); err != nil {
		t.Fatal(err)
	}
	whole(t, reader, testKeys.PyramidTile(first)) // notices it
	for i := range square * square {
		tile := pyramid.Tile{Level: squaresLevel, Col: i % square, Row: i / square}
		if got := whole(t, reader, testKeys.PyramidTile(tile)); !bytes.Equal(got, other(tile)) {
			t.Errorf("%v is %q", tile, got)
		}
	}
}
