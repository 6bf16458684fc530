package watch

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// supersede closes what earlier contents of a slide's file came to, of which before, if not nil, is one that this watcher
// took: a damaged slide that was copied anew is not one that failed and one that is done. What cannot be closed now is at
// the next start.
func (w *Watcher) supersede(ctx context.Context, s, before *Slide) {
	if s.Slide == (pyramid.SlideID{}) {
		return
	}
	named := intake.CalledAs(s.File)
	replace := func(id pyramid.SlideID, lay func(source string) bool) {
		if id == s.Slide || id == (pyramid.SlideID{}) {
			return
		}
		if err := w.Reception.Replace(ctx, intake.Replacement{Old: id, New: s.Slide, Named: named, Lay: lay}); err != nil {
			w.Log.WarnContext(ctx, "a slide whose file was replaced stands as failed still", "slide", id, "error", nameless(err))
		}
		w.takeCase(ctx, s)
	}
	if before != nil {
		replace(before.Slide, nil)
	}
	for _, l := range append(w.earlier[s.File], w.entries[s.File]) {
		replace(l.Slide, w.layAt(s.File))
	}
	delete(w.earlier, s.File)
}

// takeCase tells a slide of which no worklist says the case with that of the record, which may be its predecessor's by now.
func (w *Watcher) takeCase(ctx context.Context, s *Slide) {
	if s.Accession != "" || s.Doubled != "" {
		return
	}
	e, err := w.Judge.Entry(ctx, s.Slide)
	if err != nil {
		w.Log.WarnContext(ctx, "it is not known whether a slide has the case of the one that it replaced", "slide", s.Slide, "error", nameless(err))
		return
	}
	if e.Accession != "" && !s.ended() { // it takes its turn there
		w.Reception.Turns.Left("")
		w.Reception.Turns.Next(e.Accession)
	}
	s.Accession = e.Accession
}

// layAt reports whether a path is that of a file in this folder, or of what was put away of it: the ledger's names are
// those of files in other folders, too.
func (w *Watcher) layAt(file string) func(source string) bool {
	return func(source string) bool {
		away := filepath.Join(w.Quarantine, filepath.FromSlash(file))
		return source == w.path(file) || w.Quarantine != "" && strings.HasPrefix(source, away)
	}
}

// release gives what a file held before to one of the others that hold it, of which it was the first.
func (w *Watcher) release(before, now *Slide) {
	if before == nil || before.Slide == now.Slide || w.first[before.Slide] != before.File {
		return
	}
	delete(w.first, before.Slide)
	for _, s := range w.Slides() {
		if s.Slide != before.Slide || s.File == before.File {
			continue
		}
		heir := w.slides[s.File]
		if first, ok := w.first[before.Slide]; ok {
			heir.Doubled = first
			continue
		}
		heir.Doubled, w.first[before.Slide], w.stale = "", s.File, true
	}
}
