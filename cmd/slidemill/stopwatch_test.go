package main

import (
	"testing"

	"github.com/slidemill/slidemill/pkg/jobs"
)

// TestFollower: tiles are followed until regions are planned, and again when all of those are done.
func TestFollower(t *testing.T) {
	var f follower
	for i, c := range []struct {
		event jobs.Event
		want  bool
		done  int64
	}{
		{jobs.Event{Stage: jobs.Tile, Done: 3, Total: 9}, true, 3},
		{jobs.Event{Stage: jobs.Segment, Total: 2}, true, 0},
		{jobs.Event{Stage: jobs.Tile, Done: 5, Total: 9}, false, 5},
		{jobs.Event{Stage: jobs.Segment, Done: 1, Total: 2}, true, 1},
		{jobs.Event{Stage: jobs.Tile, Done: 6, Total: 9}, false, 6},
		{jobs.Event{Stage: jobs.Segment, Done: 1, Total: 2}, true, 2},
		{jobs.Event{Stage: jobs.Tile, Done: 7, Total: 9}, true, 7},
		{jobs.Event{Stage: jobs.Stitch, Done: 1, Total: 4}, true, 1},
	} {
		if got := f.follows(&c.event); got != c.want || c.event.Done != c.done {
			t.Errorf("event %d: %v with %d done, want %v with %d", i, got, c.event.Done, c.want, c.done)
		}
	}
}
