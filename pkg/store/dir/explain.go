package dir

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/slidemill/slidemill/pkg/store"
)

// Explain gives an error of the file system the meaning that store.Bucket promises, and a hint.
func Explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist) || isNotFolder(err):
		return fmt.Errorf("%w: %w", store.ErrNotFound, err)
	case isFull(err):
		return fmt.Errorf("%w: %w: make room and run the same command again", store.ErrNoSpace, err)
	case errors.Is(err, fs.ErrPermission) || isReadOnly(err):
		return fmt.Errorf("%w: %w: check the owner and the rights of the store's directory", store.ErrDenied, err)
	}
	return err
}
