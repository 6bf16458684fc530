package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/slidemill/slidemill/pkg/store"
)

// nameless is an error of an object, told without its key: that is a file's name, which may hold a patient's,
// and errors go into logs and the dead list. The error itself is not in its chain, so nothing can print it.
type nameless struct {
	text    string
	meaning error // what it is to who reads files; nil where they have no word for it
}

func (e *nameless) Error() string { return e.text }
func (e *nameless) Unwrap() error { return e.meaning }

// nameless makes an error of the object one that may be told. The end of the object stays io.EOF.
func (o object) nameless(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	e := &nameless{text: redacted(err.Error(), path.Join(o.folder.Prefix, o.key))}
	switch {
	case errors.Is(err, store.ErrNotFound):
		e.meaning = fs.ErrNotExist
	case errors.Is(err, store.ErrDenied):
		e.meaning = fs.ErrPermission
	case errors.Is(err, store.ErrReplaced):
		e.meaning = store.ErrReplaced
	default:
		e.meaning = ended(err)
	}
	return e
}

// ended is the end of a context, if that is what an error tells.
func ended(err error) error {
	for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, end) {
			return end
		}
	}
	return nil
}

// redacted is a text without a key.
func redacted(text, key string) string {
	for _, s := range spellings(key) {
		text = strings.ReplaceAll(text, s, "…")
	}
	return text
}

// spellings are the ways in which a key, its folder or its last part may stand in an error: as they are,
// quoted, and as servers and clients escape them in URLs. The longest come first, so that none leaves a rest.
// A folder has a slash at one end, because "in" is one too.
func spellings(key string) (all []string) {
	parts := []string{key, path.Base(key)}
	if folder := path.Dir(key); folder != "." {
		parts = append(parts, folder+"/", "/"+folder)
	}
	for _, part := range parts {
		quoted := strconv.Quote(part)
		query := url.QueryEscape(part)
		bare := strings.ReplaceAll(query, "+", "%20")
		all = append(all, part, quoted[1:len(quoted)-1], query, bare, strings.ReplaceAll(bare, "%2F", "/"),
			url.PathEscape(part), (&url.URL{Path: part}).EscapedPath())
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	return all
}
