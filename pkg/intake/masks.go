package intake

import (
	"path/filepath"
	"slices"
	"strings"
)

// maskSuffixes end the names of masks that lie beside their slides, as `synth` writes them and `train` reads them.
var maskSuffixes = []string{".mask.tiff", ".mask.tif"}

// MaskOf is the name, without extension, of the slide that a file is the mask of by its own name.
func MaskOf(file string) (stem string, ok bool) {
	for _, suffix := range maskSuffixes {
		if n := len(file) - len(suffix); n > 0 && strings.EqualFold(file[n:], suffix) {
			return file[:n], true
		}
	}
	return "", false
}

// WithoutMasks takes out the masks whose slides are named too, as a pattern such as *.tiff names both, and says how many
// there were. A mask that is named without its slide is meant.
func WithoutMasks(files []string) (slides []string, masks int) {
	stems := map[string]bool{}
	for _, file := range files {
		stems[strings.TrimSuffix(file, filepath.Ext(file))] = true
	}
	slides = slices.DeleteFunc(slices.Clone(files), func(file string) bool {
		stem, mask := MaskOf(file)
		return mask && stems[stem]
	})
	return slides, len(files) - len(slides)
}
