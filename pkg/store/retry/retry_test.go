package retry_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
	"github.com/slidemill/slidemill/pkg/store/retry"
	"github.com/slidemill/slidemill/pkg/store/storetest"
)

// quick keeps tests short; the counts of attempts are the same.
var quick = retry.Config{First: time.Microsecond, Longest: time.Microsecond, Patience: 20 * time.Second, Buffer: 300_000}

// TestConformance: over a store of which every tenth step fails, nothing shows.
func TestConformance(t *testing.T) {
	var stores []*storetest.Faulty
	storetest.Run(t, storetest.Config{
		Open: func(t *testing.T) store.Bucket {
			f := storetest.NewFaulty(mem.New(), uint64(len(stores)), 0.1)
			stores = append(stores, f)
			return retry.New(f, quick)
		},
		Big:  200_000, // beyond Buffer, a Put of what can't seek is tried once
		Many: 200,
	})
	faults := 0
	for _, f := range stores {
		faults += f.Faults()
	}
	if faults < 20 {
		t.Errorf("%d faults were injected", faults)
	}
}

// TestResumes: an object larger than the buffer goes on where it broke off.
func TestResumes(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 40_000)
	below := mem.New()
	if err := below.Put(t.Context(), "k", bytes.NewReader(data), -1); err != nil {
		t.Fatal(err)
	}
	c := quick
	c.Buffer = 1000
	b := retry.New(storetest.NewFaulty(below, 2, 0.7), c)
	for _, n := range []int64{-1, 130_000} {
		r, err := b.Get(t.Context(), "k", 7, n)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil {
			t.Fatal(err)
		}
		want := data[7:]
		if n >= 0 {
			want = want[:n]
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%d bytes came back, or others, want %d", len(got), len(want))
		}
	}
}

// broken fails as told and counts.
type broken struct {
	store.Bucket
	err   error
	calls int
}

func (b *broken) Put(context.Context, string, io.Reader, int64) error {
	b.calls++
	return b.err
}

func (b *broken) Stat(context.Context, string) (store.Object, error) {
	b.calls++
	return store.Object{}, b.err
}

// TestOnce: what can't get better is asked once.
func TestOnce(t *testing.T) {
	for _, err := range []error{store.ErrNotFound, store.ErrDenied, store.ErrNoSpace, store.ErrInvalid, store.ErrReplaced} {
		b := &broken{err: err}
		if _, got := retry.New(b, quick).Stat(t.Context(), "k"); !errors.Is(got, err) || b.calls != 1 {
			t.Errorf("%v: %v after %d calls", err, got, b.calls)
		}
	}
}

// TestUnrepeatable: a reader that can't seek is not sent twice, and half of it never.
func TestUnrepeatable(t *testing.T) {
	b := &broken{err: errors.New("reset")}
	c := quick
	c.Buffer = 10
	err := retry.New(b, c).Put(t.Context(), "k", storetest.Seekless(make([]byte, 11)), -1)
	if !errors.Is(err, b.err) || b.calls != 1 {
		t.Errorf("%v after %d calls, want 1", err, b.calls)
	}
	whole := retry.New(mem.New(), c)
	if err := whole.Put(t.Context(), "k", storetest.Seekless([]byte("more than ten bytes")), -1); err != nil {
		t.Fatal(err)
	}
	if o, err := whole.Stat(t.Context(), "k"); err != nil || o.Size != 19 {
		t.Errorf("stored %+v, %v", o, err)
	}
}

// TestSeeks: a reader that stands in its middle is sent from there, each time.
func TestSeeks(t *testing.T) {
	r := strings.NewReader("skip this, keep that")
	if _, err := r.Seek(11, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	b := retry.New(storetest.NewFaulty(mem.New(), 3, 0.5), quick)
	if err := b.Put(t.Context(), "k", r, 9); err != nil {
		t.Fatal(err)
	}
	body, err := b.Get(t.Context(), "k", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if got, err := io.ReadAll(body); err != nil || !bytes.Equal(got, []byte("keep that")) {
		t.Errorf("%q, %v", got, err)
	}
}

// roomLater is full for some calls.
type roomLater struct {
	store.Bucket
	full int
}

func (b *roomLater) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	if b.full--; b.full >= 0 {
		io.CopyN(io.Discard, r, 3)
		return store.ErrNoSpace
	}
	return b.Bucket.Put(ctx, key, r, size)
}

// TestRoom: a full store is waited for beyond all patience, if so told, and nothing is torn.
func TestRoom(t *testing.T) {
	below := mem.New()
	c := quick
	c.Room, c.Patience = true, time.Nanosecond
	if err := retry.New(&roomLater{below, 20}, c).Put(t.Context(), "k", strings.NewReader("whole"), -1); err != nil {
		t.Fatal(err)
	}
	if data, err := store.ReadAll(t.Context(), below, "k", 100); err != nil || string(data) != "whole" {
		t.Errorf("%q, %v", data, err)
	}
}

// TestPatience: it gives up, says so, and stops at once when ctx ends.
func TestPatience(t *testing.T) {
	b := &broken{err: errors.New("reset")}
	var noticed int
	c := retry.Config{
		Patience: 30 * time.Millisecond, First: time.Millisecond, Longest: 2 * time.Millisecond,
		Notice: func(op, key string, err error, _ time.Duration) {
			if noticed++; op != "stat" || key != "k" || !errors.Is(err, b.err) {
				t.Errorf("noticed %s %s: %v", op, key, err)
			}
		},
	}
	_, err := retry.New(b, c).Stat(t.Context(), "k")
	if !errors.Is(err, b.err) || !strings.Contains(err.Error(), "gave up") {
		t.Errorf("%v, want the last error and that we gave up", err)
	}
	if b.calls < 3 || noticed != b.calls-1 {
		t.Errorf("%d calls, %d noticed", b.calls, noticed)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err = retry.New(b, retry.Config{First: time.Hour, Longest: time.Hour, Patience: 100 * time.Hour}).Stat(ctx, "k")
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 10*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}
