package kernel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Items is work cut into independent pieces. They write disjoint memory and split no sum, so that
// neither the number of threads nor the order of the items ever changes a result.
type Items interface{ Item(i int) }

// Team shares the items of one operator after another between the caller and a few helpers. A nil
// Team is the caller alone. One goroutine at a time may use a Team.
//
// Helpers are goroutines that look for the next operator for a little while before they go home,
// because waking a sleeping thread takes longer than many an operator. The caller never waits for
// a helper that has not begun: on a busy machine, or on one with fewer processors than threads, it
// does the work itself. Rest sends the helpers home at once; Close waits until they are gone.
type Team struct {
	threads int
	task    Items // of the present job
	n       int64
	next    atomic.Int64  // the first item that nobody has taken
	state   atomic.Uint64 // number of the job, its flags, and the helpers at work on it
	fault   atomic.Pointer[fault]
	parked  chan struct{} // the last helper wakes the caller

	hired   atomic.Int32
	resting atomic.Bool
	gone    sync.WaitGroup
	body    func() // of a helper; made once, so that hiring allocates nothing
}

// fault is the panic of an item.
type fault struct{ value any }

// The state of a job: the number of helpers at work on it, two flags, and its own number above them.
const (
	workers = 1<<16 - 1
	open    = 1 << 16 // helpers may join
	waiting = 1 << 17 // the caller sleeps until the last helper has finished
	jobBit  = 32
)

// Patience, in pauses of some hundred nanoseconds: what a helper waits for the next operator, and the
// caller for the last item, before they make way for others.
const (
	helperPatience = 400
	callerPatience = 200
	yieldEvery     = 8 // pauses between offers of the processor to other goroutines
)

// NewTeam makes a team of so many threads, the caller's among them; 0 is 1. It starts nothing.
func NewTeam(threads int) *Team {
	t := &Team{threads: max(1, min(threads, workers)), parked: make(chan struct{}, 1)}
	t.body = func() {
		defer t.gone.Done()
		t.help()
	}
	return t
}

// Threads is at least 1.
func (t *Team) Threads() int {
	if t == nil {
		return 1
	}
	return t.threads
}

// Do does items 0..n−1 and returns when all are done. A panic inside an item is raised again here,
// when no other item is at work any more.
func (t *Team) Do(n int, task Items) {
	if t.Threads() == 1 || n <= 1 {
		for i := range n {
			task.Item(i)
		}
		return
	}
	t.task, t.n = task, int64(n)
	t.next.Store(0)
	t.resting.Store(false)
	t.state.Store((t.state.Load()>>jobBit+1)<<jobBit | open)
	t.hire(int32(min(n, t.threads, runtime.GOMAXPROCS(0)) - 1))
	t.work()
	t.settle()
	t.task = nil
	if f := t.fault.Swap(nil); f != nil {
		panic(f.value)
	}
}

// Rest sends the helpers home until the next Do.
func (t *Team) Rest() {
	if t != nil {
		t.resting.Store(true)
	}
}

// Close waits until no helper is left. The team may be used again.
func (t *Team) Close() {
	if t != nil {
		t.Rest()
		t.gone.Wait()
	}
}

func (t *Team) hire(want int32) {
	for t.hired.Load() < want {
		t.hired.Add(1)
		t.gone.Add(1)
		go t.body()
	}
}

// work does items until none is left. After a panic nobody takes another one.
func (t *Team) work() {
	defer func() {
		if r := recover(); r != nil {
			t.next.Store(t.n)
			t.fault.CompareAndSwap(nil, &fault{r})
		}
	}()
	for i := t.next.Add(1) - 1; i < t.n; i = t.next.Add(1) - 1 {
		t.task.Item(int(i))
	}
}

// settle closes the job and waits for the helpers that are still at work on it.
func (t *Team) settle() {
	s := t.state.And(^uint64(open)) &^ open
	for i := 0; s&workers != 0; i++ {
		if i >= callerPatience && t.state.CompareAndSwap(s, s|waiting) {
			<-t.parked
			return
		}
		pause(i)
		s = t.state.Load()
	}
}

// help works on one job after the other, and leaves when none comes.
func (t *Team) help() {
	done := uint64(0) // number of the last job
	for idle := 0; ; idle++ {
		if job, ok := t.join(done); ok {
			t.work()
			t.leave()
			done, idle = job, 0
		}
		if idle < helperPatience && !t.resting.Load() {
			pause(idle)
			continue
		}
		// A job that began before the caller could see that this helper leaves is still its own.
		t.hired.Add(-1)
		if s := t.state.Load(); s&open == 0 || s>>jobBit == done {
			return
		}
		t.hired.Add(1)
		idle = 0
	}
}

// join enters a job that is open and not yet done by this helper.
func (t *Team) join(done uint64) (job uint64, ok bool) {
	for {
		s := t.state.Load()
		if s&open == 0 || s>>jobBit == done {
			return 0, false
		}
		if t.state.CompareAndSwap(s, s+1) {
			return s >> jobBit, true
		}
	}
}

// leave ends a helper's part in a job; the last one wakes a caller that sleeps.
func (t *Team) leave() {
	if s := t.state.Add(^uint64(0)); s&waiting != 0 && s&workers == 0 {
		t.parked <- struct{}{}
	}
}

// pause lets a moment pass; every few of them, other goroutines may have the processor.
func pause(i int) {
	if i%yieldEvery == yieldEvery-1 {
		runtime.Gosched()
		return
	}
	spin()
}
