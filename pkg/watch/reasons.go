package watch

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
)

// reasonFile ends the name of the file that says why a slide lies in quarantine, and awayTime that of a slide of which
// another one lay there already.
const (
	reasonFile = ".reason.txt"
	awayTime   = "20060102T150405"
)

// reasonText is a line of that file: one for each time that the slide was put away.
func reasonText(s *Slide, now time.Time) string {
	words := s.Reason
	if s.Again != "" {
		words = now.Format("2006-01-02 15:04") + ": " + s.Again + " " + s.Reason
	}
	return s.State + ": " + strings.Join(strings.Fields(words), " ") + "\n"
}

// againText says of a file that came to nothing, and is here again as it was, why that does not help.
const againText = "It is byte for byte the file that came to nothing before: repair the slide or export it anew, " +
	"or have it tried as it is with `slidemill dead retry`. The reason is still:"

// addReason writes a reason below those that are there: what the slide came to before, and what somebody wrote.
func addReason(name, text string) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// isReason reports whether a text is one that we wrote, each line of it.
func isReason(text []byte) bool {
	lines, whole := strings.CutSuffix(string(text), "\n")
	for line := range strings.SplitSeq(lines, "\n") {
		state, _, said := strings.Cut(line, ": ")
		whole = whole && said && (state == intake.Failed || state == intake.Refused)
	}
	return whole
}

// clear takes the reasons of slides out of quarantine that were moved back, or copied anew, and are done by now: they are
// true no more, and whoever looks there for what is left to do would find them. It looks when more slides are done than
// at the last time. While the folder does not answer one such look waits for it.
func (w *Watcher) clear(ctx context.Context) {
	if w.Quarantine == "" {
		return
	}
	if w.clearing == nil {
		done := w.done()
		if len(done) == w.cleared {
			return
		}
		w.cleared = len(done)
		dir := w.Quarantine
		w.clearing = begin(func(alive func()) error { return clearReasons(dir, done, alive) })
	}
	err, unended := w.clearing.wait(ctx, w.silence)
	if unended != nil { // it is asked at the next look
		return
	}
	if w.clearing = nil; err != nil {
		w.Log.WarnContext(ctx, "reasons of slides that are done may lie in quarantine still", "error", nameless(err))
	}
}

// done are the files whose slides are done.
func (w *Watcher) done() map[string]bool {
	done := map[string]bool{}
	for file, s := range w.slides {
		if s.done() {
			done[file] = true
		}
	}
	return done
}

// clearReasons removes the reason files of slides that are done. One beside which a slide lies is that one's, and what we
// did not write, or somebody wrote into, stays.
func clearReasons(dir string, done map[string]bool, alive func()) error {
	dir, err := filepath.EvalSymlinks(dir) // no walk follows a link, not even its first
	if errors.Is(err, fs.ErrNotExist) {    // nothing was put away so far
		return nil
	}
	if err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		alive()
		if errors.Is(err, fs.ErrNotExist) { // taken away meanwhile
			return nil
		}
		if err != nil || !d.Type().IsRegular() || !strings.HasSuffix(name, reasonFile) {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil || !done[slideOfReason(filepath.ToSlash(rel), done)] {
			return err
		}
		if _, err := os.Lstat(strings.TrimSuffix(name, reasonFile)); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		text, err := readBounded(name, maxReason)
		if err != nil || !isReason(text) {
			return err
		}
		return os.Remove(name)
	})
}

// maxReason bounds a reason file that is read: a longer one is none.
const maxReason = 64 << 10

// slideOfReason is the slide whose reason a file below the quarantine is.
func slideOfReason(file string, slides map[string]bool) string {
	file = strings.TrimSuffix(file, reasonFile)
	stamp := path.Ext(file)
	if _, err := time.Parse("."+awayTime, stamp); err == nil && !slides[file] {
		return strings.TrimSuffix(file, stamp)
	}
	return file
}
