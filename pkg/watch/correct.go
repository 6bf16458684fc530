package watch

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// correct brings what the worklists say by now to the slides that were taken before. A correction that the
// system does not take now is tried again at the next look.
func (w *Watcher) correct(ctx context.Context) (err error) {
	if !w.stale {
		return nil
	}
	for file := range w.entries { // ordered from this folder before, wherever the file is now
		w.lists.saw(file)
	}
	for _, s := range w.slides {
		row, listed := w.lists.find(s.File)
		if listed && !row.says(s.row) {
			err = errors.Join(err, w.heed(ctx, s, row))
		}
	}
	w.stale = err != nil
	return err
}

// heed does what a slide's row says now.
func (w *Watcher) heed(ctx context.Context, s *Slide, row Row) error {
	if w.again(s, row) {
		s.row = row
		return nil
	}
	var said []string
	if s.Slide != (pyramid.SlideID{}) && s.Doubled == "" {
		q := intake.Request{Path: filepath.Join(w.Dir, filepath.FromSlash(s.File)), File: s.File, Accession: row.Accession, Priority: row.Priority, MPP: row.MPP}
		var err error
		if said, err = w.Reception.Amend(ctx, s.Slide, q); err != nil {
			return err
		}
	}
	s.row = row
	if row.Accession != "" && row.Accession != s.Accession {
		if !s.ended() { // it is another case's turn that it takes now
			w.Reception.Turns.Left(s.Accession)
			w.Reception.Turns.Next(row.Accession)
		}
		s.Accession = row.Accession
	}
	if row.Priority != "" {
		s.Priority = row.Priority
	}
	w.announce(ctx, *s, said)
	return nil
}

// again takes a slide once more that was refused, when the worklist has a scale for it now.
func (w *Watcher) again(s *Slide, row Row) bool {
	seen := w.files[s.File]
	if row.MPP == 0 || row.MPP == s.row.MPP || s.State != intake.Refused || seen == nil {
		return false
	}
	seen.taken = false
	delete(w.entries, s.File) // or it would be recalled as refused
	return true
}

// announce tells what a correction changed. Accessions stay out of the log.
func (w *Watcher) announce(ctx context.Context, s Slide, said []string) {
	if len(said) == 0 {
		return
	}
	s.Note = strings.Join(said, "; ")
	if w.Told != nil {
		w.Told(s)
		return
	}
	w.Log.InfoContext(ctx, "slide corrected by the worklist", "slide", s.Slide, "changes", len(said))
}
