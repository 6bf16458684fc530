package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/stitch"
)

// failed names the slide and the reason on stderr, and as a report where --json asks for one.
func (s *shift) failed(path string, order *intake.Order, err error) {
	why := reason(path, err)
	fmt.Fprintf(s.cmd.ErrOrStderr(), "slidemill: %s: %s\n", path, why)
	s.record(path, order, err)
	if !s.flags.json {
		return
	}
	status := stitch.Failed
	var refusal *intake.Refusal
	if errors.As(err, &refusal) {
		status = stitch.Refused
	}
	r := stitch.FailedReport(stitch.Failure{Status: status, Reason: why, File: slide.FileName(path)})
	if order != nil {
		r.Slide.ID, r.Slide.SHA256, r.Run.ID = order.Slide.String(), fmt.Sprintf("%x", order.SHA256), order.Run.String()
	}
	if err := json.NewEncoder(s.cmd.OutOrStdout()).Encode(r); err != nil {
		fmt.Fprintf(s.cmd.ErrOrStderr(), "slidemill: write report: %v\n", err)
	}
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
	case s.ownQueue:
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
	desk := s.reception()
	t, err := desk.Refuse(ctx, intake.Request{Path: source}, cause)
	if err != nil {
		return err
	}
	return desk.ReplaceAt(ctx, t.Slide, source)
}

// reception writes down what becomes of files; it is one for all, as it remembers what lay where.
func (s *shift) reception() *intake.Reception {
	if s.receives == nil {
		s.receives = &intake.Reception{Desk: s.desk, Model: s.model, Parameters: s.flags.params, Remote: openObject, Patience: s.patience}
	}
	return s.receives
}

// replace closes what an earlier file of an order's path came to. That this cannot be done is no fault of the slide.
func (s *shift) replace(ctx context.Context, order *intake.Order) {
	if err := s.reception().ReplaceAt(ctx, order.Slide, order.Source); err != nil && ctx.Err() == nil {
		fmt.Fprintf(s.cmd.ErrOrStderr(), "slidemill: warning: what lay in the place of this file before stands as failed still: %v\n", err)
	}
}

// reason is why a slide failed, without the path behind which it is said.
func reason(path string, err error) string {
	source, unknown := findable(path)
	if unknown != nil {
		return intake.Reason(err)
	}
	return intake.NamelessReason(err, source)
}
