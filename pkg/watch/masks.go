package watch

import (
	"path"
	"slices"
	"strings"
)

// maskSuffixes end the names of masks that lie beside their slides, as `synth` writes them and `train` reads them.
var maskSuffixes = []string{".mask.tiff", ".mask.tif"}

// maskOf is the name, without extension, of the slide that a file is the mask of by its own name.
func maskOf(file string) (stem string, ok bool) {
	for _, suffix := range maskSuffixes {
		if n := len(file) - len(suffix); n > 0 && strings.EqualFold(file[n:], suffix) {
			return file[:n], true
		}
	}
	return "", false
}

// withoutMasks takes out the masks whose slide stands beside them, or did: a slide that was put away leaves its mask
// behind. A worklist that names a mask is believed.
func (w *Watcher) withoutMasks(found []candidate) []candidate {
	w.masks = 0
	if !slices.ContainsFunc(found, func(f candidate) bool { _, mask := maskOf(f.file); return mask }) {
		return found
	}
	slides := w.stems(found)
	return slices.DeleteFunc(found, func(f candidate) bool {
		stem, mask := maskOf(f.file)
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
