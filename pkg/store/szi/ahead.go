package szi

import (
	"bytes"
	"container/list"
	"context"
	"slices"
	"sync"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

// Whoever reads a tile soon reads its neighbours, and a request costs more than the few kilobytes of a tile. So
// one request reads what lies side by side of a square of tiles.
const (
	square   = 4        // side in tiles; the tiler packs squares of 4 and of 2 together
	maxRun   = 1 << 20  // bytes of one request
	maxAhead = 16 << 20 // bytes that are kept of neighbours that nobody has asked for yet
)

// run is a stretch of an archive that holds whole entries of one level.
type run struct {
	off, end int64
	entries  []place
}

// run is what lies side by side with a tile, of its square.
func (x *index) run(p place, t pyramid.Tile) run {
	near := x.near(t)
	i := slices.IndexFunc(near, func(o place) bool { return o.tile == p.tile })
	first, last := i, i
	for first > 0 && x.end(near[first-1]) == near[first].off && x.end(p)-near[first-1].off <= maxRun {
		first--
	}
	for last+1 < len(near) && x.end(near[last]) == near[last+1].off && x.end(near[last+1])-near[first].off <= maxRun {
		last++
	}
	return run{near[first].off, x.end(near[last]), near[first : last+1]}
}

// near are the tiles of a tile's square, in the order in which they lie in the archive.
func (x *index) near(t pyramid.Tile) (list []place) {
	left, top := t.Col&^(square-1), t.Row&^(square-1)
	for i := range square * square {
		if p, ok := x.find(pyramid.Tile{Level: t.Level, Col: left + i%square, Row: top + i/square}); ok {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b place) int { return int(min(max(a.off-b.off, -1), 1)) })
	return list
}

// end is where an entry's data end.
func (x *index) end(p place) int64 {
	return p.off + localSize + int64(len(x.names.tile(unpackTile(p.tile)))) + int64(p.size)
}

// ahead keeps entries that came with a neighbour, unproved, until somebody asks for them. The zero value is ready;
// it is safe for concurrent use, and of those who ask for one stretch at the same time one reads it.
//
// # Memory
//
// At most maxAhead bytes; an entry goes when it is asked for, as whoever asked keeps what it decodes. And a
// stretch of at most maxRun bytes, or of one tile, for each call that reads.
type ahead struct {
	mu     sync.Mutex
	kept   map[spot]*list.Element // of *entry
	recent list.List              // most recent first
	used   int
	asked  map[spot]chan struct{} // stretches that are being read; closed when that has ended
}

// spot is an offset in an archive.
type spot struct {
	archive string
	off     int64
}

type entry struct {
	at   spot
	data []byte
}

// get reads an entry, header and all.
func (a *ahead) get(ctx context.Context, b store.Bucket, x *index, p place, t pyramid.Tile) ([]byte, error) {
	r := x.run(p, t)
	data, wait := a.claim(x.key, p, r)
	if wait != nil {
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if data = a.take(x.key, p); data == nil { // it failed, or somebody was faster
			return fetch(ctx, b, x.key, p.off, x.end(p)-p.off)
		}
	}
	if data != nil {
		return data, nil
	}
	whole, err := fetch(ctx, b, x.key, r.off, r.end-r.off)
	a.settle(x, p, r, whole)
	if err != nil {
		return nil, err
	}
	return whole[p.off-r.off : x.end(p)-r.off], nil
}

// claim gives the entry, or what to wait for, or neither: then the caller reads the stretch and settles it.
func (a *ahead) claim(archive string, p place, r run) ([]byte, chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if data := a.pull(spot{archive, p.off}); data != nil {
		return data, nil
	}
	if wait, ok := a.asked[spot{archive, r.off}]; ok {
		return nil, wait
	}
	if a.asked == nil {
		a.asked, a.kept = map[spot]chan struct{}{}, map[spot]*list.Element{}
	}
	a.asked[spot{archive, r.off}] = make(chan struct{})
	return nil, nil
}

func (a *ahead) take(archive string, p place) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.pull(spot{archive, p.off})
}

// settle keeps what was read besides the caller's own entry; no bytes are a stretch that could not be read.
func (a *ahead) settle(x *index, own place, r run, whole []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	begin := spot{x.key, r.off}
	close(a.asked[begin])
	delete(a.asked, begin)
	for _, p := range r.entries {
		at := spot{x.key, p.off}
		if whole == nil || p.off == own.off || a.kept[at] != nil {
			continue
		}
		data := bytes.Clone(whole[p.off-r.off : x.end(p)-r.off])
		a.kept[at] = a.recent.PushFront(&entry{at, data})
		a.used += len(data)
	}
	for a.used > maxAhead {
		a.pull(a.recent.Back().Value.(*entry).at)
	}
}

// forget drops what is kept of an archive.
func (a *ahead) forget(archive string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for at := range a.kept {
		if at.archive == archive {
			a.pull(at)
		}
	}
}

// pull takes an entry out; nil is none. The lock is held.
func (a *ahead) pull(at spot) []byte {
	e, ok := a.kept[at]
	if !ok {
		return nil
	}
	delete(a.kept, at)
	data := a.recent.Remove(e).(*entry).data
	a.used -= len(data)
	return data
}
