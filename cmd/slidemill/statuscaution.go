package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/stitch"
)

// caution is what a person has to know of a slide that is done, before it is taken for one without carcinoma.
type caution struct {
	NoStatement string   `json:"no_statement,omitempty"`
	Warnings    []string `json:"warnings,omitempty"`
}

// told is a slide in --json.
type told struct {
	intake.Standing
	caution
	Interrupted bool `json:"interrupted,omitempty"` // nobody will go on with it by itself
}

func cautionOf(r *stitch.Report) caution { return caution{r.NoStatement(), r.Warnings()} }

// read finds out what the slides that are done were found to be. Results are written once, so that each report is read
// once, however long somebody watches.
//
// # Memory
//
// A caution per slide that is done, some hundred bytes; the reports are let go.
func (b *bulletin) read(ctx context.Context) error {
	var lines []intake.Line
	var unread []*intake.Standing
	for i := range b.standings {
		if s := &b.standings[i]; s.State == stitch.Done && !b.keep(s) {
			lines, unread = append(lines, intake.Line{Entry: s.Entry}), append(unread, s)
		}
	}
	reader := &intake.Judge{Ledger: b.judge.Ledger, Reports: true}
	read, err := reader.Look(ctx, lines)
	if err != nil {
		return err
	}
	for i, s := range unread {
		s.State, s.Reason, s.Report = read[i].State, read[i].Reason, read[i].Report // it may be unreadable
		b.keep(s)
	}
	return nil
}

// keep keeps what is to be known of a slide and lets its report go. It reports whether there is one.
func (b *bulletin) keep(s *intake.Standing) (known bool) {
	if b.found == nil {
		b.found = map[pyramid.RunID]caution{}
	}
	if s.Report != nil {
		b.found[s.Run], s.Report = cautionOf(s.Report), nil
	}
	_, known = b.found[s.Run]
	return known
}

// of is what was found on a slide, if it is done.
func (b *bulletin) of(s *intake.Standing) caution {
	if s.State != stitch.Done {
		return caution{}
	}
	return b.found[s.Run]
}

// reasons say of each slide that is done why it was not really looked at, if that is so.
func (b *bulletin) reasons() (list []string) {
	for i := range b.standings {
		list = append(list, b.of(&b.standings[i]).NoStatement)
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
	if none := b.of(s).NoStatement; none != "" {
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
	return strings.Join(b.of(s).Warnings, "; ")
}
