package main

import (
	"time"

	"github.com/slidemill/slidemill/pkg/stitch"
)

// stopwatch tells how long a slide spent in each stage, as the events told: a stage lasts from the end
// of the one before to its own last event.
type stopwatch struct {
	started, mark time.Time
	spent         map[string]time.Duration
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

func (w *stopwatch) seconds() stitch.Seconds {
	w.stage("stitch")
	return stitch.Seconds{
		Open: w.spent["open"].Seconds(), Tile: w.spent["tile"].Seconds(), Segment: w.spent["segment"].Seconds(),
		Stitch: w.spent["stitch"].Seconds(), Total: time.Since(w.started).Seconds(),
	}
}
