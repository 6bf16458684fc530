package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

func testRoundTrip(t *testing.T, b store.Bucket, _ Config) {
	run := store.Slide(pyramid.SlideID{1}).Run(pyramid.RunID{2})
	for i, n := range []int64{0, 1, 1000, 100_000} {
		data := noiseBytes(1, n)
		known := run.Region(pyramid.Region{Col: i})
		put(t, b, known, data)
		wantHeld(t, b, known, data)

		unknown := run.Region(pyramid.Region{Row: i + 1})
		if err := b.Put(t.Context(), unknown, onlyReader{noise(1, n)}, -1); err != nil {
			t.Fatal(err)
		}
		wantHeld(t, b, unknown, data)
	}
	o, err := b.Stat(t.Context(), run.Region(pyramid.Region{}))
	if age := time.Since(o.Modified); err != nil || age.Abs() > time.Hour {
		t.Errorf("modified %v ago, %v", age, err)
	}
}

func testMissing(t *testing.T, b store.Bucket, _ Config) {
	wantAbsent(t, b, key)
	put(t, b, key, []byte("x"))
	wantAbsent(t, b, key+"x")                               // a longer name
	wantAbsent(t, b, key[:len(key)-1])                      // a shorter one
	wantAbsent(t, b, key[:strings.LastIndexByte(key, '/')]) // its folder
	wantAbsent(t, b, key+"/below")                          // an object is no folder
	if _, err := b.Get(t.Context(), key+"x", 5, 0); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("empty range of nothing: %v, want ErrNotFound", err)
	}
}

func testRanges(t *testing.T, b store.Bucket, _ Config) {
	const text = "0123456789"
	put(t, b, key, []byte(text))
	put(t, b, key+"0", nil)
	for _, c := range []struct {
		off, n int64
		want   string
	}{
		{0, -1, text}, {0, 10, text}, {0, 1, "0"}, {9, 1, "9"}, {3, 4, "3456"}, {4, -1, "456789"},
		{8, 100, "89"}, {0, 1 << 62, text}, {5, 1<<63 - 1, "56789"}, // shortened
		{10, 1, ""}, {10, -1, ""}, {99, 5, ""}, {1 << 62, -1, ""}, // beyond the end
		{3, 0, ""}, {0, 0, ""}, // nothing asked for
	} {
		if got := getRange(t, b, key, c.off, c.n); string(got) != c.want {
			t.Errorf("range %d+%d: %q, want %q", c.off, c.n, got, c.want)
		}
	}
	for _, n := range []int64{-1, 0, 5} {
		if got := getRange(t, b, key+"0", 0, n); len(got) != 0 {
			t.Errorf("empty object, %d bytes: %q", n, got)
		}
	}
	if r, err := b.Get(t.Context(), key, -1, 5); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("negative offset: %v, want ErrInvalid", err)
		if err == nil {
			r.Close()
		}
	}
}

func testDelete(t *testing.T, b store.Bucket, _ Config) {
	sibling := strings.Replace(key, "thumbnail", "other", 1)
	put(t, b, key, []byte("x"))
	put(t, b, sibling, []byte("y"))
	for range 2 { // the second time it is not there
		if err := b.Delete(t.Context(), key); err != nil {
			t.Error(err)
		}
		wantAbsent(t, b, key)
	}
	wantHeld(t, b, sibling, []byte("y"))
	if err := b.Delete(t.Context(), sibling); err != nil {
		t.Error(err)
	}
	if keys := list(t, b, ""); len(keys) != 0 {
		t.Errorf("left: %q", keys)
	}
	put(t, b, key, []byte("again")) // where everything had gone
	wantHeld(t, b, key, []byte("again"))
}

// testKeys: the keys that could name something outside the store, or two things at once.
func testKeys(t *testing.T, b store.Bucket, _ Config) {
	ctx := t.Context()
	for _, key := range []string{
		"", "/", "/abs", "a//b", "a/", "./a", "a/.", "..", "../a", "a/../b", "a/../../b", "a\\b", "..\\a",
		"a\x00b", "a\nb", "a\x7fb", "a\xffb", strings.Repeat("a/", 600) + "a", strings.Repeat("a", 256),
	} {
		_, getErr := b.Get(ctx, key, 0, -1)
		_, statErr := b.Stat(ctx, key)
		for op, err := range map[string]error{
			"put":    b.Put(ctx, key, strings.NewReader("x"), 1),
			"get":    getErr,
			"stat":   statErr,
			"delete": b.Delete(ctx, key),
		} {
			if !errors.Is(err, store.ErrInvalid) {
				t.Errorf("%s %.40q: %v, want ErrInvalid", op, key, err)
			}
		}
	}
	for _, key := range []string{"a", "a b", "ä/ö", "a/b.c/d-e_f", "...", "a..b", "x/+&%=?#"} {
		put(t, b, key+".x", []byte(key))
		wantHeld(t, b, key+".x", []byte(key))
	}
	for _, prefix := range []string{"../", "/", "a//", "a\\", "a/../b"} {
		for o, err := range b.List(ctx, prefix) {
			if !errors.Is(err, store.ErrInvalid) {
				t.Errorf("list %q: %v, %v, want ErrInvalid", prefix, o, err)
			}
		}
	}
}

func testModel(t *testing.T, b store.Bucket, _ Config) {
	model := make(map[string][]byte)
	draws := noiseBytes(7, 3*150)
	for i := 0; i+2 < len(draws); i += 3 {
		key := fmt.Sprintf("m/%d/%d", draws[i]%3, draws[i]%7)
		switch data := draws[i+1 : i+1+int(draws[i+2]%2)]; draws[i+2] % 5 {
		case 0:
			delete(model, key)
			if err := b.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		case 1, 2:
			model[key] = data
			put(t, b, key, data)
		default:
			if want, ok := model[key]; ok {
				wantHeld(t, b, key, want)
			} else {
				wantAbsent(t, b, key)
			}
		}
	}
	wantKeys(t, list(t, b, ""), model)
}
