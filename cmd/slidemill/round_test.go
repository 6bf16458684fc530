package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store"
)

// A slide of which the folder has no more than a copy of another folder's file has its own row in the watch's summary.
func TestSummaryOfACopy(t *testing.T) {
	ctx, p := t.Context(), &place{data: t.TempDir()}
	system, err := p.reach(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := system.close(); err != nil {
			t.Error(err)
		}
	}()
	model := &segment.Model{
		Ref: segment.ModelRef{Name: "m", SHA256: "ab"}, Field: segment.Field{Align: 32, Halo: 32},
		Description: segment.Description{MPP: 1.3},
	}
	desk, err := system.reception(ctx, model, segment.Parameters{})
	if err != nil {
		t.Fatal(err)
	}
	far, here := t.TempDir(), t.TempDir()
	slide, copied := filepath.Join(far, "a.tiff"), filepath.Join(here, "b.tiff")
	if code, _, errs := command("synth", "--out", slide, "--size", "480x360"); code != exitDone {
		t.Fatal(errs)
	}
	analysed(t, system, desk, intake.Request{Path: slide, Accession: "A1", Folder: intake.FolderMark(far)})
	if err := os.Rename(slide, copied); err != nil {
		t.Fatal(err)
	}
	r := &round{system: system, flags: &folderFlags{settle: time.Nanosecond}, place: p, quiet: true}
	if err := r.open(ctx, here, desk, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := r.watcher.Look(ctx); err != nil {
			t.Fatal(err)
		}
	}
	s, err := r.summarise(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if c := s.Count(); c.Done != 1 || c.Copies != 1 || len(s.Rows) != 2 || s.Rows[0].File != "a.tiff" || s.Rows[0].Accession != "A1" {
		t.Errorf("%s: %+v", s.Headline(), s.Rows)
	}
}

// analysed orders a slide and gives it its result.
func analysed(t *testing.T, system *reached, desk *intake.Reception, q intake.Request) {
	t.Helper()
	taken, err := desk.Take(t.Context(), q)
	if err != nil || taken.State != intake.Waiting {
		t.Fatalf("%+v, %v", taken, err)
	}
	keys := store.Slide(taken.Slide)
	for _, key := range []string{keys.Manifest(), keys.Run(taken.Run).Report(), keys.Run(taken.Run).Manifest()} {
		if err := system.bucket.Put(t.Context(), key, strings.NewReader("{}"), 2); err != nil {
			t.Fatal(err)
		}
	}
}
