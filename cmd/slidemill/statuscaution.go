package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/stitch"
)

// caution is what a person has to know of a slide that is done, before it is taken for one without carcinoma.
type caution struct {
	NoStatement string   `json:"no_statement,omitempty"`
	Warnings    []string `json:"warnings,omitempty"`
}

// statusLine is a slide in --json.
type statusLine struct {
	intake.Standing
	caution
	Interrupted bool `json:"interrupted,omitempty"` // nobody will go on with it by itself
}

// noStatement reads what the worklist page says of a report, which are the words of status and summary.
func noStatement(report []byte) (string, error) {
	r, err := stitch.DecodeReport(report)
	if err != nil {
		return "", err
	}
	return r.NoStatement(), nil
}

func cautionOf(r *stitch.Report) caution { return caution{r.NoStatement(), r.Warnings()} }

// reportsAtOnce is how many reports are held at a time: as many as a judge reads at once.
const reportsAtOnce = 16

// judged is how the orders of the lines stand. --times and --json need the report of each slide that is done, at each look.
//
// # Memory
//
// A line and a standing per order, about a kilobyte; reportsAtOnce reports, mostly some kilobytes each and never more than
// 64 MB.
func (b *bulletin) judged(ctx context.Context, lines []intake.Line) (all []intake.Standing, err error) {
	if !b.judge.Stages {
		return b.judge.Look(ctx, lines)
	}
	defer b.askOnce(ctx)()
	for part := range slices.Chunk(lines, reportsAtOnce) {
		standings, err := b.judge.Look(ctx, part)
		if err != nil {
			return nil, err
		}
		for i := range standings {
			b.remember(&standings[i])
		}
		all = append(all, standings...)
	}
	return all, nil
}

// askOnce lets the judge ask for dead jobs once, however many slices it looks at, until the function is called.
func (b *bulletin) askOnce(ctx context.Context) (undo func()) {
	ask := b.judge.Dead
	if ask == nil {
		return func() {}
	}
	dead, err := ask(ctx)
	b.judge.Dead = func(context.Context) ([]jobs.Dead, error) { return dead, err }
	return func() { b.judge.Dead = ask }
}

// read finds out what the slides that are done were found to be. Results are written once, so that it reads each report
// once, however long somebody watches, and none that judged has read.
//
// # Memory
//
// A caution per slide that is done, some hundred bytes; reportsAtOnce reports, as in judged.
func (b *bulletin) read(ctx context.Context) error {
	var unread []*intake.Standing
	for i := range b.standings {
		if s := &b.standings[i]; s.State == stitch.Done && !b.remember(s) {
			unread = append(unread, s)
		}
	}
	for part := range slices.Chunk(unread, reportsAtOnce) {
		if err := b.judge.ReadReports(ctx, part); err != nil {
			return err
		}
		for _, s := range part {
			b.remember(s)
		}
	}
	return nil
}

// remember keeps what is to be known of a slide and lets its report go. It reports whether there is one.
func (b *bulletin) remember(s *intake.Standing) (known bool) {
	if b.cautions == nil {
		b.cautions = map[pyramid.RunID]caution{}
	}
	if s.Report != nil {
		b.cautions[s.Run], s.Report = cautionOf(s.Report), nil
	}
	_, known = b.cautions[s.Run]
	return known
}

// cautionFor is what was found on a slide, if it is done.
func (b *bulletin) cautionFor(s *intake.Standing) caution {
	if s.State != stitch.Done {
		return caution{}
	}
	return b.cautions[s.Run]
}

// reasons say of each slide that is done why it was not really looked at, if that is so.
func (b *bulletin) reasons() (list []string) {
	for i := range b.standings {
		list = append(list, b.cautionFor(&b.standings[i]).NoStatement)
	}
	return list
}

func (b *bulletin) stateText(s *intake.Standing) string {
	if s.Planned > 0 && s.Open() {
		return fmt.Sprintf("%s %d/%d", s.State, s.Regions, s.Planned)
	}
	if s.GivenUp {
		return s.State + " (given up)"
	}
	if none := b.cautionFor(s).NoStatement; none != "" {
		return s.State + ", " + none
	}
	return s.State
}

// remark says why there is no result, or what to know of the one that is there.
func (b *bulletin) remark(s *intake.Standing) string {
	if s.Reason != "" {
		return intake.PlainReason(s.Reason)
	}
	if b.stranded[s.Slide] {
		return "interrupted, in no queue"
	}
	return strings.Join(b.cautionFor(s).Warnings, "; ")
}
