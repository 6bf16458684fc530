package dicom

import (
	"errors"
	"io"

	"github.com/slidemill/slidemill/pkg/slide/fault"
)

const (
	tagSOPClass tag = 0x00080016
	tagSeries   tag = 0x0020000E
)

// Series reads of which series a whole-slide instance is, and nothing that stands behind it: some kilobytes of a file that
// may be cut short or compressed in a way that Read refuses. It is empty for instances of other kinds;
// where it cannot be told that is an error, as such a file may belong to any series.
func Series(r io.ReaderAt, size int64) (string, error) {
	var head [132]byte
	if _, err := r.ReadAt(head[:], 0); err != nil || string(head[128:]) != "DICM" {
		return "", ErrNotDICOM
	}
	in := &Instance{}
	c := &cursor{r: r, size: size, at: 132}
	if err := in.meta(c); err != nil && !errors.As(err, new(*fault.UnsupportedError)) {
		return "", err
	}
	_, err := c.walk(size, func(e element) (enter func() error, err error) {
		switch {
		case e.tag > tagSeries: // tags ascend
			return nil, errPast
		case e.tag == tagSOPClass || e.tag == tagSeries:
			return in.visit(c, e)
		}
		return nil, nil
	})
	if err != nil && !errors.Is(err, errPast) {
		return "", err
	}
	switch { // both stand in every instance: where they do not, it ends before them or is written in a way that walk cannot read
	case in.SOPClass == "":
		return "", damaged("no SOP class: the file is cut short, or compressed as a whole")
	case in.SOPClass != WholeSlide:
		return "", nil
	case in.Series == "":
		return "", damaged("no series: the file is cut short")
	}
	return in.Series, nil
}

// errPast ends the walk.
var errPast = errors.New("all that was asked for lies before")
