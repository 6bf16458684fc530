// Package storetest proves the contract of store.Bucket. A driver's test calls Run with a function
// that opens an empty bucket; everything that callers rely on is checked from outside, through the
// interface alone.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/store"
)

// Config says what is tested.
type Config struct {
	// Open makes an empty bucket, which the test may fill.
	Open func(t *testing.T) store.Bucket
	// Big is the size of the large object, in bytes; 0 means 3 MiB. Choose it so that the driver
	// takes its path for large objects.
	Big int64
	// Many is the number of objects listed; 0 means 1100, more than a page of S3.
	Many int
}

// Run tests everything.
func Run(t *testing.T, c Config) {
	if c.Big == 0 {
		c.Big = 3 << 20
	}
	if c.Many == 0 {
		c.Many = 1100
	}
	for _, check := range []struct {
		name string
		run  func(*testing.T, store.Bucket, Config)
	}{
		{"RoundTrip", testRoundTrip},
		{"Missing", testMissing},
		{"Ranges", testRanges},
		{"Delete", testDelete},
		{"Keys", testKeys},
		{"WrongSize", testWrongSize},
		{"FailingReader", testFailingReader},
		{"Cancelled", testCancelled},
		{"Overwrite", testOverwrite},
		{"Concurrent", testConcurrent},
		{"Big", testBig},
		{"BigAborted", testBigAborted},
		{"ListOrder", testListOrder},
		{"ListMany", testListMany},
		{"ListEnds", testListEnds},
		{"Model", testModel},
	} {
		t.Run(check.name, func(t *testing.T) { check.run(t, c.Open(t), c) })
	}
}

// key is where most tests put their object.
const key = "slides/00112233445566778899aabb/thumbnail.jpeg"

func put(t *testing.T, b store.Bucket, key string, data []byte) {
	t.Helper()
	if err := b.Put(t.Context(), key, bytes.NewReader(data), int64(len(data))); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, b store.Bucket, key string) []byte {
	t.Helper()
	return getRange(t, b, key, 0, -1)
}

func getRange(t *testing.T, b store.Bucket, key string, off, n int64) []byte {
	t.Helper()
	r, err := b.Get(t.Context(), key, off, n)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatalf("read %s: %v", key, err)
	}
	return data
}

// wantAbsent checks all three ways to see an object.
func wantAbsent(t *testing.T, b store.Bucket, key string) {
	t.Helper()
	if _, err := b.Stat(t.Context(), key); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("stat: %v, want ErrNotFound", err)
	}
	if r, err := b.Get(t.Context(), key, 0, -1); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("get: %v, want ErrNotFound", err)
		if err == nil {
			r.Close()
		}
	}
	if slices.Contains(list(t, b, key), key) {
		t.Errorf("list shows %s", key)
	}
}

// wantHeld checks that the object is there and whole.
func wantHeld(t *testing.T, b store.Bucket, key string, want []byte) {
	t.Helper()
	if got := get(t, b, key); !bytes.Equal(got, want) {
		t.Errorf("%s holds %d bytes, want %d, or others", key, len(got), len(want))
	}
	if o, err := b.Stat(t.Context(), key); err != nil || o.Size != int64(len(want)) || o.Key != key {
		t.Errorf("stat %s: %+v, %v, want %d bytes", key, o, err, len(want))
	}
}

func list(t *testing.T, b store.Bucket, prefix string) (keys []string) {
	t.Helper()
	for o, err := range b.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
	return keys
}

// noise is n bytes that don't compress and don't repeat.
func noise(seed uint64, n int64) io.Reader {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	return io.LimitReader(rand.NewChaCha8(key), n)
}

func noiseBytes(seed uint64, n int64) []byte {
	data, _ := io.ReadAll(noise(seed, n)) // neither reader fails
	return data
}

// onlyReader hides every ability but Read.
type onlyReader struct{ io.Reader }

// failAfter yields what r does and fails instead of ending.
func failAfter(r io.Reader, err error) io.Reader {
	return io.MultiReader(r, readFunc(func([]byte) (int, error) { return 0, err }))
}

// cancelAfter yields what r does, cancels, and goes on with zeros for a while.
func cancelAfter(r io.Reader, cancel context.CancelFunc) io.Reader {
	stop := readFunc(func([]byte) (int, error) { cancel(); return 0, io.EOF })
	return io.MultiReader(r, stop, strings.NewReader(strings.Repeat("\x00", 1<<16)))
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }
