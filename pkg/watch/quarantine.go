package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// move is how the way of a slide to quarantine ended.
type move struct {
	slide pyramid.SlideID
	file  string // below the folder
	to    string
	again string // of the slide, once it is known what lay there
	err   error
}

// errUnderway is why a file stays where it is.
var errUnderway = errors.New("not moved: the file before it is on its way still, or not noted yet")

// putsAway reports a slide whose file goes to quarantine when it comes to nothing.
func (w *Watcher) putsAway(s *Slide) bool {
	return w.Quarantine != "" && s.Doubled == "" && !s.postponed
}

// putAway moves the file of a failed slide to quarantine, from where it may be tried again. While the folder does not
// answer one such move waits for it, and what else fails stays where it is.
func (w *Watcher) putAway(ctx context.Context, s *Slide) error {
	if !w.putsAway(s) {
		return nil
	}
	if s.Before && w.cameBack(s) {
		s.Again = againText
	}
	if w.collect(ctx); w.moving != nil {
		return errUnderway
	}
	one := *s
	w.moving = begin(func(func()) move {
		to, err := w.quarantine(&one)
		return move{one.Slide, one.File, to, one.Again, err}
	})
	m, err := w.moving.wait(ctx, w.silence)
	if err != nil {
		return fmt.Errorf("not moved yet: %w", err)
	}
	s.Again = m.again
	return w.moved(ctx, m)
}

// cameBack reports whether the ledger knew at the start that a slide lay in quarantine.
func (w *Watcher) cameBack(s *Slide) bool {
	l := w.entries[s.File]
	return l.Slide == s.Slide && l.Again != nil && l.Again.Source != w.path(s.File) && w.layAt(s.File)(l.Again.Source)
}

// collect notes the end of a move that took longer than anybody waited for it.
func (w *Watcher) collect(ctx context.Context) {
	if w.moving == nil {
		return
	}
	select {
	case m := <-w.moving.ended:
		if err := w.moved(ctx, m); err != nil {
			w.Log.Warn("quarantine", "slide", m.slide, "error", nameless(err))
		}
	default:
	}
}

// moved notes where the file of a move that ended lies now. What cannot be noted is noted at a later look.
func (w *Watcher) moved(ctx context.Context, m move) error {
	w.moving = nil
	if m.err != nil {
		return fmt.Errorf("not moved: %w", m.err)
	}
	if seen := w.files[m.file]; seen != nil {
		seen.taken = false // what comes back there is looked at, unchanged or not
	}
	if err := w.Reception.Moved(ctx, m.slide, m.to); err != nil {
		w.moving = begin(func(func()) move { return m })
		return fmt.Errorf("moved, but where to is not noted yet: %w", err)
	}
	return nil
}

// quarantine moves the slide's file away, writes the reason beside it, and says where it is. Of a DICOM slide all
// instances go, as scan took them for one: left without the first, the others would be another slide. Those of another
// series in the same folder stay.
func (w *Watcher) quarantine(s *Slide) (to string, err error) {
	from := w.path(s.File)
	to = filepath.Join(w.Quarantine, filepath.FromSlash(s.File))
	if isDICOM(from) {
		others, err := w.series.beside(from)
		if err != nil {
			return "", fmt.Errorf("quarantine: %w", err)
		}
		for _, other := range others {
			if _, err := moveAway(other, filepath.Join(filepath.Dir(to), filepath.Base(other))); err != nil {
				return "", err
			}
		}
	}
	to, err = moveAway(from, to)
	if err != nil {
		return "", err
	}
	if s.Before && isThere(to+reasonFile) { // it lay there, and somebody moved it back
		s.Again = againText
	}
	return to, addReason(to+reasonFile, reasonText(s, time.Now()))
}

// moveAway moves a file, beside one that lies there already, and says where it is.
func moveAway(from, to string) (string, error) {
	if isThere(to) {
		to += "." + time.Now().UTC().Format(awayTime)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return to, fmt.Errorf("quarantine: %w", err)
	}
	if err := os.Rename(from, to); err != nil {
		return to, fmt.Errorf("quarantine: %w", err)
	}
	return to, nil
}

func isThere(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
