package slide

import (
	"io"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// What the tests in package slide_test need of the inside.
var (
	ResolutionScale = resolutionScale
	OMEScale        = omeScale
)

// MaxObjective is the strongest objective that a header is believed.
const MaxObjective = maxObjective

// ParseAperio gives what is kept of an Aperio description.
func ParseAperio(text string) (pyramid.MPP, float64) {
	d := parseAperio(text)
	return d.mpp, d.objective
}

// OpenReader opens a slide in memory.
func OpenReader(r io.ReaderAt, size int64, o Options) (Slide, error) {
	return openSource(source{witness: newWitness(r, size), Closer: io.NopCloser(nil), size: size}, o)
}

// LetGo closes the files of a DICOM series, which are opened again when they are read.
func LetGo(s Slide) {
	for _, f := range s.(*stack).Closer.(dicomFiles) {
		if err := f.drop(); err != nil {
			panic(err)
		}
	}
}
