package watch

import (
	"path"
	"slices"
	"strings"

	"github.com/slidemill/slidemill/pkg/intake"
)

// withoutMasks takes out the masks whose slide stands beside them, or did: a slide that was put away leaves its mask
// behind. A worklist that names a mask is believed.
func (w *Watcher) withoutMasks(found []candidate) []candidate {
	w.masks = 0
	if !slices.ContainsFunc(found, func(f candidate) bool { _, mask := intake.MaskOf(f.file); return mask }) {
		return found
	}
	slides := w.stems(found)
	return slices.DeleteFunc(found, func(f candidate) bool {
		stem, mask := intake.MaskOf(f.file)
		if !mask || !slides[stem] {
			return false
		}
		if _, listed := w.lists.find(f.file); listed {
			return false
		}
		w.masks++
		return true
	})
}

// stems are the names without extension of all slides that lie in the folder or lay there.
func (w *Watcher) stems(found []candidate) map[string]bool {
	stems := map[string]bool{}
	add := func(file string) { stems[strings.TrimSuffix(file, path.Ext(file))] = true }
	for _, f := range found {
		add(f.file)
	}
	for file := range w.slides {
		add(file)
	}
	for file := range w.entries {
		add(file)
	}
	return stems
}

// Masks is how many files were left out at the last look because they are the masks of slides beside them.
func (w *Watcher) Masks() int { return w.masks }
