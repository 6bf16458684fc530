package kernel

import "sync"

// Work is what a call may use: threads and scratch memory. The scratch is overwritten and need not be zero.
type Work struct {
	Team    *Team // nil is the caller alone
	Scratch []float32
}

// pool keeps task records, each reused with the buffers that it has grown. A sync.Pool would lose them to
// the garbage collector, and a goroutine that changes processors would find none: a steady run would
// allocate now and then.
//
// # Memory
//
// As many records as were ever in use at once, one per running operator. Whoever gives one back has taken its
// tensors out, or it would hold an arena that is no longer used.
type pool[T any] struct {
	mu   sync.Mutex
	free []*T
}

func (p *pool[T]) take() *T {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.free)
	if n == 0 {
		return new(T)
	}
	t := p.free[n-1]
	p.free[n-1] = nil
	p.free = p.free[:n-1]
	return t
}

func (p *pool[T]) give(t *T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, t)
}
