package jetstream

import (
	"errors"
	"os"
)

var errLocked = errors.New("another slidemill works in it: wait for it, stop it, or name another data directory")

// dirLock keeps a second server out of a directory: two would destroy each other's files. The system
// drops it with the process, however that ends.
type dirLock struct{ file *os.File }

func lockDir(name string) (*dirLock, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &dirLock{f}, nil
}

func (l *dirLock) release() error {
	if l == nil {
		return nil
	}
	return l.file.Close()
}
