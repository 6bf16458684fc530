package intake

import (
	"bytes"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

// An order, or a refusal, that names no accession leaves the one that is known; another one replaces it.
func TestOrderKeepsAccession(t *testing.T) {
	r, _ := desk(t)
	path := picture(t)
	first, err := r.Take(t.Context(), Request{Path: path, Accession: "S26-1"})
	if err != nil {
		t.Fatal(err)
	}
	want := func(accession string) {
		t.Helper()
		if e, err := r.Desk.Ledger().Entry(t.Context(), first.Slide); err != nil || e.Accession != accession {
			t.Errorf("accession %q, %v, want %q", e.Accession, err, accession)
		}
	}
	o, err := Prepare(t.Context(), path, PrepareConfig{Model: r.Model, Parameters: segment.Parameters{MPP: 1, Threshold: 0.4}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Desk.Submit(t.Context(), o); err != nil { // as run does
		t.Fatal(err)
	}
	want("S26-1")
	o.Accession = "S26-2"
	if err := r.Desk.Submit(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	want("S26-2")
	other := *r
	other.Parameters = segment.Parameters{} // without a scale it is refused
	if taken, err := other.Take(t.Context(), Request{Path: path}); err != nil || taken.State != Refused || taken.Slide != first.Slide {
		t.Fatalf("%+v, %v", taken, err)
	}
	want("S26-2")
}

// A damaged record is replaced by the next order: it holds nothing that could be kept.
func TestOrderReplacesDamagedRecord(t *testing.T) {
	r, _ := desk(t)
	o, err := Prepare(t.Context(), picture(t), PrepareConfig{Model: r.Model, Parameters: segment.Parameters{MPP: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Desk.Bucket.Put(t.Context(), store.Order(o.Slide).Record(), bytes.NewReader([]byte("{")), 1); err != nil {
		t.Fatal(err)
	}
	if err := r.Desk.Submit(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if e, err := r.Desk.Ledger().Entry(t.Context(), o.Slide); err != nil || e.File != "picture.png" {
		t.Errorf("%+v, %v", e, err)
	}
}

// The run that counts is that of the last order, finished or not; nobody guesses one where no record can be read.
func TestOrderedRun(t *testing.T) {
	l, id := Ledger{Bucket: mem.New()}, pyramid.SlideID{7}
	want := func(when string, run pyramid.RunID) {
		t.Helper()
		if got, err := l.OrderedRun(t.Context(), id); err != nil || got != run {
			t.Errorf("%s: %v, %v, want %v", when, got, err, run)
		}
	}
	want("never ordered", pyramid.RunID{})
	for _, run := range []pyramid.RunID{{1}, {2}} {
		if err := l.Enter(t.Context(), Entry{Slide: id, Run: run}); err != nil {
			t.Fatal(err)
		}
		want("ordered", run)
	}
	if err := l.Bucket.Put(t.Context(), store.Order(id).Record(), strings.NewReader("{"), 1); err != nil {
		t.Fatal(err)
	}
	want("damaged", pyramid.RunID{})
}
