package intake

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
)

// Versioned is an optional ability of the Closer of a slide.Source: Version tells the bytes that are open from others
// that take their place under the address, and its reads end with store.ErrReplaced when others have. Empty means that
// nobody can tell.
type Versioned interface{ Version() string }

// Still makes sure that all who read a slide, one after the other, read the same file: whoever hashes it names what
// others cut. It compares versions of a slide that lies elsewhere, and sizes and times of files; both change where
// the content does not, so a slide that did is to be hashed again, not given up.
type Still struct {
	// Remote is the slide's, whose every opening is of the same version as the first.
	Remote slide.Remote

	files map[string]fs.FileInfo
}

// HoldStill looks at a slide's files before they are read.
func HoldStill(ctx context.Context, remote slide.Remote, source string) (*Still, error) {
	s := &Still{Remote: sameVersion(remote), files: map[string]fs.FileInfo{}}
	if slide.IsRemote(source) {
		return s, nil
	}
	files, err := slide.Files(ctx, source)
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		if s.files[name], err = os.Stat(name); err != nil {
			return nil, fmt.Errorf("open slide: %w", err)
		}
	}
	return s, nil
}

// Check reports, with store.ErrReplaced, a file that is not as it was.
func (s *Still) Check() error {
	for name, was := range s.files {
		is, err := os.Stat(name)
		if err != nil {
			return fmt.Errorf("look at the slide again: %w", err)
		}
		if is.Size() != was.Size() || !is.ModTime().Equal(was.ModTime()) {
			return fmt.Errorf("the slide's file: %w", store.ErrReplaced)
		}
	}
	return nil
}

// sameVersion is a Remote for one slide.
func sameVersion(remote slide.Remote) slide.Remote {
	if remote == nil {
		return nil
	}
	var mu sync.Mutex
	var first *string
	return func(ctx context.Context, name string) (slide.Source, error) {
		src, err := remote(ctx, name)
		if err != nil {
			return src, err
		}
		of, able := src.Closer.(Versioned)
		if !able {
			return src, nil
		}
		mu.Lock()
		defer mu.Unlock()
		version := of.Version()
		if first == nil {
			first = &version
		}
		if *first != version {
			src.Close() // read only: nothing is lost
			return slide.Source{}, fmt.Errorf("the slide's object: %w", store.ErrReplaced)
		}
		return src, nil
	}
}
