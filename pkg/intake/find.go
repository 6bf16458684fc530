package intake

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

// minPrefix is how much of an id names a slide: fewer digits are a typing error more often than not.
const minPrefix = 4

// FindOrders lists the orders that a person means: by id or its first digits, by the file's name, with or
// without its folder and extension, or by accession.
func (l Ledger) FindOrders(ctx context.Context, text string) ([]Line, error) {
	if id, err := pyramid.ParseSlideID(text); err == nil {
		e, err := l.Entry(ctx, id)
		if err != nil {
			return nil, unlessMissing(err)
		}
		end, err := l.End(ctx, id)
		return []Line{{e, end}}, err
	}
	lines, err := l.Lines(ctx, time.Time{})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(lines, func(line Line) bool { return !line.means(text) }), nil
}

func (e *Entry) means(text string) bool {
	base := path.Base(strings.ReplaceAll(e.File, `\`, "/"))
	return isPrefix(e.Slide, text) || text == e.File || text == base ||
		text == strings.TrimSuffix(base, path.Ext(base)) || e.Accession != "" && text == e.Accession
}

func isPrefix(id pyramid.SlideID, text string) bool {
	return len(text) >= minPrefix && strings.HasPrefix(id.String(), strings.ToLower(text))
}

// FindSlide is the one slide that a person means, whether it was ordered or only tiled.
func (l Ledger) FindSlide(ctx context.Context, text string) (pyramid.SlideID, error) {
	if id, err := pyramid.ParseSlideID(text); err == nil {
		return id, nil
	}
	lines, err := l.FindOrders(ctx, text)
	if err != nil {
		return pyramid.SlideID{}, err
	}
	names := map[pyramid.SlideID]string{}
	for _, line := range lines {
		names[line.Slide] = fmt.Sprintf("%v (%s)", line.Slide, line.File)
	}
	for name, err := range store.Folders(ctx, l.Bucket, store.Slides()) {
		if err != nil {
			return pyramid.SlideID{}, err
		}
		if id, err := pyramid.ParseSlideID(name); err == nil && isPrefix(id, text) && names[id] == "" {
			names[id] = name
		}
	}
	return theOne(text, names)
}

// theOne is the only slide among the names, or an error that tells the others.
func theOne(text string, names map[pyramid.SlideID]string) (pyramid.SlideID, error) {
	if len(names) == 1 {
		for id := range names {
			return id, nil
		}
	}
	if len(names) == 0 {
		return pyramid.SlideID{}, fmt.Errorf("no slide %q here: give its id, at least %d digits of it, or its file's name, and the right --data or --store", text, minPrefix)
	}
	var list []string
	for _, name := range names {
		list = append(list, name)
	}
	slices.Sort(list)
	return pyramid.SlideID{}, fmt.Errorf("%q could be %d slides: %s: give more of the id", text, len(names), strings.Join(list[:min(len(list), 5)], ", "))
}
