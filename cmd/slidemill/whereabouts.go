package main

import (
	"fmt"
	"path/filepath"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/dir"
)

// whereabouts says where a finished run's files are and how to look at them.
func (s *shift) whereabouts(o *intake.Order) []string {
	keys := store.Slide(o.Slide).Run(o.Run)
	where := func(key string) string { return key }
	if b, ok := plainStore(s.crew.bucket).(*dir.Bucket); ok {
		where = func(key string) string { return filepath.Join(b.Root(), filepath.FromSlash(key)) }
	}
	return []string{
		"report   " + where(keys.ReportHTML()),
		"picture  " + where(keys.Preview()),
		"mask     " + where(keys.Mask()),
		"outlines " + where(keys.Contours()) + " (drop it on the slide in QuPath)",
		"viewer   " + s.viewerCommand(o),
	}
}

func (s *shift) viewerCommand(o *intake.Order) string {
	place := "--data " + s.flags.data
	if s.flags.store != "" {
		place += " --store " + s.flags.store
	}
	return fmt.Sprintf("slidemill serve %s, then http://127.0.0.1:8080/slides/%v#%v", place, o.Slide, o.Run)
}

// plainStore is the driver below what wraps it.
func plainStore(b store.Bucket) store.Bucket {
	for {
		wrapper, ok := b.(interface{ Unwrap() store.Bucket })
		if !ok {
			return b
		}
		b = wrapper.Unwrap()
	}
}
