package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// stageOf is where a slide ended that has no job: at intake, or where the queue of a run had it.
func stageOf(line *intake.Line) string {
	switch {
	case line.Run == pyramid.RunID{}:
		return "intake"
	case line.End.Stage == "": // no job failed: it never got into the queue, or the store or the queue did not answer
		return "run"
	}
	return string(line.End.Stage)
}

// lost is a line of the dead list: a dead job, or a slide without one that intake refused or a run did not manage.
type lost struct {
	Slide     pyramid.SlideID `json:"slide"`
	File      string          `json:"file,omitempty"`
	Accession string          `json:"accession,omitempty"`
	Priority  jobs.Priority   `json:"priority"`
	Stage     string          `json:"stage"`
	State     string          `json:"state"` // failed or refused
	Reason    string          `json:"reason"`
	At        time.Time       `json:"at"`
	Job       *jobs.Job       `json:"job,omitempty"`

	order intake.Line // as far as the ledger knows it
}

// path is where the slide's file lay, if somebody knows. It may name a patient: for a terminal only.
func (l *lost) path() string {
	switch {
	case l.Job != nil && l.Job.Source != "":
		return l.Job.Source
	case l.order.Again != nil:
		return l.order.Again.Source
	}
	return "-"
}

// id is the name of a line's job, if it has one.
func (l *lost) id() string {
	if l.Job == nil {
		return ""
	}
	return l.Job.ID
}

// lost lists what is dead, the oldest first, and of the slides without a job those since a time.
func (r *reached) lost(ctx context.Context, since time.Time) (all []lost, err error) {
	dead, err := r.queue.Dead(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range dead {
		e, err := r.ledger().Entry(ctx, d.Job.Slide)
		if err != nil { // its reason is worth telling even so
			e = intake.Entry{Slide: d.Job.Slide}
		}
		all = append(all, lost{
			Slide: d.Job.Slide, File: e.File, Accession: e.Accession, Priority: d.Job.Priority.Known(),
			Stage: string(d.Job.Stage), State: intake.Failed, Reason: d.Reason, At: d.At, Job: &d.Job, order: intake.Line{Entry: e},
		})
	}
	refused, err := r.ledger().Refusals(ctx, since)
	for _, line := range refused {
		all = append(all, lost{
			Slide: line.Slide, File: line.File, Accession: line.Accession, Priority: line.Priority.Known(), Stage: stageOf(&line), State: line.End.State, Reason: line.End.Reason, At: line.End.At, order: line,
		})
	}
	slices.SortStableFunc(all, func(a, b lost) int { return a.At.Compare(b.At) })
	return all, err
}

// pick lists those that the arguments mean: each a job, "all", or what means a slide elsewhere. An argument that means
// none, or cannot be told from others, holds nobody up: the error tells of every such one. Nothing is picked only where the
// store fails.
func pick(ctx context.Context, all []lost, args []string) (picked []lost, misnamed error) {
	taken := make([]bool, len(all))
	for _, text := range args {
		means, err := meaning(ctx, all, text)
		if err != nil && !intake.Misnamed(err) {
			return nil, err
		}
		if errors.As(err, new(*intake.Unknown)) {
			err = fmt.Errorf("nothing dead is called %q: see `slidemill dead list`", text)
		}
		if err != nil {
			misnamed = errors.Join(misnamed, err)
			continue
		}
		for i := range all {
			if means(&all[i]) && !taken[i] {
				taken[i], picked = true, append(picked, all[i])
			}
		}
	}
	return picked, misnamed
}

// meaning tells which of them a text means. Only they can be meant, so that a name is clear if one of its
// slides is among them.
func meaning(ctx context.Context, all []lost, text string) (func(*lost) bool, error) {
	if text == "all" {
		return func(*lost) bool { return true }, nil
	}
	var lines []intake.Line
	seen := map[pyramid.SlideID]bool{}
	for i := range all {
		if text == all[i].id() {
			return func(l *lost) bool { return l.id() == text }, nil
		}
		if !seen[all[i].Slide] {
			seen[all[i].Slide] = true
			lines = append(lines, all[i].order)
		}
	}
	chosen, err := intake.Choose(ctx, lines, text)
	return func(l *lost) bool {
		return slices.ContainsFunc(chosen, func(line intake.Line) bool { return line.Slide == l.Slide })
	}, err
}

// firstLine is a reason in a table.
func firstLine(reason string) string {
	line, _, _ := strings.Cut(reason, "\n")
	return line
}
