package meter_test

import (
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
	"github.com/slidemill/slidemill/pkg/store/meter"
	"github.com/slidemill/slidemill/pkg/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.Config{
		Open: func(*testing.T) store.Bucket { return meter.New(mem.New(), func(meter.Call) {}) },
		Big:  300_000,
	})
}

func TestReports(t *testing.T) {
	var mu sync.Mutex
	var got []meter.Call
	b := meter.New(mem.New(), func(c meter.Call) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, c)
	})
	ctx := t.Context()
	if err := b.Put(ctx, "k", strings.NewReader("0123456789"), 10); err != nil {
		t.Fatal(err)
	}
	r, err := b.Get(ctx, "k", 2, 5)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, r)
	r.Close()
	r.Close()
	b.Get(ctx, "missing", 0, -1)
	b.Stat(ctx, "k")
	for range b.List(ctx, "") {
	}
	b.Delete(ctx, "k")
	b.Sync(ctx)
	want := []meter.Call{
		{Op: "put", Bytes: 10}, {Op: "get", Bytes: 5}, {Op: "get", Err: store.ErrNotFound},
		{Op: "stat"}, {Op: "list"}, {Op: "delete"}, {Op: "sync"},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(meter.Call{}, "Took"), cmpopts.EquateErrors()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}
