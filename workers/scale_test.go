package workers_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slidemill/slidemill/pkg/qc"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/stitch"
	memstore "github.com/slidemill/slidemill/pkg/store/mem"
)

// TestChecksOfAnotherScale: quality control speaks of the run's own tissue map, whatever scale the slide was cut for
// first. slide.json keeps that of the first.
func TestChecksOfAnotherScale(t *testing.T) {
	path, m := tinySlide(t), tinyModel(t)
	first, second := segment.Parameters{MPP: 1, Region: 128}, segment.Parameters{MPP: 0.5, Region: 128}
	used := newSite(t, m, memstore.New(), 2)
	_, before, err := used.run(path, first)
	if err != nil {
		t.Fatal(err)
	}
	_, got, err := used.run(path, second)
	if err != nil {
		t.Fatal(err)
	}
	_, want, err := newSite(t, m, memstore.New(), 2).run(path, second)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.QC, got.QC); diff != "" {
		t.Errorf("in a folder of its own, and where the slide was cut before:\n%s", diff)
	}
	if diff := cmp.Diff(string(want.Run.Parameters.Tissue), string(got.Run.Parameters.Tissue)); diff != "" || string(before.Run.Parameters.Tissue) == string(got.Run.Parameters.Tissue) {
		t.Errorf("the report states another tissue detection:\n%s", diff)
	}
	if at, half := tissueOf(before), tissueOf(got); half <= 0 || half > at/2 {
		t.Errorf("%g mm² of tissue, %g at half the scale: want about a quarter, and whole cells of tissue", at, half)
	}
}

// tissueOf is how much tissue quality control has found.
func tissueOf(r *stitch.Report) float64 {
	for _, c := range r.QC {
		if c.Check == qc.TissueMM2 {
			return c.Value.(float64)
		}
	}
	return 0
}
