package kernel

import (
	"sync"
	"sync/atomic"
)

// Work is what a call may use: threads and scratch memory. The scratch is overwritten and need not be zero.
type Work struct {
	Threads int // at least 1; 0 is 1
	Scratch []float32
}

// task is work cut into independent items. Items write disjoint memory and split no sum, so that the
// number of threads and the order of items never change a result.
type task interface{ do(item int) }

// crew runs one task on several goroutines, all of which end before parallel returns. Crews are reused
// so that a steady state allocates nothing.
type crew struct {
	next atomic.Int64
	n    int64
	task task
	wg   sync.WaitGroup
	body func() // of each extra goroutine; made once
}

var crews = sync.Pool{New: func() any {
	c := new(crew)
	c.body = func() { defer c.wg.Done(); c.work() }
	return c
}}

// parallel does items 0..n-1 of a task on up to threads goroutines, the caller's among them.
func parallel(n, threads int, t task) {
	threads = min(threads, n)
	if threads <= 1 {
		for i := range n {
			t.do(i)
		}
		return
	}
	c := crews.Get().(*crew)
	c.n, c.task = int64(n), t
	c.next.Store(0)
	c.wg.Add(threads - 1)
	for range threads - 1 {
		go c.body()
	}
	c.work()
	c.wg.Wait()
	c.task = nil
	crews.Put(c)
}

func (c *crew) work() {
	for {
		i := c.next.Add(1) - 1
		if i >= c.n {
			return
		}
		c.task.do(int(i))
	}
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
