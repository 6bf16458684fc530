package kernel

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type counts []int32

func (c counts) Item(i int) { c[i]++ }

func (c counts) check(t *testing.T, want int32) {
	t.Helper()
	for i, n := range c {
		if n != want {
			t.Fatalf("item %d was done %d times, want %d", i, n, want)
		}
	}
}

func TestTeamDoesEachItemOnce(t *testing.T) {
	for _, threads := range []int{0, 1, 2, 7} {
		team, c := NewTeam(threads), make(counts, 100)
		for range 200 {
			team.Do(len(c), c)
		}
		team.Close()
		c.check(t, 200)
	}
	c := make(counts, 3)
	(*Team)(nil).Do(len(c), c)
	c.check(t, 1)
}

// onProcessors runs a test with so many processors.
func onProcessors(t *testing.T, n int) {
	old := runtime.GOMAXPROCS(n)
	t.Cleanup(func() { runtime.GOMAXPROCS(old) })
}

func TestTeamsOnFewProcessors(t *testing.T) {
	for _, processors := range []int{1, 2} {
		onProcessors(t, processors)
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				team, c := NewTeam(4), make(counts, 64)
				defer team.Close()
				for i := range 300 {
					team.Do(len(c), c)
					if i%100 == 0 {
						team.Rest()
					}
				}
				c.check(t, 300)
			})
		}
		all.Wait()
	}
}

// meeting is items that wait for each other: they can only end on as many threads.
type meeting struct {
	sync.WaitGroup
	last atomic.Bool
}

func (m *meeting) Item(i int) {
	m.Done()
	m.Wait()
	if i == 1 { // the caller is done long before and falls asleep, if item 1 is the helper's
		time.Sleep(2 * time.Millisecond)
		m.last.Store(true)
	}
}

func TestHelpersWorkAndAreAwaited(t *testing.T) {
	onProcessors(t, max(2, runtime.GOMAXPROCS(0)))
	team := NewTeam(2)
	defer team.Close()
	for range 20 {
		m := new(meeting)
		m.Add(2)
		team.Do(2, m)
		if !m.last.Load() {
			t.Fatal("the caller came back before the last item was done")
		}
	}
}

func TestClosedTeamLeavesNobody(t *testing.T) {
	for range 50 {
		team, c := NewTeam(3), make(counts, 10)
		team.Do(len(c), c)
		if team.Close(); team.hired.Load() != 0 {
			t.Fatalf("%d helpers are left", team.hired.Load())
		}
		team.Do(len(c), c) // a closed team can be used again
		team.Close()
		c.check(t, 2)
	}
}

// TestIdleHelpersLeave: between two runs nobody burns the processor, even if nobody says Rest.
func TestIdleHelpersLeave(t *testing.T) {
	team, c := NewTeam(2), make(counts, 10)
	team.Do(len(c), c)
	deadline := time.Now().Add(time.Minute)
	for team.hired.Load() != 0 {
		if time.Now().After(deadline) {
			t.Fatal("a helper still waits for work")
		}
		time.Sleep(time.Millisecond)
	}
}

// failing is items of which one panics.
type failing struct {
	counts
	at int
}

func (f failing) Item(i int) {
	if i == f.at {
		panic("item fails")
	}
	f.counts.Item(i)
}

func TestPanicOfAnItemReachesTheCaller(t *testing.T) {
	for _, threads := range []int{1, 4} {
		team := NewTeam(threads)
		for at := range 40 {
			got := func() (r any) {
				defer func() { r = recover() }()
				team.Do(40, failing{make(counts, 40), at})
				return nil
			}()
			if got != "item fails" {
				t.Fatalf("%d threads: recovered %v", threads, got)
			}
		}
		c := make(counts, 40) // the team is as good as new
		team.Do(len(c), c)
		c.check(t, 1)
		team.Close()
	}
}
