package nn

import (
	"sync"
	"sync/atomic"
)

// spread calls do for 0..n−1 on up to threads goroutines and waits for them. Items must not depend
// on each other, so that the number of threads changes no result. A panic inside an item is raised
// again on the caller's goroutine, where the operator turns it into an error.
func spread(threads, n int, do func(i int)) {
	threads = min(threads, n)
	if threads <= 1 {
		for i := range n {
			do(i)
		}
		return
	}
	var next atomic.Int64
	var once sync.Once
	var fault any
	work := func() {
		defer func() {
			if r := recover(); r != nil {
				once.Do(func() { fault = r })
			}
		}()
		for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
			do(int(i))
		}
	}
	var wg sync.WaitGroup
	for range threads - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
	if fault != nil {
		panic(fault)
	}
}
