package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// strand finds the open slides of which no job is left. `run` has a queue of its own that ends with it, and no serve goes
// on with what it left: an order waits in a queue until it has ended. A slide that ended since the last look has no job
// either, so they are looked at once more. In a place whose store others may share nobody knows: a slide that is not in
// this queue may be in theirs.
func (b *bulletin) strand(ctx context.Context) error {
	b.stranded, b.waiting = map[pyramid.SlideID]bool{}, map[pyramid.SlideID]bool{}
	if b.open == 0 {
		return nil
	}
	queued, err := b.system.queue.Slides(ctx)
	if err != nil {
		return err
	}
	var without []pyramid.SlideID
	for i := range b.standings {
		switch s := &b.standings[i]; {
		case !s.Open():
		case queued[s.Slide] > 0:
			b.waiting[s.Slide] = true
		default:
			without = append(without, s.Slide)
		}
	}
	if b.flags.shared() {
		return nil
	}
	again, err := b.judge.LookAt(ctx, without)
	if err != nil {
		return err
	}
	for i := range again {
		if again[i].Open() {
			b.stranded[again[i].Slide] = true
		}
	}
	return nil
}

// shared reports a place whose queue is not the only one of its store: a `run` of another data folder, or of another
// machine, may be at work in a store that is not the data folder's own, and one of this folder beside a queue elsewhere.
func (p *place) shared() bool {
	return p.nats != "" || p.elsewhere() || !sameFolder(p.storeFolder(), filepath.Join(p.data, "store"))
}

// sameFolder compares by name: what a link leads to may be shared.
func sameFolder(a, b string) bool {
	x, errA := filepath.Abs(a)
	y, errB := filepath.Abs(b)
	return errA == nil && errB == nil && x == y
}

// sayStranded says how these slides go on.
func (b *bulletin) sayStranded(out io.Writer) {
	if n := len(b.stranded); n > 0 {
		fmt.Fprintf(out, "%s interrupted and in no queue: give the same `slidemill run` again, and it goes on where it stopped; or order with `slidemill submit`\n",
			plural(n, "slide is", "slides are"))
	}
}
