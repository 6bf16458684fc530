package train

import (
	"context"
	"math"
)

// Normalisation maps bytes to what the network reads: (v/255 − Mean) / Std for each colour.
type Normalisation struct {
	Mean [3]float64 `json:"mean"`
	Std  [3]float64 `json:"std"`
}

// Measure is the normalisation that gives a data set mean 0 and variance 1 in each colour.
func Measure(cases []Case) Normalisation {
	var sum, square [3]float64
	n := 0.0
	for _, c := range cases {
		for i, v := range c.RGB {
			x := float64(v) / 255
			sum[i%3] += x
			square[i%3] += x * x
		}
		n += float64(c.W * c.H)
	}
	norm := Normalisation{Std: [3]float64{1, 1, 1}}
	if n == 0 {
		return norm
	}
	for k := range 3 {
		mean := sum[k] / n
		norm.Mean[k] = round(mean, 4)
		norm.Std[k] = max(round(math.Sqrt(max(square[k]/n-mean*mean, 0)), 4), 0.01)
	}
	return norm
}

// round keeps figures short enough that a file and a card state exactly what was used.
func round(v float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(v*p) / p
}

// table is the normalisation of every byte.
func (n Normalisation) table() (t [3][256]float32) {
	for k := range 3 {
		for v := range t[k] {
			t[k][v] = float32((float64(v)/255 - n.Mean[k]) / n.Std[k])
		}
	}
	return t
}

// Batch is what a Trainer takes, planes in row-major order.
type Batch struct {
	X      []float32 // N × 3 × size × size, normalised
	Target []float32 // N × Classes × size × size, soft labels that add up to 1
	Weight []float32 // N × size × size
	Cases  []int     // what it was made of
}

func newBatch(n, size int) *Batch {
	plane := size * size
	return &Batch{
		X: make([]float32, n*3*plane), Target: make([]float32, n*Classes*plane),
		Weight: make([]float32, n*plane), Cases: make([]int, n),
	}
}

// fill writes one sample into place i.
func (b *Batch) fill(i int, s *Sample, norm *[3][256]float32) {
	plane := s.Size * s.Size
	x := b.X[i*3*plane : (i+1)*3*plane]
	for at := range plane {
		x[at] = norm[0][s.RGB[3*at]]
		x[plane+at] = norm[1][s.RGB[3*at+1]]
		x[2*plane+at] = norm[2][s.RGB[3*at+2]]
	}
	target := b.Target[i*Classes*plane : (i+1)*Classes*plane]
	weight := b.Weight[i*plane : (i+1)*plane]
	for at, eps := range s.Eps {
		known := s.known(at)
		weight[at] = known
		for c := range Classes {
			target[c*plane+at] = smoothTo[c]
			if known > 0 {
				target[c*plane+at] = (1-eps)*s.Share[c*plane+at]/known + eps*smoothTo[c]
			}
		}
	}
}

// known is the share of a pixel that has a class at all; rounding must not make whole pixels count a
// little more or less than one another.
func (s *Sample) known(at int) float32 {
	sum := float32(0)
	for c := range Classes {
		sum += s.Share[c*len(s.Eps)+at]
	}
	if sum > 0.999 {
		return 1
	}
	return sum
}

// smoothTo is where smoothed-away certainty goes: half to background, as an outline is more often too
// generous than a diagnosis wrong, and half evenly to all.
var smoothTo = [Classes]float32{Background: 0.5 + 0.5/Classes, Benign: 0.5 / Classes, HighGrade: 0.5 / Classes, Carcinoma: 0.5 / Classes}

// Loader makes the batches of a run ahead of the trainer.
//
// # Memory
//
// Each worker owns two batches: one being made, one waiting. A batch of 8 images of 224×224 takes
// 12.8 MB, two workers 51 MB. Nothing grows with the data set or the run.
type Loader struct {
	Cases   []Case
	Batch   int
	Size    int
	Workers int // goroutines, at least 1
	Seed    uint64
	Norm    Normalisation
	Augment func(epoch int) Augment
	order   *sampler
	steps   int // batches in an epoch
}

// place is a batch's position in a run.
type place struct{ epoch, step int }

// run starts the workers; batches come out of next in order, from the given place to the end of
// epoch last−1. Cancelling ctx ends the workers, and wait returns when they have ended.
func (l *Loader) run(ctx context.Context, from place, last int) (next func() (*Batch, error), wait func()) {
	workers := max(l.Workers, 1)
	ready, free := make([]chan *Batch, workers), make([]chan *Batch, workers)
	done := make(chan struct{}, workers)
	first := from.epoch*l.steps + from.step
	for w := range workers {
		ready[w], free[w] = make(chan *Batch, 1), make(chan *Batch, 2)
		free[w] <- newBatch(l.Batch, l.Size)
		free[w] <- newBatch(l.Batch, l.Size)
		go func() {
			defer func() { done <- struct{}{} }()
			l.work(ctx, workerRange{first: first + w, every: workers, end: last * l.steps}, free[w], ready[w])
		}()
	}
	index := 0
	var used *Batch
	next = func() (*Batch, error) {
		if used != nil {
			free[(index-1)%workers] <- used // has room: two batches, two places
		}
		select {
		case used = <-ready[index%workers]:
			index++
			return used, nil
		case <-ctx.Done():
			used = nil
			return nil, ctx.Err()
		}
	}
	wait = func() {
		for range workers {
			<-done
		}
	}
	return next, wait
}

// workerRange is an arithmetic progression of global steps.
type workerRange struct{ first, every, end int }

func (l *Loader) work(ctx context.Context, steps workerRange, free <-chan *Batch, ready chan<- *Batch) {
	norm := l.Norm.table()
	var g *augmenter
	epoch, order := -1, []int(nil)
	for at := steps.first; at < steps.end; at += steps.every {
		var b *Batch
		select {
		case b = <-free:
		case <-ctx.Done():
			return
		}
		if e := at / l.steps; e != epoch {
			epoch, order = e, l.order.epoch(e, l.steps*l.Batch)
			g = newAugmenter(l.Augment(e), l.Size)
		}
		l.make(g, b, place{epoch, at % l.steps}, order, &norm)
		select {
		case ready <- b:
		case <-ctx.Done():
			return
		}
	}
}

// make fills one batch; every image has its own random numbers.
func (l *Loader) make(g *augmenter, b *Batch, at place, order []int, norm *[3][256]float32) {
	for i := range l.Batch {
		index := at.step*l.Batch + i
		r := random(l.Seed, streamSample, at.epoch, index)
		other := func() *Case { return &l.Cases[order[r.IntN(len(order))]] }
		b.Cases[i] = order[index]
		b.fill(i, g.sample(r, &l.Cases[order[index]], other), norm)
	}
}
