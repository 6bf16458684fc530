package intake

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
)

// minPrefix is how much of an id names a slide: fewer digits are a typing error more often than not.
const minPrefix = 4

// Unknown is a name that no slide here has.
type Unknown struct{ Text string }

func (e *Unknown) Error() string {
	return fmt.Sprintf("no slide %q here: give its file's path or name, its id or at least %d digits of it, or its accession, and the right --data or --store", e.Text, minPrefix)
}

// Unordered is a slide that is here, tiled, of which nobody ever ordered an analysis.
type Unordered struct{ Slide pyramid.SlideID }

func (e *Unordered) Error() string {
	return fmt.Sprintf("slide %v was never ordered: order it with `slidemill submit FILE`", e.Slide)
}

// Misnamed reports an error about what a slide was called: another name may still be looked for. Any other is the
// store's.
func Misnamed(err error) bool {
	return errors.As(err, new(*Unknown)) || errors.As(err, new(*Ambiguous)) || errors.As(err, new(*Unordered))
}

// Ambiguous is a name that several slides have, where one is wanted.
type Ambiguous struct {
	Text  string
	Lines []Line // what it could be, by id
}

// maxNamed bounds the candidates that an error tells.
const maxNamed = 20

func (e *Ambiguous) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q could be any of %d slides; give the id of one:", e.Text, len(e.Lines))
	for _, line := range e.Lines[:min(len(e.Lines), maxNamed)] {
		fmt.Fprintf(&b, "\n  %v", line.Slide)
		for _, text := range []string{line.File, line.Accession} {
			if text != "" {
				b.WriteString("  " + text)
			}
		}
	}
	if more := len(e.Lines) - maxNamed; more > 0 {
		fmt.Fprintf(&b, "\n  and %d more", more)
	}
	return b.String()
}

// Find lists the slides that a person means. Whatever takes a slide asks here or Choose, so that each takes
// the same names: the path of the file or its name, with or without folder and extension; the id or its first
// digits, of which each must mean one slide; or an accession, which means all slides of the case. A slide that
// was never ordered has an id only, and its line no time. Errors are Unknown, Ambiguous, or the store's.
func (l Ledger) Find(ctx context.Context, text string) ([]Line, error) {
	if id, err := pyramid.ParseSlideID(text); err == nil {
		return l.findID(ctx, text, id)
	}
	all, err := l.Lines(ctx, time.Time{})
	if err == nil {
		all, err = l.unordered(ctx, all)
	}
	if err != nil {
		return nil, err
	}
	return Choose(ctx, all, text)
}

// Choose lists those of some slides that a person means, as Find does of all.
func Choose(ctx context.Context, all []Line, text string) ([]Line, error) {
	if accession := keep(all, func(e *Entry) bool { return text != "" && e.Accession == text }); len(accession) > 0 {
		return accession, nil
	}
	named := keep(all, func(e *Entry) bool {
		return isPrefix(e.Slide, text) || e.Called(func(name string) bool { return sameFile(name, text) })
	})
	if st, err := os.Stat(text); err == nil && st.Mode().IsRegular() {
		if named, err = byContent(ctx, all, named, file{text, st}); err != nil {
			return nil, err
		}
	}
	switch len(named) {
	case 0:
		return nil, &Unknown{text}
	case 1:
		return named, nil
	}
	slices.SortFunc(named, func(a, b Line) int { return slices.Compare(a.Slide[:], b.Slide[:]) })
	return nil, &Ambiguous{text, named}
}

// NotReplaced leaves out the slides whose files were replaced, unless all were: whoever wants a result means that of what
// lies there now.
func NotReplaced(lines []Line) []Line {
	replaced := func(l Line) bool { return l.End != nil && l.End.State == Replaced }
	if !slices.ContainsFunc(lines, func(l Line) bool { return !replaced(l) }) {
		return lines
	}
	return slices.DeleteFunc(slices.Clone(lines), replaced)
}

func keep(all []Line, means func(*Entry) bool) (kept []Line) {
	for _, line := range all {
		if means(&line.Entry) {
			kept = append(kept, line)
		}
	}
	return kept
}

func isPrefix(id pyramid.SlideID, text string) bool {
	return len(text) >= minPrefix && strings.HasPrefix(id.String(), strings.ToLower(text))
}

// sameFile reports whether a text can be the file of a record. The record has the file's name, or its path
// below a watched folder; people type more of the path or less, and leave the extension away.
func sameFile(file, text string) bool {
	if u, err := url.Parse(text); err == nil && slide.IsRemote(text) {
		text = u.Path
	}
	file, text = "/"+slashed(file), "/"+slashed(text)
	stem := strings.TrimSuffix(file, path.Ext(file))
	return len(text) > 1 && len(file) > 1 &&
		(strings.HasSuffix(file, text) || strings.HasSuffix(text, file) || strings.HasSuffix(stem, text))
}

func slashed(file string) string {
	if file == "" {
		return ""
	}
	return strings.Trim(path.Clean(strings.ReplaceAll(file, `\`, "/")), "/")
}

// findID is the slide of an id, whether it was ordered or only tiled.
func (l Ledger) findID(ctx context.Context, text string, id pyramid.SlideID) ([]Line, error) {
	e, err := l.Entry(ctx, id)
	if err == nil {
		end, err := l.End(ctx, id)
		return []Line{{e, end}}, err
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	for _, err := range l.Bucket.List(ctx, store.Slide(id).Prefix()) {
		return []Line{{Entry: Entry{Slide: id}}}, err
	}
	return nil, &Unknown{text}
}

// unordered adds the slides that were never ordered.
func (l Ledger) unordered(ctx context.Context, lines []Line) ([]Line, error) {
	ordered := make(map[pyramid.SlideID]bool, len(lines))
	for _, line := range lines {
		ordered[line.Slide] = true
	}
	for name, err := range store.Folders(ctx, l.Bucket, store.Slides()) {
		if err != nil {
			return nil, err
		}
		if id, err := pyramid.ParseSlideID(name); err == nil && !ordered[id] {
			lines = append(lines, Line{Entry: Entry{Slide: id}})
		}
	}
	return lines, nil
}

// file is a file of this machine.
type file struct {
	path string
	stat os.FileInfo
}

// byContent is the slide that a file holds: another file of the same name may have been ordered. Size and time
// tell, and only where they do not is the file read.
func byContent(ctx context.Context, all, named []Line, f file) ([]Line, error) {
	same := keep(named, func(e *Entry) bool { return e.Bytes == f.stat.Size() && e.Changed.Equal(f.stat.ModTime()) })
	if len(same) > 0 {
		return same, nil
	}
	id, err := Identify(ctx, f.path, nil)
	if err != nil { // an empty one has no sum
		return named, ctx.Err()
	}
	return keep(all, func(e *Entry) bool { return e.Slide == id }), nil
}

// Identify reads a file and says which slide it holds. progress, if not nil, hears the number of bytes read so far.
func Identify(ctx context.Context, path string, progress func(n int64)) (pyramid.SlideID, error) {
	sum, err := slide.Hash(ctx, path, progress)
	if err != nil {
		return pyramid.SlideID{}, err
	}
	return pyramid.NewSlideID(sum), nil
}

// FindOrders lists the orders that a person means: one, or those of an accession.
func (l Ledger) FindOrders(ctx context.Context, text string) ([]Line, error) {
	lines, err := l.Find(ctx, text)
	if err != nil {
		return nil, err
	}
	if lines[0].At.IsZero() {
		return nil, &Unordered{lines[0].Slide}
	}
	return lines, nil
}

// FindSlide is the one slide that a person means, whether it was ordered or only tiled.
func (l Ledger) FindSlide(ctx context.Context, text string) (pyramid.SlideID, error) {
	lines, err := l.Find(ctx, text)
	switch {
	case err != nil:
		return pyramid.SlideID{}, err
	case len(lines) > 1:
		return pyramid.SlideID{}, &Ambiguous{text, lines}
	}
	return lines[0].Slide, nil
}
