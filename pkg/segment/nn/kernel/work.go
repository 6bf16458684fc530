package kernel

import "sync"

// Work is what a call may use: threads and scratch memory. The scratch is overwritten and need not be zero.
type Work struct {
	Team    *Team // nil is the caller alone
	Scratch []float32
}

// pool is a typed sync.Pool of task records, each reused with the buffers that it has grown.
type pool[T any] struct{ p sync.Pool }

func (p *pool[T]) take() *T {
	if t, ok := p.p.Get().(*T); ok {
		return t
	}
	return new(T)
}

func (p *pool[T]) give(t *T) { p.p.Put(t) }
