package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/store"
)

func wantKeys[V any](t *testing.T, got []string, want map[string]V) {
	t.Helper()
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), got); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
}

// testListOrder: byte order of whole keys, where "/" comes after "." and "-" but before "0", and
// prefixes that end inside a name.
func testListOrder(t *testing.T, b store.Bucket, _ Config) {
	all := []string{"a-b", "a.b", "a/b", "a/b.c", "a/b0", "a/c/d", "a/c/d.e/f", "a/c.d", "a0/x", "ab", "b/10", "b/2", "ä"}
	for _, key := range all {
		put(t, b, key, []byte(key))
	}
	for _, prefix := range []string{"", "a", "a/", "a/c", "a/c/", "a/c/d", "a.", "b/1", "ä", "c", "a/b/", "ab/", "a/c/d.e/f"} {
		want := make(map[string]bool)
		for _, key := range all {
			if strings.HasPrefix(key, prefix) {
				want[key] = true
			}
		}
		t.Run(prefix, func(t *testing.T) { wantKeys(t, list(t, b, prefix), want) })
	}
	for o, err := range b.List(t.Context(), "") {
		if err != nil || o.Size != int64(len(o.Key)) || o.Modified.IsZero() {
			t.Errorf("listed %+v, %v", o, err)
		}
	}
}

// testListMany lists over several pages, and deletes under the iteration.
func testListMany(t *testing.T, b store.Bucket, c Config) {
	want := make(map[string]bool)
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(8)
	for i := range c.Many {
		key := fmt.Sprintf("many/%d/%d_0.jpeg", i%3, i)
		want[key] = true
		group.Go(func() error { return b.Put(ctx, key, strings.NewReader("tile"), 4) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	wantKeys(t, list(t, b, "many/"), want)

	deleted := 0
	for o, err := range b.List(t.Context(), "many/1/") {
		if err == nil {
			err = b.Delete(t.Context(), o.Key)
		}
		if err != nil {
			t.Fatal(err)
		}
		deleted++
	}
	if left := len(list(t, b, "many/")); left != c.Many-deleted || deleted < c.Many/4 {
		t.Errorf("%d deleted while listing, %d left of %d", deleted, left, c.Many)
	}
}

// testListEnds: when the caller stops, and when ctx does.
func testListEnds(t *testing.T, b store.Bucket, _ Config) {
	for i := range 20 {
		put(t, b, fmt.Sprintf("e/%d/x", i), nil)
	}
	n := 0
	for _, err := range b.List(t.Context(), "e/") {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d objects before the break, want 3", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var errs []error
	for _, err := range b.List(ctx, "e/") {
		errs = append(errs, err)
	}
	if len(errs) != 1 || !errors.Is(errs[0], context.Canceled) {
		t.Errorf("cancelled list yields %v, want context.Canceled once", errs)
	}
}
