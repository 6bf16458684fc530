package slide

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// shelf makes n files that each hold their number, and their handles, of which limit are open at once. most is
// the largest number that was ever open, and opened how often one was.
func shelf(t *testing.T, n, limit int) (set *handles, list []*handle, most, opened *int) {
	t.Helper()
	set, most, opened = newHandles(limit), new(int), new(int)
	set.open = func(path string) (*os.File, error) {
		set.mu.Lock()
		defer set.mu.Unlock()
		*most, *opened = max(*most, set.live), *opened+1
		return os.Open(path)
	}
	dir := t.TempDir()
	for i := range n {
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(path, fmt.Appendf(nil, "%06d", i), 0o600); err != nil {
			t.Fatal(err)
		}
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, set.file(path, st))
	}
	return set, list, most, opened
}

func holds(h *handle, i int) error {
	var b [6]byte
	if _, err := h.ReadAt(b[:], 0); err != nil {
		return err
	}
	if string(b[:]) != fmt.Sprintf("%06d", i) {
		return fmt.Errorf("file %d holds %q", i, b)
	}
	return nil
}

// Many readers of many files read each what it holds, and never more files than the limit are open; also when
// there are fewer than readers.
func TestHandlesAreBounded(t *testing.T) {
	for _, limit := range []int{1, 4, 100} {
		_, list, most, _ := shelf(t, 40, limit)
		var readers sync.WaitGroup
		for seed := range 16 {
			readers.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(seed), 1))
				for range 300 {
					i := rng.IntN(len(list))
					if err := holds(list[i], i); err != nil {
						t.Error(err)
					}
				}
			})
		}
		readers.Wait()
		if *most > min(limit, len(list)) || *most == 0 {
			t.Errorf("%d files were open at once, the limit is %d", *most, limit)
		}
	}
}

// The file that was read longest ago gives way, and one that is being read never does.
func TestHandlesGiveWay(t *testing.T) {
	_, list, _, opened := shelf(t, 3, 2)
	for _, i := range []int{0, 1, 0, 2, 0} { // 1 gives way to 2
		if err := holds(list[i], i); err != nil {
			t.Fatal(err)
		}
	}
	if *opened != 3 || list[1].f != nil {
		t.Errorf("opened %d times; the one read longest ago is open: %v", *opened, list[1].f != nil)
	}
	for _, h := range []*handle{list[0], list[2]} {
		if _, err := h.take(); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error, 1)
	go func() { done <- holds(list[1], 1) }()
	select {
	case err := <-done:
		t.Fatalf("a third file was opened while two were being read: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	list[2].leave()
	if err := <-done; err != nil || list[0].f == nil {
		t.Errorf("%v; the one being read is open: %v", err, list[0].f != nil)
	}
}

// A file that was replaced is not read in the place of the one whose header was read, and after the end nothing is.
func TestHandlesEnd(t *testing.T) {
	set, list, _, _ := shelf(t, 2, 1)
	for i := range list {
		if err := holds(list[i], i); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(list[0].path, []byte("1000000"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := holds(list[0], 0); err == nil {
		t.Error("another file is read")
	}
	if err := holds(list[1], 1); err != nil {
		t.Error(err)
	}
	set.finish()
	for _, h := range list {
		if err := h.drop(); err != nil {
			t.Error(err)
		}
	}
	if err := holds(list[1], 1); !errors.Is(err, os.ErrClosed) || set.live != 0 {
		t.Errorf("after the end: %v, %d files open", err, set.live)
	}
}

// A storage that does not answer holds up neither other files nor the end.
func TestHandlesOfADeadStorage(t *testing.T) {
	set, list, _, _ := shelf(t, 2, 2)
	asked, gone := make(chan struct{}), make(chan struct{})
	open := set.open
	set.open = func(path string) (*os.File, error) {
		if path == list[0].path {
			close(asked)
			<-gone
		}
		return open(path)
	}
	done := make(chan error, 1)
	go func() { done <- holds(list[0], 0) }()
	<-asked
	if err := holds(list[1], 1); err != nil {
		t.Error(err)
	}
	set.finish()
	for _, h := range list {
		if err := h.drop(); err != nil {
			t.Error(err)
		}
	}
	close(gone)
	if err := <-done; !errors.Is(err, os.ErrClosed) || set.live != 0 {
		t.Errorf("after the end: %v, %d files open", err, set.live)
	}
}
