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
		"viewer   " + s.viewer(o),
	}
}

// viewer is where the slide can be looked at: in the serve that runs here, or in one that is to be started.
func (s *shift) viewer(o *intake.Order) string {
	page := fmt.Sprintf("/slides/%v#%v", o.Slide, o.Run)
	if s.web != "" {
		return s.web + page
	}
	return fmt.Sprintf("slidemill serve %s, then http://%s%s", &s.flags.place, defaultListen, page)
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
