package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/summary"
)

// bulletin is how everything stands, looked at again and again.
type bulletin struct {
	system *reached
	judge  *intake.Judge
	flags  *statusFlags
	args   []string

	standings       []intake.Standing
	misnamed        error // arguments that mean no order
	depths          []jobs.Depth
	cautions        map[pyramid.RunID]caution // of the runs that were done at some look
	stranded        map[pyramid.SlideID]bool  // open, and nobody will work on them, see strand
	waiting         map[pyramid.SlideID]bool  // open, and in the queue of this place
	open, bad, late int
	pace            pace
	shown           bool
}

func (b *bulletin) look(ctx context.Context) (err error) {
	var lines []intake.Line
	if len(b.args) > 0 {
		lines, err = b.named(ctx)
	} else {
		lines, err = b.judge.Lines(ctx, time.Now().Add(-b.flags.since))
	}
	if err == nil {
		b.standings, err = b.judged(ctx, lines)
	}
	if err == nil {
		err = b.read(ctx)
	}
	if err == nil {
		b.depths, err = b.system.queue.Depths(ctx)
	}
	if err != nil {
		return err
	}
	sortStandings(b.standings)
	b.open, b.bad, b.late = 0, 0, 0
	for i := range b.standings {
		if b.standings[i].Late() {
			b.late++
		}
		if b.standings[i].Open() {
			b.open++
		}
		if b.standings[i].Bad() {
			b.bad++
		}
	}
	b.pace.look(b.standings, time.Now())
	return b.strand(ctx)
}

// named are the orders that the arguments mean. It is an error if that is none.
func (b *bulletin) named(ctx context.Context) ([]intake.Line, error) {
	lines, err := findEvery(ctx, b.system.ledger(), b.args)
	if len(lines) == 0 {
		return nil, err
	}
	b.misnamed = err
	return lines, nil
}

// tellMisnamed tells, before anything is shown, of the arguments that mean no order: who watches would hear of them when
// all has ended.
func (b *bulletin) tellMisnamed(w io.Writer) {
	if b.misnamed != nil && !b.shown {
		fmt.Fprintln(w, b.misnamed)
	}
}

// line says everything in one line: counts, rate and ETA. A slide whose file was replaced is counted as its replacement.
func (b *bulletin) line() string {
	var states []string
	for i := range b.standings {
		switch s := &b.standings[i]; {
		case b.stranded[s.Slide]:
			states = append(states, interrupted)
		case s.State != intake.Replaced:
			states = append(states, s.State)
		}
	}
	text := count(len(states), "slide")
	if len(states) > 0 {
		text += ": " + countStates(states)
	}
	if n := len(b.standings) - len(states); n > 0 {
		text += fmt.Sprintf("; %d replaced by another file", n)
	}
	if b.late > 0 {
		text += fmt.Sprintf("; %d late", b.late)
	}
	text += summary.OfThoseDone(b.reasons())
	if rate := b.pace.text(); rate != "" {
		text += " · " + rate
	}
	return text
}

// countStates says how many are in which state, what has ended first.
func countStates(states []string) string {
	counts := map[string]int{}
	for _, state := range states {
		counts[state]++
	}
	var parts []string
	for _, state := range []string{stitch.Done, intake.Failed, intake.Refused, intake.Missing, intake.Cancelled, intake.Replaced, interrupted, string(jobs.Stitch), string(jobs.Segment), string(jobs.Tile), intake.Waiting} {
		if n := counts[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, stateWords[state]))
		}
	}
	return strings.Join(parts, ", ")
}

// interrupted is what an open slide counts as that is stranded: as one of a stage it would pass for one that goes on.
const interrupted = "interrupted"

// stateWords are the states as a person says them.
var stateWords = map[string]string{
	stitch.Done: "done", intake.Failed: "failed", intake.Refused: "refused", intake.Missing: "missing", intake.Cancelled: "cancelled", intake.Replaced: "replaced", intake.Waiting: "waiting",
	interrupted:       interrupted,
	string(jobs.Tile): "being tiled", string(jobs.Segment): "being segmented", string(jobs.Stitch): "being joined",
}

// show writes the line over itself on a terminal, one below the other elsewhere.
func (b *bulletin) show(out io.Writer) {
	if isTerminal(out) {
		fmt.Fprintf(out, "\r\x1b[K%s", b.line())
	} else {
		fmt.Fprintln(out, b.line())
	}
	b.shown = true
}

// settle ends the line that show left open.
func (b *bulletin) settle(out io.Writer) {
	if b.shown && isTerminal(out) {
		fmt.Fprint(out, "\r\x1b[K")
	}
}

func (b *bulletin) asJSON(out io.Writer) error {
	enc := json.NewEncoder(out)
	for _, s := range b.standings {
		if err := enc.Encode(statusLine{s, b.cautionFor(&s), b.stranded[s.Slide]}); err != nil {
			return err
		}
	}
	return nil
}

func (b *bulletin) table(out io.Writer) error {
	if len(b.standings) == 0 {
		_, err := fmt.Fprintf(out, "no orders in the last %v: `slidemill submit SLIDE`, or look further back with --since\n", b.flags.since)
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SLIDE\tFILE\tACCESSION\tPRIORITY\tSTATE\tTOOK\t")
	for _, s := range b.standings {
		fmt.Fprintf(w, "%.8s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.Slide, shorten(s.File, 36), dash(s.Accession), s.Priority, b.stateText(&s), took(&s), shorten(b.remark(&s), 160))
		for _, name := range alsoCalled(&s.Entry) {
			fmt.Fprintf(w, "\t%s\t\t\t\t\t\n", name)
		}
	}
	err := w.Flush()
	if b.flags.times {
		fmt.Fprintln(out)
		err = errors.Join(err, turnaround(out, b.standings, time.Now()))
	}
	fmt.Fprintln(out, "\n"+b.line())
	if text := queueLine(b.depths); text != "" {
		fmt.Fprintln(out, text)
	}
	b.sayStranded(out)
	b.system.sayIdle(out, &b.flags.place, len(b.waiting))
	return err
}

// alsoCalled are the further names of a slide of which copies were ordered, for the lines below its own.
func alsoCalled(e *intake.Entry) (names []string) {
	for _, name := range e.Names {
		names = append(names, "= "+shorten(name, 34))
	}
	if e.MoreNames {
		names = append(names, "= and more")
	}
	return names
}

// queueLine says how much work of which urgency lies in the queue.
func queueLine(depths []jobs.Depth) string {
	var parts []string
	for _, d := range depths {
		if d.Waiting+d.InHand > 0 {
			parts = append(parts, fmt.Sprintf("%s %s %d waiting, %d in hand", d.Priority, d.Stage, d.Waiting, d.InHand))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "queue: " + strings.Join(parts, "; ")
}
