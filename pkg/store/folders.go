package store

import (
	"context"
	"iter"
	"strings"
)

// FolderLister is an optional ability of a Bucket: Folders yields the names directly below prefix
// that hold further objects, without walking those.
type FolderLister interface {
	Folders(ctx context.Context, prefix string) iter.Seq2[string, error]
}

// Folders yields the names of the folders directly below prefix, which ends in a slash, in order. A
// bucket without the ability is walked whole.
func Folders(ctx context.Context, b Bucket, prefix string) iter.Seq2[string, error] {
	if l, ok := b.(FolderLister); ok {
		return l.Folders(ctx, prefix)
	}
	return func(yield func(string, error) bool) {
		last := ""
		for object, err := range b.List(ctx, prefix) {
			if err != nil {
				yield("", err)
				return
			}
			name, _, folder := strings.Cut(strings.TrimPrefix(object.Key, prefix), "/")
			if !folder || name == last {
				continue
			}
			if last = name; !yield(name, nil) {
				return
			}
		}
	}
}
