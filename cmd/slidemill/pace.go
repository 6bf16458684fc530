package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/summary"
)

// pace measures how fast regions are finished, and says when all will be. Slides that have no plan yet
// count like the mean of those that have.
type pace struct {
	planned map[pyramid.SlideID]int // of every slide that was seen with a plan
	left    int                     // regions, estimated for slides without a plan
	past    []mark
}

// mark is how many regions were finished at one time.
type mark struct {
	at   time.Time
	done int
}

// paceWindow is how far back the rate looks: long enough to be steady, short enough to follow.
const paceWindow = 2 * time.Minute

func (p *pace) look(standings []intake.Standing, now time.Time) {
	if p.planned == nil {
		p.planned = map[pyramid.SlideID]int{}
	}
	for _, s := range standings {
		if s.Planned > 0 {
			p.planned[s.Slide] = s.Planned
		}
	}
	mean, sum := 0, 0
	for _, n := range p.planned {
		sum += n
	}
	if len(p.planned) > 0 {
		mean = max(1, sum/len(p.planned))
	}
	done := 0
	p.left = 0
	for _, s := range standings {
		planned, known := p.planned[s.Slide]
		switch {
		case s.State == stitch.Done:
			done += planned
		case !s.Open():
		case known:
			done += s.Regions
			p.left += max(0, planned-s.Regions)
		default:
			p.left += mean
		}
	}
	p.past = append(p.past, mark{now, done})
	p.past = slices.DeleteFunc(p.past, func(m mark) bool { return now.Sub(m.at) > paceWindow })
}

// text is rate and ETA, or empty while there is nothing to measure.
func (p *pace) text() string {
	if len(p.past) < 2 {
		return ""
	}
	first, last := p.past[0], p.past[len(p.past)-1]
	seconds := last.at.Sub(first.at).Seconds()
	rate := float64(last.done-first.done) / seconds
	if seconds <= 0 || rate <= 0 || p.left == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f regions/s, about %d left, ETA %s", rate, p.left, summary.Duration(time.Duration(float64(p.left)/rate*float64(time.Second))))
}

// sortStandings puts what is worked on first, then what waits, by urgency, then what failed, then the
// rest, the latest first.
func sortStandings(all []intake.Standing) {
	rank := func(s *intake.Standing) int {
		switch {
		case s.Open() && s.State != intake.Waiting:
			return 0
		case s.Open():
			return 1
		case s.Bad():
			return 2
		}
		return 3
	}
	urgency := map[string]int{"stat": 0, "urgent": 1, "routine": 2}
	slices.SortStableFunc(all, func(a, b intake.Standing) int {
		if d := rank(&a) - rank(&b); d != 0 {
			return d
		}
		if d := urgency[string(a.Priority)] - urgency[string(b.Priority)]; d != 0 && a.Open() {
			return d
		}
		if d := a.At.Compare(b.At); d != 0 {
			if a.Open() {
				return d
			}
			return -d
		}
		return strings.Compare(a.File, b.File)
	})
}
