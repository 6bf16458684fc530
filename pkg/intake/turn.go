package intake

import (
	"context"
	"sync"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/stitch"
)

// Turns keeps the queue fair between accessions: it counts how many slides of an accession wait
// already, and a slide's turn goes with its jobs. The first slide of one accession then goes before the
// hundredth of another, whoever came first. Slides without an accession count as one. It is safe for
// concurrent use.
type Turns struct {
	mu    sync.Mutex
	open  map[string]int
	moved map[string]map[jobs.Priority]int // of those, how many were moved to a priority
}

// fairWindow is how far back open orders are looked for: what waits longer has had its turn.
const fairWindow = 72 * time.Hour

// OpenTurns counts the orders that are open already.
func OpenTurns(ctx context.Context, j *Judge) (*Turns, error) {
	standings, err := j.LookAll(ctx, time.Now().Add(-fairWindow))
	if err != nil {
		return nil, err
	}
	t := &Turns{open: map[string]int{}}
	for _, s := range standings {
		if s.Open() {
			t.open[s.Accession]++
		}
	}
	return t, nil
}

// Next is the turn of one more slide of the accession: how many wait before it.
func (t *Turns) Next(accession string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.open[accession]
	t.open[accession]++
	return n
}

// Moved is the turn of a waiting slide of the accession that goes to another priority: how many went there before
// it. A case of five hundred slides that is made urgent is then no more in the way of others than one that was
// ordered so.
func (t *Turns) Moved(accession string, to jobs.Priority) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.moved == nil {
		t.moved = map[string]map[jobs.Priority]int{}
	}
	if t.moved[accession] == nil {
		t.moved[accession] = map[jobs.Priority]int{}
	}
	n := t.moved[accession][to]
	t.moved[accession][to]++
	return n
}

// Left says that a slide of the accession has ended.
func (t *Turns) Left(accession string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open[accession]--; t.open[accession] <= 0 {
		delete(t.open, accession)
		delete(t.moved, accession)
	}
}

// Ended reports whether a state is an end.
func Ended(state string) bool {
	switch state {
	case stitch.Done, Failed, Refused, Cancelled, Replaced:
		return true
	}
	return false
}
