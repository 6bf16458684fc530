package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
)

func (s *shift) finished(r *stitch.Report, order *intake.Order, took time.Duration) error {
	out := s.cmd.OutOrStdout()
	if s.flags.json {
		return json.NewEncoder(out).Encode(r)
	}
	text := fmt.Sprintf("%s: done in %.1f s with model %s %s\n", r.Slide.File, took.Seconds(), r.Run.Model.Name, r.Run.Model.Version)
	if r.Seconds.Segment > 0 && r.AnalysedMM2 > 0 {
		text += fmt.Sprintf("  segmented in %.1f s, %.2f s per mm² of tissue\n", r.Seconds.Segment, r.Seconds.Segment/r.AnalysedMM2)
	}
	for _, line := range slices.Concat(verdict(r), r.Warnings(), s.excuse(r), s.whereabouts(order)) {
		text += "  " + line + "\n"
	}
	_, err := fmt.Fprint(out, text+"  research use only, not for diagnostic procedures\n")
	return err
}

// verdict says what was found. Where nothing was analysed there is no "0 %": nobody has looked.
func verdict(r *stitch.Report) []string {
	if r.Unseen() {
		return []string{unlooked(r)}
	}
	lines := []string{fmt.Sprintf("carcinoma %.2f mm² of %.2f mm² tissue analysed (%s), %s, %s",
		r.CarcinomaMM2, r.AnalysedMM2, r.Share(), count(len(r.Lesions), "lesion"), plural(r.Foci(), "smaller focus", "smaller foci"))}
	if line := unlooked(r); line != "" {
		lines = append(lines, line)
	}
	if r.UncertainMM2 > 0 {
		lines = append(lines, fmt.Sprintf("uncertain: %.2f mm² unlike the training images, with %.2f mm² of the carcinoma; in no share",
			r.UncertainMM2, r.UncertainCarcinomaMM2))
	}
	if r.NotAnalysedMM2 > 0 {
		lines = append(lines, fmt.Sprintf("not analysed: %.2f mm²", r.NotAnalysedMM2))
	}
	return lines
}

// unlooked says that a result is no statement on its slide, or nothing if it is one.
func unlooked(r *stitch.Report) string {
	none := r.NoStatement()
	if none == "" {
		return ""
	}
	what := "NO STATEMENT: "
	if r.Unseen() {
		what = "NOTHING WAS ANALYSED: "
	}
	return what + none + "; a person must look at this slide"
}

// sayUnlooked says it of a run whose result somebody takes for his own use: without an outline it would pass for a slide
// without carcinoma.
func sayUnlooked(ctx context.Context, stderr io.Writer, b store.Bucket, where string, o *intake.Order) error {
	r, err := (&intake.Desk{Bucket: b}).Report(ctx, o)
	if err != nil {
		return fmt.Errorf("nobody can say how much of it was analysed: %w: see `slidemill verify %v`", err, o.Slide)
	}
	if line := unlooked(r); line != "" {
		_, err = fmt.Fprintf(stderr, "%s: %s\n", where, line)
	}
	return err
}

// excuse says of the demo why much of its tissue is uncertain: who sees the program for the first time would take that for
// a fault of it.
func (s *shift) excuse(r *stitch.Report) []string {
	if !s.flags.drawn || r.UncertainMM2 == 0 {
		return nil
	}
	return []string{"that is to be expected of the demo: its tissue is drawn, and the model knows only real tissue"}
}

// count is a number of things that make their plural with an s.
func count(n int, what string) string { return plural(n, what, what+"s") }

// plural is a number and the word that goes with it.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
