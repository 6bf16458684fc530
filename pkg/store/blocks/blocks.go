// Package blocks reads one large object of a store as if it were a file: an io.ReaderAt over ranged
// requests, with a bounded cache of blocks that is filled ahead of who reads on. It knows nothing of slides; pkg/slide reads them through it where
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
// The cache, a run of blocks (1 MiB) for each read at work, and as much for each run that is fetched ahead, of
// which there are maxAhead at most. What was fetched ahead counts as cache from then on.
type Reader struct {
	ctx    context.Context // of the opener, until Close: io.ReaderAt has no place for one
	stop   context.CancelFunc
	bucket store.Bucket
	key    string
	size   int64
	budget int64
	ahead  sync.WaitGroup

	mu     sync.Mutex
	kept   map[int64]*block
	recent list.List // of *block that are loaded, most recent first
	pace   pace
}

// block is blockSize bytes of the object, fewer at its end.
type block struct {
	at      int64
	run     int64         // blocks that were asked for with it
	trigger bool          // whoever reads it has what follows its run fetched
	touched bool          // somebody wanted it
	place   *list.Element // in recent; nil while loading
	done    chan struct{} // closed once data and err are set
	data    []byte
	err     error
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
	ctx, stop := context.WithCancel(ctx)
	return &Reader{
		ctx: ctx, stop: stop, bucket: b, key: key, size: o.Size, budget: max(cache, maxRun*blockSize),
		kept: map[int64]*block{}, pace: newPace(),
	}, nil
}

// Size is the object's size.
func (r *Reader) Size() int64 { return r.size }

// Close ends all reads and lets the cache go.
func (r *Reader) Close() error {
	r.mu.Lock()
	r.stop() // under mu: nothing is fetched ahead any more
	r.mu.Unlock()
	r.ahead.Wait()
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
		if err := r.ctx.Err(); err != nil {
			return nil, fmt.Errorf("read %s: %w", r.key, err)
		}
		b, mine := r.claim(at)
		if mine != nil {
			r.load(mine)
		}
		select {
		case <-b.done:
		case <-r.ctx.Done():
			continue
		}
		if b.err == nil {
			return b, nil
		}
		if mine != nil {
			return nil, b.err
		}
	}
}

// claim finds a block, or makes it and those that are to be fetched with it: then mine holds them.
func (r *Reader) claim(at int64) (b *block, mine []*block) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b = r.kept[at]; b == nil {
		mine = r.begin(at, r.pace.first(r.kept[at-1]))
		b = mine[0]
	} else if b.place != nil {
		r.recent.MoveToFront(b.place)
	}
	b.touched = true
	if b.trigger {
		b.trigger = false
		r.fetchAhead(b)
	}
	return b, mine
}

// begin makes up to n blocks that somebody is to load, as far as nobody else has them. Callers hold mu.
func (r *Reader) begin(at, n int64) (run []*block) {
	end := min(at+n, (r.size+blockSize-1)/blockSize)
	for ; at < end && r.kept[at] == nil; at++ {
		b := &block{at: at, done: make(chan struct{})}
		r.kept[at] = b
		run = append(run, b)
	}
	for _, b := range run {
		b.run = int64(len(run))
	}
	if len(run) > 0 {
		run[len(run)/2].trigger = true
	}
	return run
}

// load fetches neighbouring blocks with one request, and publishes each as soon as the bucket hands it over: a
// bucket that tries again (store/retry) has read them all by then.
func (r *Reader) load(run []*block) {
	begin := run[0].at * blockSize
	size := min(int64(len(run))*blockSize, r.size-begin)
	body, err := r.bucket.Get(r.ctx, r.key, begin, size)
	if err == nil {
		defer body.Close()
	}
	for i, b := range run {
		if err == nil {
			b.data = make([]byte, min(blockSize, size-int64(i)*blockSize))
			_, err = io.ReadFull(body, b.data)
		}
		r.publish(b, err)
	}
}

// publish tells a block to all who wait for it. A failure is forgotten at once: the next one asks again.
func (r *Reader) publish(b *block, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		b.data, b.err = nil, fmt.Errorf("read %s at byte %d: %w", r.key, b.at*blockSize, err)
		delete(r.kept, b.at)
	} else {
		b.place = r.recent.PushFront(b)
	}
	close(b.done)
	for int64(r.recent.Len())*blockSize > r.budget {
		old := r.recent.Remove(r.recent.Back()).(*block)
		delete(r.kept, old.at)
		r.pace.leave(old)
	}
}
