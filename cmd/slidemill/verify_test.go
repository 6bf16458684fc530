package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

// TestUnfinished: a slide is whole only with the result of its order, and runs that were left before it cost it nothing.
func TestUnfinished(t *testing.T) {
	id, own := pyramid.SlideID{7}, pyramid.RunID{1}
	for name, c := range map[string]struct {
		line  intake.Line
		made  bool // the order's run.json is there
		proof stitch.Verification
		want  []string // nothing: it is whole
	}{
		"at work":          {intake.Line{Entry: intake.Entry{Slide: id, Run: own}}, false, stitch.Verification{Unfinished: 1, Objects: 3}, []string{"whole: no finished run (and 1 unfinished), 3 objects", "`slidemill status`", "run or submit"}},
		"not begun":        {intake.Line{Entry: intake.Entry{Slide: id, Run: own}}, false, stitch.Verification{Runs: 1}, []string{"not finished"}},
		"cancelled":        {intake.Line{Entry: intake.Entry{Slide: id, Run: own}, End: &intake.End{State: intake.Cancelled, Reason: "wrong block"}}, false, stitch.Verification{Unfinished: 1}, []string{"was cancelled: wrong block"}},
		"done":             {intake.Line{Entry: intake.Entry{Slide: id, Run: own}}, true, stitch.Verification{Runs: 1}, nil},
		"another was left": {intake.Line{Entry: intake.Entry{Slide: id, Run: own}}, true, stitch.Verification{Runs: 1, Unfinished: 1}, nil},
		"nobody's order":   {intake.Line{Entry: intake.Entry{Slide: id}}, false, stitch.Verification{Unfinished: 1}, []string{"not finished"}},
		"only tiled":       {intake.Line{Entry: intake.Entry{Slide: id}}, false, stitch.Verification{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := mem.New()
			if c.made {
				if err := b.Put(t.Context(), store.Slide(id).Run(own).Manifest(), bytes.NewReader([]byte("{}")), 2); err != nil {
					t.Fatal(err)
				}
			}
			err := unfinished(t.Context(), b, &c.line, &c.proof)
			if (err == nil) != (c.want == nil) {
				t.Fatalf("got %v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}
