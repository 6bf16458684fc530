package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/watch"
)

// count remembers that the summary has something new.
func (r *round) count(s watch.Slide) {
	if intake.Ended(s.State) {
		r.ended++
	}
}

// logAgain counts, and has the log say what the page does not show: that somebody put a file back in vain.
func (r *round) logAgain(s watch.Slide) {
	r.count(s)
	if s.Again != "" {
		r.log.Warn("a file that came to nothing was put back as it was: repair the slide or export it anew, or `slidemill dead retry`", "slide", s.Slide)
	}
}

// told says on the terminal what became of a slide.
func (r *round) told(s watch.Slide) {
	r.count(s)
	out := r.cmd.ErrOrStderr()
	switch {
	case s.Note != "":
		fmt.Fprintf(out, "%s: %s\n", s.File, s.Note)
	case s.Again != "":
		fmt.Fprintf(out, "%s: %s again: %s %s\n", s.File, s.State, s.Again, s.Reason)
	case s.Before && s.Doubled != "":
		r.copies++
	case s.Before:
		r.before = append(r.before, s.State)
	case s.Doubled != "":
		fmt.Fprintf(out, "%s: the same slide as %s\n", s.File, s.Doubled)
	case s.Reason != "":
		fmt.Fprintf(out, "%s: %s: %s\n", s.File, s.State, s.Reason)
	case s.State == intake.Waiting:
		fmt.Fprintf(out, "%s: taken\n", s.File)
	case s.Caution != "":
		fmt.Fprintf(out, "%s: %s, %s\n", s.File, s.State, s.Caution)
	default:
		fmt.Fprintf(out, "%s: %s\n", s.File, s.State)
	}
}

// tellProblems says once which lines of the worklists make no sense, and what of them is not read. The terminal has seen
// the names of files all the while; the log, which is kept, has only the lines' numbers.
func (r *round) tellProblems() {
	problems := append(r.watcher.SheetProblems(), r.watcher.SheetHints()...)
	if r.quiet || slices.Equal(problems, r.problems) {
		return
	}
	for _, p := range problems {
		if !slices.Contains(r.problems, p) {
			fmt.Fprintf(r.cmd.ErrOrStderr(), "worklist %s\n", p)
		}
	}
	r.problems = problems
}

// tellSilence has the summary written soon when the folder falls silent or answers again. The watcher logs it.
func (r *round) tellSilence() {
	since := r.watcher.Silent()
	if r.heard != nil {
		r.heard(since)
	}
	if !since.Equal(r.silent) {
		r.silent, r.written = since, time.Time{}
		r.ended++
	}
}

// silence is the problem that a folder has which does not answer.
func (r *round) silence() []string {
	since := r.watcher.Silent()
	if since.IsZero() {
		return nil
	}
	return []string{fmt.Sprintf("The folder has not answered since %s, and slides that lie there since then are not in this list. See whether its network drive is there.",
		since.Format("2006-01-02 15:04"))}
}

// tellMissing says how many slides of the worklists have not come, when that changed. Scanners bring them
// one by one, so which they are stands in the summary and is said at the end.
func (r *round) tellMissing() {
	n, listed := r.watcher.Awaited(), r.watcher.Listed()
	if n == r.missing {
		return
	}
	r.missing = n
	if r.quiet {
		r.log.Info("worklist", "slides", listed, "missing", n)
		return
	}
	fmt.Fprintf(r.cmd.ErrOrStderr(), "worklist: %d of %s not in the folder yet\n", n, count(listed, "slide"))
}

// tellBefore says in one line how slides had ended before this watch began, and how many more files hold them: what is
// printed one by one is news.
func (r *round) tellBefore() {
	var parts []string
	if len(r.before) > 0 {
		parts = append(parts, countStates(r.before))
	}
	if r.copies > 0 {
		parts = append(parts, plural(r.copies, "further file of the same slides", "further files of the same slides"))
	}
	if len(parts) > 0 {
		fmt.Fprintf(r.cmd.ErrOrStderr(), "ended before this start: %s\n", strings.Join(parts, "; "))
	}
	r.before, r.copies = nil, 0
}

// tellMasks says once that masks are left out, so that nobody waits for them.
func (r *round) tellMasks() {
	n := r.watcher.Masks()
	if n == 0 || r.masks {
		return
	}
	r.masks = true
	if r.quiet {
		r.log.Info("masks beside their slides are left out", "files", n)
		return
	}
	fmt.Fprintf(r.cmd.ErrOrStderr(), "left out, as masks beside their slides: %s (NAME.mask.tiff)\n", count(n, "file"))
}
