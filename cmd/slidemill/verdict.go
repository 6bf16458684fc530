package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/stitch"
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
	for _, line := range slices.Concat(verdict(r), warnings(r), s.excuse(r), s.whereabouts(order)) {
		text += "  " + line + "\n"
	}
	_, err := fmt.Fprint(out, text+"  research use only, not for diagnostic procedures\n")
	return err
}

// verdict says what was found. Where nothing was analysed there is no "0 %": nobody has looked.
func verdict(r *stitch.Report) []string {
	if r.AnalysedMM2 == 0 {
		return []string{"NOTHING WAS ANALYSED: " + r.NoStatement() + "; a person must look at this slide"}
	}
	lines := []string{fmt.Sprintf("carcinoma %.2f mm² of %.2f mm² tissue analysed (%s), %s, %s",
		r.CarcinomaMM2, r.AnalysedMM2, r.Share(), count(len(r.Lesions), "lesion"), plural(r.SmallFoci, "smaller focus", "smaller foci"))}
	if none := r.NoStatement(); none != "" {
		lines = append(lines, "NO STATEMENT: "+none+"; a person must look at this slide")
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

// warnings are the checks that did not pass.
func warnings(r *stitch.Report) (lines []string) {
	return r.Warnings()
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

// record writes a failure down, so that status and the dead list tell of it as they do of what others ordered.
func (s *shift) record(path string, order *intake.Order, cause error) {
	err := s.writeDown(s.cmd.Context(), path, order, cause)
	if err != nil && s.cmd.Context().Err() == nil {
		fmt.Fprintf(s.cmd.ErrOrStderr(), "slidemill: the failure is not in the ledger: %v\n", err)
	}
}

// writeDown tells apart where a slide can fail: at intake, in a queue that this process takes with it, or in one of
// others, which keeps its dead jobs and works on whatever is not dead.
func (s *shift) writeDown(ctx context.Context, path string, order *intake.Order, cause error) error {
	if order == nil {
		return s.refuse(ctx, path, cause)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	var failure *intake.Failure
	switch {
	case s.brief:
		return s.desk.Strand(ctx, order, cause)
	case errors.As(cause, &failure):
		end := intake.End{State: intake.Failed, Reason: failure.Reason, At: time.Now().UTC()}
		return s.desk.Ledger().Close(ctx, order.Slide, end)
	}
	return nil
}

// refuse writes down that a file was not fit to be ordered. It is read once more for its name, in intake's patience.
func (s *shift) refuse(ctx context.Context, path string, cause error) error {
	source, err := findable(path)
	if err != nil {
		return err
	}
	desk := &intake.Reception{Desk: s.desk, Model: s.model, Parameters: s.flags.params, Remote: openObject, Patience: s.patience}
	_, err = desk.Refuse(ctx, intake.Request{Path: source}, cause)
	return err
}

// reason is why a slide failed, without the path behind which it is said.
func reason(path string, err error) string {
	source, unknown := findable(path)
	if unknown != nil {
		return intake.Reason(err)
	}
	return intake.NamelessReason(err, source)
}

// failed names the slide and the reason on stderr, and as a report where --json asks for one.
func (s *shift) failed(path string, order *intake.Order, err error) {
	fmt.Fprintf(s.cmd.ErrOrStderr(), "slidemill: %s: %s\n", path, reason(path, err))
	s.record(path, order, err)
	if !s.flags.json {
		return
	}
	status := stitch.Failed
	var refusal *intake.Refusal
	if errors.As(err, &refusal) {
		status = stitch.Refused
	}
	r := stitch.FailedReport(stitch.Failure{Status: status, Reason: reason(path, err), File: slide.FileName(path)})
	if order != nil {
		r.Slide.ID, r.Slide.SHA256, r.Run.ID = order.Slide.String(), fmt.Sprintf("%x", order.SHA256), order.Run.String()
	}
	if err := json.NewEncoder(s.cmd.OutOrStdout()).Encode(r); err != nil {
		fmt.Fprintf(s.cmd.ErrOrStderr(), "slidemill: write report: %v\n", err)
	}
}
