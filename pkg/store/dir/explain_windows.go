package dir

import (
	"errors"

	"golang.org/x/sys/windows"
)

func isNotFolder(err error) bool { return errors.Is(err, windows.ERROR_DIRECTORY) }
func isReadOnly(err error) bool  { return errors.Is(err, windows.ERROR_WRITE_PROTECT) }

func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}
