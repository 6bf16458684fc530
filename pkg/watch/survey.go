package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"sync/atomic"
	"time"
)

// survey is what one look at the folder found: its worklists and its files.
type survey struct {
	lists worklists
	stale bool // a worklist is new, changed or gone
	found []candidate
	other int
	err   error // of what could not be read
}

// folderSilence is how long the folder may give no file before it is said to be silent. Network drives come back
// after less.
const folderSilence = 2 * time.Minute

// errSilent is the folder, or the share it lies on, not answering.
var errSilent = errors.New("the watched folder does not answer: see whether its network drive is there")

// errand is work on the folder that may hang, in a goroutine of its own.
//
// # Memory
//
// A call that the system never ends cannot be called off. So there is one errand of each kind, and whoever
// wants another waits for that one: what hangs does not pile up. Left behind when the watch ends it ends with the
// process; it shares nothing with the watcher but what it gives by ending, and the seriesBook, which nobody holds while
// reading.
type errand[T any] struct {
	ended chan T
	alive atomic.Int64 // when it last got an answer, in Unix nanoseconds
}

func begin[T any](work func(alive func()) T) *errand[T] {
	e := &errand[T]{ended: make(chan T, 1)}
	alive := func() { e.alive.Store(time.Now().UnixNano()) }
	alive()
	go func() { e.ended <- work(alive) }()
	return e
}

// silentSince is when the errand last got an answer.
func (e *errand[T]) silentSince() time.Time { return time.Unix(0, e.alive.Load()) }

// wait waits for the errand's end, but not beyond ctx nor while it is silent for too long.
func (e *errand[T]) wait(ctx context.Context, silence time.Duration) (v T, err error) {
	for {
		left := time.Until(e.silentSince().Add(silence))
		timer := time.NewTimer(max(left, 0))
		select {
		case v = <-e.ended:
			timer.Stop()
			return v, nil
		case <-ctx.Done():
			timer.Stop()
			return v, ctx.Err()
		case <-timer.C:
		}
		if time.Since(e.silentSince()) < silence {
			continue
		}
		select { // it may have ended just now
		case v = <-e.ended:
			return v, nil
		default:
			return v, errSilent
		}
	}
}

// survey looks at the folder. While it is silent, which is an error once, there is nothing: nil.
func (w *Watcher) survey(ctx context.Context) (*survey, error) {
	if w.surveying == nil {
		w.surveying = begin(w.look(ctx))
	}
	s, err := w.surveying.wait(ctx, w.silence)
	if errors.Is(err, errSilent) {
		if w.Silent().IsZero() {
			w.silent = w.surveying.silentSince()
			return nil, errSilent
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !w.Silent().IsZero() {
		w.Log.Warn("the watched folder answers again", "silent", time.Since(w.silent).Round(time.Second))
		w.silent = time.Time{}
	}
	w.surveying, w.lists, w.stale = nil, s.lists, s.stale || w.stale
	s.found = w.withoutMasks(s.found) // which needs to know the slides that lay there
	w.other = s.other + w.masks
	w.sayContradictions()
	return s, nil
}

// look is a survey's work, on copies of what the watcher knows.
func (w *Watcher) look(ctx context.Context) func(alive func()) *survey {
	own := &Watcher{Config: w.Config, lists: w.lists.clone(), series: w.series, walk: w.walk}
	return func(alive func()) *survey {
		own.alive = alive
		s := &survey{stale: own.lists.reread(own.Dir, own.Log)}
		alive()
		s.found, s.err = own.scan(ctx)
		s.lists, s.other = own.lists, own.other
		return s
	}
}

// clone is a copy that can be read anew. The rows are made anew by whoever changes them.
func (l *worklists) clone() worklists {
	return worklists{
		sheets: maps.Clone(l.sheets), rows: l.rows, arrived: maps.Clone(l.arrived), overruled: l.overruled, met: maps.Clone(l.met),
	}
}

// Silent is since when the folder does not answer; zero if it does.
func (w *Watcher) Silent() time.Time { return w.silent }

// isFolder reports what is wrong with a folder that is to be watched.
func isFolder(ctx context.Context, dir string) error {
	found, err := begin(func(func()) error {
		st, err := os.Stat(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			err = errors.New("it is not there: name the scanner's folder, and see whether its network drive is there")
		case err == nil && !st.IsDir():
			err = errors.New("it is a file: name the folder that it lies in")
		}
		return err
	}).wait(ctx, folderSilence)
	if err = cmp.Or(err, found); err != nil {
		return fmt.Errorf("watched folder %s: %w", dir, err)
	}
	return nil
}
