package main

import (
	"context"
	"fmt"
	"io"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// strand finds the open slides of which no job is left. `run` has a queue of its own that ends with it, and no serve goes
// on with what it left: an order waits in a queue until it has ended. A slide that ended since the last look has no job
// either, so they are looked at once more.
func (b *bulletin) strand(ctx context.Context) error {
	b.stranded = map[pyramid.SlideID]bool{}
	unknown := b.system.alone && b.flags.elsewhere() // a store that others share, and theirs may be another queue
	if b.open == 0 || unknown {
		return nil
	}
	queued, err := b.system.queue.Slides(ctx)
	if err != nil {
		return err
	}
	var without []pyramid.SlideID
	for i := range b.standings {
		if s := &b.standings[i]; s.Open() && queued[s.Slide] == 0 {
			without = append(without, s.Slide)
		}
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

// sayStranded says how these slides go on.
func (b *bulletin) sayStranded(out io.Writer) {
	if n := len(b.stranded); n > 0 {
		fmt.Fprintf(out, "%s interrupted and in no queue: give the same `slidemill run` again, and it goes on where it stopped; or order with `slidemill submit`\n",
			plural(n, "slide is", "slides are"))
	}
}
