package main

import (
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/stitch"
)

// stopwatch tells how long a slide spent in each stage, as the events told: a stage lasts from the end
// of the one before to its own last event.
type stopwatch struct {
	started, mark time.Time
	spent         map[string]time.Duration
	first         time.Duration // from the start to the first region done; 0 before
}

func startStopwatch() *stopwatch {
	now := time.Now()
	return &stopwatch{started: now, mark: now, spent: map[string]time.Duration{}}
}

// stage gives the time since the last call to a stage.
func (w *stopwatch) stage(name string) {
	now := time.Now()
	w.spent[name] += now.Sub(w.mark)
	w.mark = now
}

// region notes that a region is done.
func (w *stopwatch) region() {
	if w.first == 0 {
		w.first = time.Since(w.started)
	}
}

func (w *stopwatch) seconds() stitch.Seconds {
	w.stage("stitch")
	return stitch.Seconds{
		Open: w.spent["open"].Seconds(), Tile: w.spent["tile"].Seconds(), Segment: w.spent["segment"].Seconds(),
		Stitch: w.spent["stitch"].Seconds(), Total: time.Since(w.started).Seconds(),
		FirstRegion: w.first.Seconds(), Mask: time.Since(w.started).Seconds(),
	}
}

// follower picks the events of a slide that are shown and timed. While regions are computed the finest levels may
// still be cut: that time is segmentation's, and a bar that changed with every event would show neither.
type follower struct{ regions, planned int64 }

// follows reports whether an event counts, and turns a region's, which come one each from many workers, into the
// number of all so far.
func (f *follower) follows(e *jobs.Event) bool {
	switch e.Stage {
	case jobs.Segment:
		f.regions += e.Done
		f.planned, e.Done = e.Total, f.regions
	case jobs.Tile:
		return f.regions >= f.planned
	}
	return true
}
