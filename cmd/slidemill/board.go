package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// board is what is being worked on at this moment, as the events tell.
//
// # Memory
//
// One progress and one time per slide that is being worked on; what has ended is taken off.
type board struct {
	mu    sync.Mutex
	at    map[pyramid.SlideID]progress
	since map[pyramid.SlideID]time.Time // the first news of it; zero once somebody asked
}

// progress is how far a slide is in its stage.
type progress struct {
	stage       jobs.Stage
	done, total int64
	unit        string
}

func (p progress) String() string { return fmt.Sprintf("%d of %d %s", p.done, p.total, p.unit) }

func (b *board) heard(e jobs.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e.State == jobs.Failed || e.Stage == jobs.Stitch && e.State == jobs.Done {
		delete(b.at, e.Slide)
		return
	}
	if b.at == nil {
		b.at, b.since = map[pyramid.SlideID]progress{}, map[pyramid.SlideID]time.Time{}
	}
	if _, known := b.since[e.Slide]; !known {
		b.since[e.Slide] = time.Now()
	}
	b.at[e.Slide] = b.at[e.Slide].advance(e)
}

// advance counts an event. Segment events count one region each, from many workers; the others say how
// much is done in all.
func (p progress) advance(e jobs.Event) progress {
	if p.stage != e.Stage || e.Stage != jobs.Segment {
		p = progress{stage: e.Stage}
	}
	p.done += e.Done
	p.total, p.unit = e.Total, e.Unit
	return p
}

func (b *board) of(id pyramid.SlideID) (progress, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, ok := b.at[id]
	return p, ok
}

// began is when work on a slide was heard of first. It is told once.
func (b *board) began(id pyramid.SlideID) (at time.Time, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at = b.since[id]; !at.IsZero() {
		b.since[id] = time.Time{}
	}
	return at, !at.IsZero()
}

// ended takes a slide off whose end no event told.
func (b *board) ended(id pyramid.SlideID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.at, id)
	delete(b.since, id)
}
