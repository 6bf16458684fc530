package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

// heldReports counts the reports that were read and of which no caution is kept yet.
type heldReports struct {
	store.Bucket
	kept       func() int
	read, most atomic.Int64
}

func (h *heldReports) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if strings.HasSuffix(key, "/report.json") {
		held := h.read.Add(1) - int64(h.kept())
		for most := h.most.Load(); held > most && !h.most.CompareAndSwap(most, held); most = h.most.Load() {
		}
	}
	return h.Bucket.Get(ctx, key, off, n)
}

// However many slides are done, few reports are held at a time, and without --times each is read once.
func TestFewReportsAreHeld(t *testing.T) {
	const slides = 3*reportsAtOnce + 1
	for _, stages := range []bool{false, true} {
		t.Run(fmt.Sprintf("stages %v", stages), func(t *testing.T) {
			bucket, lines := doneSlides(t, slides)
			held := &heldReports{Bucket: bucket}
			b := &bulletin{judge: &intake.Judge{Ledger: intake.Ledger{Bucket: held}, Stages: stages}}
			held.kept = func() int { return len(b.cautions) }
			for look := range 2 {
				var err error
				if b.standings, err = b.judged(t.Context(), lines); err == nil {
					err = b.read(t.Context())
				}
				if err != nil || len(b.cautions) != slides || len(b.standings) != slides {
					t.Fatalf("%d of %d cautions of %d slides: %v", len(b.cautions), len(b.standings), slides, err)
				}
				for i := range b.standings {
					if s := &b.standings[i]; s.Slide != lines[i].Slide || s.Report != nil || b.cautionFor(s).NoStatement == "" {
						t.Errorf("look %d, slide %d: %+v", look, i, s)
					}
				}
				if most := held.most.Load(); look == 0 && most > reportsAtOnce {
					t.Errorf("%d reports are held at once, want at most %d", most, reportsAtOnce)
				}
			}
			if n := held.read.Load(); !stages && n != slides {
				t.Errorf("%d reports are read of %d slides", n, slides)
			}
		})
	}
}

// doneSlides are orders that are done, on glass without tissue.
func doneSlides(t *testing.T, n int) (store.Bucket, []intake.Line) {
	t.Helper()
	bucket, lines := mem.New(), make([]intake.Line, n)
	for i := range lines {
		e := intake.Entry{Slide: pyramid.SlideID{byte(i), 1}, Run: pyramid.RunID{byte(i), 1}}
		keys := store.Slide(e.Slide).Run(e.Run)
		for key, text := range map[string]string{keys.Manifest(): "{}", keys.Report(): `{"status":"` + stitch.Done + `"}`} {
			if err := bucket.Put(t.Context(), key, strings.NewReader(text), int64(len(text))); err != nil {
				t.Fatal(err)
			}
		}
		lines[i].Entry = e
	}
	return bucket, lines
}
