package intake

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// maxNames bounds the further names that a record keeps: with maxName they fit into maxRecord.
const maxNames = 8

// kept is a name as a record keeps it.
func kept(name string) string {
	if len(name) > maxName {
		name = "…" + name[len(name)-maxName:]
	}
	return strings.ToValidUTF8(name, "\uFFFD") // as the record gives it back
}

// call adds a name of the slide's file, and reports whether that changed the entry. Of more than maxNames it only says
// that there are more.
func (e *Entry) call(name string) (changed bool) {
	name = kept(name)
	switch {
	case name == "" || name == e.File || slices.Contains(e.Names, name):
		return false
	case e.File == "":
		e.File = name
	case len(e.Names) < maxNames:
		e.Names = append(slices.Clip(e.Names), name)
	default:
		changed, e.MoreNames = !e.MoreNames, true
		return changed
	}
	return true
}

// Called reports whether one of the names of the slide's file is such a one.
func (e *Entry) Called(is func(name string) bool) bool {
	return is(e.File) || slices.ContainsFunc(e.Names, is)
}

// SamePath reports whether one name of a file is the other with more of the path: a watched folder and `run` name one file
// so.
func SamePath(a, b string) bool {
	a, b = "/"+a, "/"+b
	return strings.HasSuffix(a, b) || strings.HasSuffix(b, a)
}

// inherit takes over what an earlier record says of the slide: its other names, as it is the same slide still, and
// where nobody gave an accession the one that is known, as none does not say that the slide belongs to no case. Files of
// several names that were never fit for an order may be of several cases: empty ones, or half-copied ones of the same bytes,
// are one "slide".
func (e *Entry) inherit(old Entry) {
	ordered := e.Run != (pyramid.RunID{}) || old.Run != (pyramid.RunID{})
	if e.Accession == "" && (ordered || e.File == old.File) && e.Slide != EmptySlide() {
		e.Accession = old.Accession
	}
	if e.ListedMPP == 0 { // ordered by hand since
		e.ListedMPP = old.ListedMPP
	}
	e.Folder = cmp.Or(e.Folder, old.Folder)
	e.MoreNames = old.MoreNames
	for _, name := range append([]string{old.File}, old.Names...) {
		e.call(name)
	}
}

// EmptySlide is the id of every empty file, under which its refusal is written down.
func EmptySlide() pyramid.SlideID { return pyramid.NewSlideID(sha256.Sum256(nil)) }

// Call notes that an ordered slide has a file of another name, too. It does nothing for one that was never ordered.
func (l Ledger) Call(ctx context.Context, slide pyramid.SlideID, name string) error {
	e, err := l.Entry(ctx, slide)
	if errors.Is(err, errUnreadable) { // the next order replaces it; this one has its result
		return nil
	}
	if err != nil || !e.call(name) {
		return unlessMissing(err)
	}
	return l.record(ctx, e)
}
