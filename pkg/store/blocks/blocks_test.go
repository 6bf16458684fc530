package blocks

import (
	"bytes"
	"context"
	"errors"
	"image"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
	"github.com/slidemill/slidemill/pkg/tiler"
)

// far is a store that counts, and answers after a while.
type far struct {
	store.Bucket
	delay           time.Duration
	requests, bytes atomic.Int64
	broken          atomic.Bool
}

func (f *far) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	f.requests.Add(1)
	f.bytes.Add(n)
	time.Sleep(f.delay)
	if f.broken.Load() {
		return nil, errors.New("the line is dead")
	}
	return f.Bucket.Get(ctx, key, off, n)
}

func put(t testing.TB, data []byte) *far {
	t.Helper()
	b := mem.New()
	if err := b.Put(t.Context(), "x", bytes.NewReader(data), int64(len(data))); err != nil {
		t.Fatal(err)
	}
	return &far{Bucket: b}
}

func noise(n int) []byte {
	data := make([]byte, n)
	rng := rand.NewChaCha8([32]byte{1})
	rng.Read(data)
	return data
}

// TestReadAt: whatever is read, by however many at once, the bytes are the object's, and its end is io.EOF.
func TestReadAt(t *testing.T) {
	data := noise(5*blockSize + 777)
	f := put(t, data)
	r, err := Open(t.Context(), f, "x", 1)
	if err != nil || r.Size() != int64(len(data)) {
		t.Fatal(r, err)
	}
	r.budget = 2 * blockSize // so that blocks come and go
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 2))
			for range 50 {
				off, n := rng.IntN(len(data)+10), rng.IntN(3*blockSize)
				got := make([]byte, n)
				m, err := r.ReadAt(got, int64(off))
				want := data[min(off, len(data)):min(off+n, len(data))]
				if !bytes.Equal(got[:m], want) || (err == io.EOF) != (len(want) < n) || err != nil && err != io.EOF {
					t.Errorf("%d bytes at %d: %d, %v", n, off, m, err)
					return
				}
			}
		})
	}
	wait.Wait()
	if n := r.recent.Len(); n > 2 || len(r.kept) != n {
		t.Errorf("%d blocks kept, %d known, the budget is 2", n, len(r.kept))
	}
}

// TestRequests: one small read is one block; reading on takes more and more at once; nothing is asked twice.
func TestRequests(t *testing.T) {
	data := noise(64 * blockSize)
	f := put(t, data)
	r, err := Open(t.Context(), f, "x", 0)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	if _, err := r.ReadAt(buf, 50); err != nil || f.requests.Load() != 1 || f.bytes.Load() != blockSize {
		t.Errorf("a small read: %d requests, %d bytes, %v", f.requests.Load(), f.bytes.Load(), err)
	}
	if _, err := r.ReadAt(make([]byte, len(data)), 0); err != nil {
		t.Fatal(err)
	}
	if n := f.requests.Load(); n > 9 || f.bytes.Load() != int64(len(data)) {
		t.Errorf("the whole: %d requests, %d bytes of %d", n, f.bytes.Load(), len(data))
	}
}

// TestFailure: an error reaches whoever asks, and is forgotten: the next read asks again.
func TestFailure(t *testing.T) {
	data := noise(3 * blockSize)
	f := put(t, data)
	r, err := Open(t.Context(), f, "x", 0)
	if err != nil {
		t.Fatal(err)
	}
	f.broken.Store(true)
	buf := make([]byte, 10)
	if _, err := r.ReadAt(buf, 0); err == nil {
		t.Error("read from a dead line")
	}
	f.broken.Store(false)
	if _, err := r.ReadAt(buf, 0); err != nil || !bytes.Equal(buf, data[:10]) {
		t.Errorf("after the failure: %v", err)
	}
	if _, err := Open(t.Context(), f, "y", 0); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("no object: %v", err)
	}
}

// TestSlide inspects and tiles a real slide over a line with 20 ms of latency and prints what that moves:
// inspecting takes kilobytes, tiling the file once, and the pyramid is that of the file.
func TestSlide(t *testing.T) {
	root := os.Getenv("SLIDEMILL_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared", "data")
	}
	file := filepath.Join(root, "slides", "CMU-1-Small-Region.svs")
	if named := os.Getenv("BENCH_SLIDE"); named != "" {
		file = named
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Skipf("needs the test data in ../shared/data (or under SLIDEMILL_DATA): %v", err)
	}
	f := put(t, data)
	f.delay = 20 * time.Millisecond
	started := time.Now()
	r, err := Open(t.Context(), f, "x", 0)
	if err != nil {
		t.Fatal(err)
	}
	s, err := slide.OpenSource(t.Context(), slide.Source{ReaderAt: r, Closer: r, Size: r.Size()}, slide.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	t.Logf("inspect: %d requests, %d kB of %d, %v", f.requests.Load(), f.bytes.Load()>>10, len(data)>>10, time.Since(started).Round(time.Millisecond))
	if n := f.bytes.Load(); n > 1<<20 {
		t.Errorf("inspecting moved %d bytes", n)
	}
	started = time.Now()
	there := cut(t, s)
	t.Logf("tile: %d requests, %d kB, %v", f.requests.Load(), f.bytes.Load()>>10, time.Since(started).Round(time.Millisecond))
	if n := f.bytes.Load(); n > int64(len(data))*5/4 {
		t.Errorf("tiling moved %d bytes of a slide of %d", n, len(data))
	}
	local, err := slide.Open(t.Context(), file, slide.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	started = time.Now()
	here := cut(t, local)
	t.Logf("tile from disk: %v", time.Since(started).Round(time.Millisecond))
	if here.Bytes != there.Bytes || here.Tiles() != there.Tiles() {
		t.Errorf("over the line %d tiles of %d bytes, from disk %d of %d", there.Tiles(), there.Bytes, here.Tiles(), here.Bytes)
	}
	var a, b image.RGBA
	if err := errors.Join(s.ReadTile(t.Context(), 0, 3, 4, &a), local.ReadTile(t.Context(), 0, 3, 4, &b)); err != nil || !bytes.Equal(a.Pix, b.Pix) {
		t.Errorf("a tile differs, %v", err)
	}
}

func cut(t *testing.T, s slide.Slide) tiler.Result {
	t.Helper()
	r, err := tiler.Cut(t.Context(), tiler.Config{Slide: s, Bucket: mem.New(), Bare: true, Workers: 8})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
