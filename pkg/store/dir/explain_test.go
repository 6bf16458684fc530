//go:build unix

package dir

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/slidemill/slidemill/pkg/store"
)

// TestExplain: what the system says, and what callers see.
func TestExplain(t *testing.T) {
	for _, c := range []struct{ err, want error }{
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, store.ErrNoSpace},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, store.ErrDenied},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}, store.ErrNotFound},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.ENOTDIR}, store.ErrNotFound},
		{fmt.Errorf("x: %w", syscall.EIO), syscall.EIO},
	} {
		if got := Explain(c.err); !errors.Is(got, c.want) || !errors.Is(got, c.err) {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
	if Explain(nil) != nil {
		t.Error("no error became one")
	}
}
