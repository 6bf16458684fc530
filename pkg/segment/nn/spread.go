package nn

import (
	"sync"
	"sync/atomic"
)

// items is work cut into independent pieces, so that neither the number of threads nor the order
// changes a result.
type items interface{ item(i int) }

// crew shares items between goroutines. Crews are reused: a steady state allocates nothing.
type crew struct {
	next  atomic.Int64
	n     int64
	work  items
	wg    sync.WaitGroup
	mu    sync.Mutex
	fault any
	body  func()
}

var crews = sync.Pool{New: func() any {
	c := new(crew)
	c.body = func() {
		defer c.wg.Done()
		c.run()
	}
	return c
}}

// spread does items 0..n−1 on up to threads goroutines and waits for them. A panic inside an item
// is raised again on the caller's goroutine, where the operator turns it into an error.
func spread(threads, n int, work items) {
	threads = min(threads, n)
	if threads <= 1 {
		for i := range n {
			work.item(i)
		}
		return
	}
	c := crews.Get().(*crew)
	c.n, c.work, c.fault = int64(n), work, nil
	c.next.Store(0)
	c.wg.Add(threads - 1)
	for range threads - 1 {
		go c.body()
	}
	c.run()
	c.wg.Wait()
	fault := c.fault
	c.work, c.fault = nil, nil
	crews.Put(c)
	if fault != nil {
		panic(fault)
	}
}

func (c *crew) run() {
	defer func() {
		if r := recover(); r != nil {
			c.mu.Lock()
			c.fault = r
			c.mu.Unlock()
		}
	}()
	for i := c.next.Add(1) - 1; i < c.n; i = c.next.Add(1) - 1 {
		c.work.item(int(i))
	}
}
