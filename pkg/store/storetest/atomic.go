package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/store"
)

// refused runs a Put that must fail, once where nothing is and once where an object is.
func refused(t *testing.T, b store.Bucket, name string, want error, put func(key string) error) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		fresh := key + "-" + name
		if err := put(fresh); !errors.Is(err, want) {
			t.Errorf("put: %v, want %v", err, want)
		}
		wantAbsent(t, b, fresh)

		old := []byte("the old object")
		if err := b.Put(t.Context(), fresh, bytes.NewReader(old), -1); err != nil {
			t.Fatal(err)
		}
		if err := put(fresh); !errors.Is(err, want) {
			t.Errorf("put over another: %v, want %v", err, want)
		}
		wantHeld(t, b, fresh, old)
	})
}

func testWrongSize(t *testing.T, b store.Bucket, _ Config) {
	for _, c := range []struct{ yields, announced int64 }{
		{9, 10}, {0, 1}, {11, 10}, {1, 0}, {100_000, 200_000}, {200_000, 100_000},
	} {
		refused(t, b, fmt.Sprintf("%dof%d", c.yields, c.announced), store.ErrInvalid, func(key string) error {
			return b.Put(t.Context(), key, noise(1, c.yields), c.announced)
		})
	}
}

var errBroken = errors.New("the reader broke")

func testFailingReader(t *testing.T, b store.Bucket, _ Config) {
	for _, size := range []int64{-1, 0, 100_000, 100_001} {
		refused(t, b, fmt.Sprint("size", size), errBroken, func(key string) error {
			return b.Put(t.Context(), key, failAfter(noise(1, min(max(size, 0), 100_000)), errBroken), size)
		})
	}
}

func testCancelled(t *testing.T, b store.Bucket, _ Config) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	refused(t, b, "before", context.Canceled, func(key string) error {
		return b.Put(ended, key, bytes.NewReader([]byte("x")), 1)
	})
	for _, size := range []int64{-1, 100_000 + 1<<16} {
		refused(t, b, fmt.Sprint("meanwhile", size), context.Canceled, func(key string) error {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			return b.Put(ctx, key, cancelAfter(noise(1, 100_000), cancel), size)
		})
	}
	put(t, b, key, []byte("x"))
	_, statErr := b.Stat(ended, key)
	_, getErr := b.Get(ended, key, 0, -1)
	for op, err := range map[string]error{"stat": statErr, "get": getErr, "delete": b.Delete(ended, key)} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", op, err)
		}
	}
	wantHeld(t, b, key, []byte("x"))
}

// testOverwrite: a reader beside writers sees one object or the other, whole.
func testOverwrite(t *testing.T, b store.Bucket, _ Config) {
	versions := [][]byte{noiseBytes(1, 70_000), noiseBytes(2, 50_000)}
	put(t, b, key, versions[0])
	writers, ctx := errgroup.WithContext(t.Context())
	for w := range 2 {
		writers.Go(func() error {
			for i := range 20 {
				v := versions[(w+i)%2]
				if err := b.Put(ctx, key, bytes.NewReader(v), int64(len(v))); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for range 40 {
		if got := get(t, b, key); !bytes.Equal(got, versions[0]) && !bytes.Equal(got, versions[1]) {
			t.Errorf("read %d bytes that nobody wrote", len(got))
		}
	}
	if err := writers.Wait(); err != nil {
		t.Fatal(err)
	}
	put(t, b, key, versions[1])
	wantHeld(t, b, key, versions[1])
}

func testConcurrent(t *testing.T, b store.Bucket, _ Config) {
	var group errgroup.Group
	for g := range 8 {
		group.Go(func() error {
			for i := range 12 {
				if err := putGetDelete(t.Context(), b, fmt.Sprintf("c/%d/%d", i%3, g*100+i), i%2 == 0); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := len(list(t, b, "c/")); n != 8*6 {
		t.Errorf("%d objects left, want %d", n, 8*6)
	}
}

func putGetDelete(ctx context.Context, b store.Bucket, key string, remove bool) error {
	if err := b.Put(ctx, key, bytes.NewReader([]byte(key)), -1); err != nil {
		return err
	}
	r, err := b.Get(ctx, key, 0, -1)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil || string(data) != key {
		return fmt.Errorf("%s holds %q: %w", key, data, err)
	}
	if remove {
		return b.Delete(ctx, key)
	}
	return nil
}

func testBig(t *testing.T, b store.Bucket, c Config) {
	want := sha256.New()
	io.Copy(want, noise(3, c.Big))
	for _, size := range []int64{c.Big, -1} {
		if err := b.Put(t.Context(), key, onlyReader{noise(3, c.Big)}, size); err != nil {
			t.Fatal(err)
		}
		r, err := b.Get(t.Context(), key, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		got := sha256.New()
		_, err = io.Copy(got, r)
		if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
			t.Errorf("size %d: other bytes came back, %v", size, err)
		}
	}
	middle := noiseBytes(3, c.Big)[c.Big/2:][:1000]
	if got := getRange(t, b, key, c.Big/2, 1000); !bytes.Equal(got, middle) {
		t.Error("a range in the middle differs")
	}
}

// testBigAborted: nothing shows of a large object that breaks near its end, or is cancelled there.
func testBigAborted(t *testing.T, b store.Bucket, c Config) {
	most := c.Big * 9 / 10
	for _, size := range []int64{c.Big, -1} {
		refused(t, b, fmt.Sprint("broken", size), errBroken, func(key string) error {
			return b.Put(t.Context(), key, failAfter(noise(3, most), errBroken), size)
		})
	}
	refused(t, b, "short", store.ErrInvalid, func(key string) error {
		return b.Put(t.Context(), key, noise(3, most), c.Big)
	})
	refused(t, b, "cancelled", context.Canceled, func(key string) error {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		return b.Put(ctx, key, cancelAfter(noise(3, most), cancel), -1)
	})
}
