// Package blocks reads one large object of a store as if it were a file: an io.ReaderAt over ranged
// requests, with a bounded cache of blocks. It knows nothing of slides; pkg/slide reads them through it where
// they lie in S3.
package blocks

import (
	"container/list"
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/slidemill/slidemill/pkg/store"
)

// The grain of the cache. A slide's directories are scattered over the file: small blocks keep inspecting it
// at kilobytes. Tiles lie in rows and are read in squares: where a block follows one that is there, a
// request takes more at once, twice as much each time, up to maxRun blocks, because 20 ms of waiting are worth
// two megabytes of a fast line.
const (
	blockSize = 64 << 10
	maxRun    = 16
)

// DefaultCache holds the rows of tiles between two visits of the tiler's walk: 64 MiB are 64 rows of a slide
// of 20 000 pixels, and some four of one of 300 000, where the walk needs four at a time.
const DefaultCache = 64 << 20

// Reader reads an object. It is safe for concurrent use.
//
// # Memory
//
// The cache, and a run of blocks (1 MiB) for each read at work.
type Reader struct {
	ctx    context.Context // of the opener: io.ReaderAt has no place for one
	bucket store.Bucket
	key    string
	size   int64
	budget int64

	mu     sync.Mutex
	kept   map[int64]*block
	recent list.List // of *block that are loaded, most recent first
	run    int64     // blocks that the last request took
}

// block is blockSize bytes of the object, fewer at its end.
type block struct {
	at    int64
	place *list.Element // in recent; nil while loading
	done  chan struct{} // closed once data and err are set
	data  []byte
	err   error
}

var _ io.ReaderAt = (*Reader)(nil)

// Open looks the object up. Reads end with ctx. A cache of 0 bytes takes DefaultCache.
func Open(ctx context.Context, b store.Bucket, key string, cache int64) (*Reader, error) {
	o, err := b.Stat(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", key, err)
	}
	if cache <= 0 {
		cache = DefaultCache
	}
	return &Reader{ctx: ctx, bucket: b, key: key, size: o.Size, budget: max(cache, maxRun*blockSize), kept: map[int64]*block{}, run: 1}, nil
}

// Size is the object's size.
func (r *Reader) Size() int64 { return r.size }

// Close lets the cache go.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept, r.recent = map[int64]*block{}, list.List{}
	return nil
}

// ReadAt implements io.ReaderAt.
func (r *Reader) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("read %s: %w: offset %d", r.key, store.ErrInvalid, off)
	}
	for n < len(p) && off < r.size {
		b, err := r.block(off / blockSize)
		if err != nil {
			return n, err
		}
		m := copy(p[n:], b.data[off%blockSize:])
		n, off = n+m, off+int64(m)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// block gives a loaded block, fetching it and what follows if need be.
func (r *Reader) block(at int64) (*block, error) {
	for {
		b, mine := r.claim(at)
		if mine != nil {
			r.load(mine)
		}
		select {
		case <-b.done:
		case <-r.ctx.Done():
			return nil, r.ctx.Err()
		}
		if b.err == nil {
			return b, nil
		}
		if mine != nil || r.ctx.Err() != nil {
			return nil, b.err
		}
	}
}

// claim finds a block, or makes it and those that are to be fetched with it: then mine holds them.
func (r *Reader) claim(at int64) (b *block, mine []*block) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b, ok := r.kept[at]; ok {
		if b.place != nil {
			r.recent.MoveToFront(b.place)
		}
		return b, nil
	}
	if _, follows := r.kept[at-1]; follows {
		r.run = min(2*r.run, maxRun)
	} else {
		r.run = 1
	}
	last := (r.size - 1) / blockSize
	for i := at; i < at+r.run && i <= last && r.kept[i] == nil; i++ {
		b := &block{at: i, done: make(chan struct{})}
		r.kept[i] = b
		mine = append(mine, b)
	}
	return mine[0], mine
}

// load fetches neighbouring blocks with one request and publishes them.
func (r *Reader) load(run []*block) {
	begin := run[0].at * blockSize
	data := make([]byte, min(int64(len(run))*blockSize, r.size-begin))
	err := r.fetch(data, begin)
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, b := range run {
		if b.err = err; err != nil {
			delete(r.kept, b.at)
		} else {
			// A copy of its own, so that an evicted block takes its memory along.
			b.data = append([]byte(nil), data[i*blockSize:min((i+1)*blockSize, len(data))]...)
			b.place = r.recent.PushFront(b)
		}
		close(b.done)
	}
	for int64(r.recent.Len())*blockSize > r.budget {
		old := r.recent.Remove(r.recent.Back()).(*block)
		delete(r.kept, old.at)
	}
}

func (r *Reader) fetch(data []byte, off int64) error {
	body, err := r.bucket.Get(r.ctx, r.key, off, int64(len(data)))
	if err != nil {
		return fmt.Errorf("read %s: %w", r.key, err)
	}
	defer body.Close()
	if _, err := io.ReadFull(body, data); err != nil {
		return fmt.Errorf("read %s at byte %d: %w", r.key, off, err)
	}
	return nil
}
