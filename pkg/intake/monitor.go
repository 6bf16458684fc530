package intake

import (
	"context"
	"sync"
	"time"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Watched is an order as the monitor knows it.
type Watched struct {
	Standing
	// Late orders took longer than the target of their priority, or have waited longer by now.
	Late bool
}

// Monitor keeps an eye on all orders for whoever serves them: it looks again and again, tells what
// changed, and remembers the latest look for pages and metrics.
//
// # Memory
//
// It holds one Watched per order of the window, about a kilobyte each.
type Monitor struct {
	Judge  *Judge
	Window time.Duration // how far back orders are looked at
	Every  time.Duration // between two looks, longer where a look itself takes long
	// Told, if not nil, hears of each order that is new, changed its state or became late. What was so
	// before the first look is not told, except open orders that are late.
	Told func(before, now Watched)

	mu     sync.Mutex
	latest []Watched
	err    error
	states map[pyramid.SlideID]Watched
}

// Run looks until ctx ends.
func (m *Monitor) Run(ctx context.Context) {
	for {
		began := time.Now()
		m.Look(ctx)
		pause := time.NewTimer(max(m.Every, 10*time.Since(began)))
		select {
		case <-ctx.Done():
			pause.Stop()
			return
		case <-pause.C:
		}
	}
}

// Look looks once, and tells what changed.
func (m *Monitor) Look(ctx context.Context) {
	standings, err := m.Judge.LookAll(ctx, time.Now().Add(-m.Window))
	if err != nil {
		m.mu.Lock()
		m.err = err
		m.mu.Unlock()
		return
	}
	latest := make([]Watched, len(standings))
	states := make(map[pyramid.SlideID]Watched, len(standings))
	for i, s := range standings {
		latest[i] = Watched{s, s.Late()}
		states[s.Slide] = latest[i]
	}
	m.mu.Lock()
	before := m.states
	m.latest, m.states, m.err = latest, states, nil
	m.mu.Unlock()
	if m.Told == nil {
		return
	}
	for _, w := range latest {
		old, known := before[w.Slide]
		first := before == nil && !(w.Late && w.Open())
		if !first && (!known || old.State != w.State || old.Late != w.Late || old.At != w.At) {
			m.Told(old, w)
		}
	}
}

// Latest is the latest look, and why there is no later one.
func (m *Monitor) Latest() ([]Watched, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.latest, m.err
}
