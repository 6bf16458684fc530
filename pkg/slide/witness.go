package slide

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync/atomic"
)

// witness reads a slide's bytes and remembers that they could not be had. From then on the slide is of no use: a
// decoder that got no bytes calls them damaged, and what is damaged becomes white, where an outage must end the
// work so that it is done again. A nil witness has seen nothing.
type witness struct {
	r    io.ReaderAt
	size int64
	seen *atomic.Pointer[error]
}

func newWitness(r io.ReaderAt, size int64) *witness {
	return &witness{r, size, new(atomic.Pointer[error])}
}

// beside reads another file of the slide: what fails in one has failed for all.
func (w *witness) beside(r io.ReaderAt, size int64) *witness { return &witness{r, size, w.seen} }

// ReadAt implements io.ReaderAt. The end of the file is no failure, and an offset outside it, which only a damaged
// file can name, is not asked for.
func (w *witness) ReadAt(p []byte, at int64) (int, error) {
	if at < 0 || at >= w.size {
		return 0, io.EOF
	}
	n, err := w.r.ReadAt(p, at)
	if err != nil && err != io.EOF { // itself: a broken connection may wrap an EOF
		err = withheld(err)
		w.seen.CompareAndSwap(nil, &err)
	}
	return n, err
}

// failure is the first error of the storage, or nil.
func (w *witness) failure() error {
	if w == nil {
		return nil
	}
	if err := w.seen.Load(); err != nil {
		return *err
	}
	return nil
}

// withheld words an error of the storage, without the path: it may hold a patient's name.
func withheld(err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		err = of.Err
	}
	return fmt.Errorf("the slide's bytes cannot be read: %w", err)
}
