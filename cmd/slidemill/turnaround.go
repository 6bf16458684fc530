package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/summary"
)

// turnaround writes where the time of each slide went, and of each accession: its slides together, and how
// long the case took from its first order to its last end.
func turnaround(out io.Writer, standings []intake.Standing, now time.Time) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "SLIDE\tACCESSION\tSTATE\tWAITING\tTILE\tSEGMENT\tSTITCH\tTOTAL\tTARGET\tLATE BY\t")
	cases := map[string]*caseTimes{}
	for _, s := range standings {
		if s.Times == nil {
			continue
		}
		fmt.Fprintf(w, "%.8s\t%s\t%s\t%s%s\t%s\t\n", s.Slide, dash(s.Accession), s.State, stageCells(*s.Times), seconds(s.TargetSeconds), seconds(s.LateSeconds))
		if s.Accession == "" { // slides of nobody are no case
			continue
		}
		if cases[s.Accession] == nil {
			cases[s.Accession] = &caseTimes{accession: s.Accession}
		}
		cases[s.Accession].add(&s, now)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(cases) == 0 {
		return nil
	}
	w = tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\nACCESSION\tSLIDES\tOPEN\tWAITING\tTILE\tSEGMENT\tSTITCH\tTOTAL\tLATE SLIDES\t")
	list := make([]*caseTimes, 0, len(cases))
	for _, c := range cases {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b *caseTimes) int { return a.first.Compare(b.first) })
	for _, c := range list {
		c.sum.Total = c.last.Sub(c.first).Seconds()
		fmt.Fprintf(w, "%s\t%d\t%d\t%s%d\t\n", c.accession, c.slides, c.open, stageCells(c.sum), c.late)
	}
	return w.Flush()
}

// caseTimes is the time of an accession's slides. Stages are summed up, the whole is by the clock, since slides
// are worked on beside each other.
type caseTimes struct {
	accession          string
	slides, open, late int
	sum                intake.Times
	first, last        time.Time
}

func (c *caseTimes) add(s *intake.Standing, now time.Time) {
	c.slides++
	end := s.Ended
	if s.Open() {
		c.open++
		end = now
	}
	if s.Late() {
		c.late++
	}
	c.sum.Add(*s.Times)
	if c.first.IsZero() || s.At.Before(c.first) {
		c.first = s.At
	}
	if end.After(c.last) {
		c.last = end
	}
}

func stageCells(t intake.Times) (cells string) {
	for _, x := range []float64{t.Waiting, t.Tile, t.Segment, t.Stitch, t.Total} {
		cells += seconds(x) + "\t"
	}
	return cells
}

// seconds is a time in words; nothing is a dash.
func seconds(x float64) string {
	if x == 0 {
		return "-"
	}
	return summary.Duration(time.Duration(x * float64(time.Second)))
}
