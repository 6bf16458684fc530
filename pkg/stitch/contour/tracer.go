package contour

import "fmt"

// Tracer sweeps over the rows of a mask. It is not safe for concurrent use.
type Tracer struct {
	config      Config
	y           int32 // of the next row
	above, here []run // the last row's stretches and the current one's
	labels      labels
	chains      chains
	held        int64 // bytes of closed rings
}

// New starts a sweep.
func New(config Config) (*Tracer, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if config.Limit == 0 {
		config.Limit = DefaultLimit
	}
	return &Tracer{config: config, labels: labels{marked: config.Marked}, chains: newChains(config.Width)}, nil
}

// Row takes the next row of values. It is not kept.
func (t *Tracer) Row(values []uint8) error {
	if len(values) != t.config.Width {
		return fmt.Errorf("contour: row %d of %d pixels, want %d", t.y, len(values), t.config.Width)
	}
	t.here = runs(t.here[:0], values, t.config.Cut)
	return t.step(values)
}

// Close ends the sweep: what touches the last row is complete now.
func (t *Tracer) Close() error {
	t.here = t.here[:0]
	return t.step(nil)
}

// step works on the line between the last row and the current one.
func (t *Tracer) step(values []uint8) error {
	if len(t.above) > 0 || len(t.here) > 0 {
		t.labels.join(t.y, t.above, t.here, values)
		t.trace()
		if t.held+t.chains.bytes() > t.config.Limit {
			return fmt.Errorf("row %d: %w", t.y, ErrTooComplex)
		}
		if err := t.finish(); err != nil {
			return err
		}
		t.labels.settle(t.here)
	}
	t.above, t.here = t.here, t.above
	t.y++
	return nil
}

// finish hands over the components of the last row that do not go on in the current one.
func (t *Tracer) finish() error {
	for _, r := range t.above {
		root := t.labels.find(r.label)
		p := &t.labels.parts[root]
		if p.last == t.y || p.done {
			continue
		}
		p.done = true
		component, err := p.component()
		if err != nil {
			return err
		}
		t.held -= p.held
		p.rings = nil
		t.labels.drop(root)
		if err := t.config.Emit(component); err != nil {
			return err
		}
	}
	return nil
}

// trace visits, from left to right, every corner of the line where either row changes. Between two
// such corners the outline runs straight or not at all.
func (t *Tracer) trace() {
	up, down := edges{runs: t.above}, edges{runs: t.here}
	for {
		x := min(up.next(), down.next())
		if x == never {
			return
		}
		c := corner{x: x, y: t.y, a: up.inside, c: down.inside}
		from := up.at
		up.pass(x)
		down.pass(x)
		c.b, c.d = up.inside, down.inside
		if first := t.chains.visit(c); first >= 0 {
			// The stretch of the row above at this corner: the one that ends or the one that starts.
			label := t.labels.find(t.above[from].label)
			t.keep(label, first)
		}
	}
}

// keep cuts a closed ring into simple ones and gives them to the component.
func (t *Tracer) keep(label, first int32) {
	p := &t.labels.parts[label]
	for _, points := range t.chains.take(first) {
		r := newRing(points)
		p.rings = append(p.rings, r)
		p.held += r.bytes()
		t.held += r.bytes()
	}
}

// never is beyond every column.
const never = 1<<31 - 1

// edges walks the columns where a row changes between background and foreground.
type edges struct {
	runs   []run
	at     int // index of the stretch that holds or follows the walk
	inside bool
}

// next is the column of the next change.
func (e *edges) next() int32 {
	switch {
	case e.at == len(e.runs):
		return never
	case e.inside:
		return e.runs[e.at].end
	}
	return e.runs[e.at].start
}

// pass moves beyond column x.
func (e *edges) pass(x int32) {
	if e.next() != x {
		return
	}
	if e.inside {
		e.at++
	}
	e.inside = !e.inside
}
