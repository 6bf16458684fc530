// Package dir is a store in a directory: the key is the path below the root, so that a person, rsync
// or any Deep Zoom viewer can read it without this program.
//
// # Atomic and durable
//
// A Put writes into the folder .partial below the root and renames, so a reader never sees a part.
// Tiles are many and can be made again: they are not flushed one by one. Sync makes all puts so far
// survive a power failure, with one syncfs on Linux. Files that describe others (.json) are few and
// are flushed before their rename, so that a manifest is whole or absent even after a power failure.
//
// # Memory
//
// A Put holds one copy buffer; a List holds the names of the folders on its path, of which the
// largest is one pyramid level (about 100 bytes per tile).
package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/slidemill/slidemill/pkg/store"
)

var (
	_ store.Bucket = (*Bucket)(nil)
	_ store.Syncer = (*Bucket)(nil)
)

// Rights of what is made: the group may read, others see nothing. The umask may take more.
const (
	FolderMode = 0o750
	FileMode   = 0o640
)

// Bucket keeps objects below one directory.
type Bucket struct {
	root    string
	partial partials
	folders folders
	buffers buffers
	dirty   dirty
}

// Open makes the directory if need be. Processes may share it, on one machine or over a network
// file system with atomic rename.
func Open(root string) (*Bucket, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := os.MkdirAll(root, FolderMode); err != nil {
		return nil, fmt.Errorf("open store: %w", Explain(err))
	}
	b := &Bucket{root: root, partial: newPartials(root)}
	b.partial.sweep()
	return b, nil
}

// Root is the directory.
func (b *Bucket) Root() string { return b.root }

// Tidy removes the folder of unfinished files if nobody is writing there: for a directory that is handed
// over to other programs.
func (b *Bucket) Tidy() { os.Remove(b.partial.folder) }

// file is the path of the object under key.
func (b *Bucket) file(key string) (string, error) {
	if err := store.CheckKey(key); err != nil {
		return "", err
	}
	local, err := filepath.Localize(key) // also refuses what only this system can't name, such as NUL
	if err != nil || strings.HasPrefix(key, partialFolder) {
		return "", fmt.Errorf("key %q: %w: not a file name here", key, store.ErrInvalid)
	}
	return filepath.Join(b.root, local), nil
}

// Put implements store.Bucket.
func (b *Bucket) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	file, err := b.file(key)
	if err != nil {
		return fmt.Errorf("put: %w", err)
	}
	if err := b.put(ctx, file, store.Source(ctx, r, size), mustFlush(key)); err != nil {
		return fmt.Errorf("put %s: %w", key, Explain(err))
	}
	return nil
}

// mustFlush says which objects are flushed before they appear: those that vouch for others.
func mustFlush(key string) bool { return flushAlways || path.Ext(key) == ".json" }

func (b *Bucket) put(ctx context.Context, file string, r io.Reader, flush bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	temp, err := b.partial.create()
	if err != nil {
		return err
	}
	err = b.fill(temp, r, flush)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = b.publish(temp.Name(), file)
	}
	if err != nil {
		os.Remove(temp.Name())
	}
	return err
}

// fill writes and closes the file.
func (b *Bucket) fill(f *os.File, r io.Reader, flush bool) error {
	_, err := b.buffers.copy(f, r)
	if err == nil && flush {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// publish renames the file to its final name. Deleters prune empty folders, so the folder may vanish
// between its making and the rename: try again. Each round lost means that another process made
// progress; the limit is for a file system that lies.
func (b *Bucket) publish(temp, file string) (err error) {
	folder := filepath.Dir(file)
	for range 100 {
		if err = b.folders.ensure(folder); err == nil {
			b.partial.naming.Lock()
			err = os.Rename(temp, file)
			b.partial.naming.Unlock()
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
		b.folders.forget(folder)
	}
	if err == nil {
		b.dirty.add(folder)
	}
	return err
}

// Get implements store.Bucket.
func (b *Bucket) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if off < 0 {
		return nil, fmt.Errorf("get %s: %w: offset %d", key, store.ErrInvalid, off)
	}
	file, err := b.file(key)
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("get %s: %w", key, err)
	}
	f, err := openRegular(file)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", key, Explain(err))
	}
	if n < 0 {
		n = 1<<63 - 1 - off
	}
	return section{io.NewSectionReader(f, off, n), f}, nil
}

// section is a range of a file that closes the file.
type section struct {
	*io.SectionReader
	io.Closer
}

// openRegular opens a file; a folder is not an object.
func openRegular(file string) (*os.File, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Stat implements store.Bucket.
func (b *Bucket) Stat(ctx context.Context, key string) (store.Object, error) {
	file, err := b.file(key)
	if err != nil {
		return store.Object{}, fmt.Errorf("stat: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return store.Object{}, fmt.Errorf("stat %s: %w", key, err)
	}
	info, err := os.Stat(file)
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return store.Object{}, fmt.Errorf("stat %s: %w", key, Explain(err))
	}
	return store.Object{Key: key, Size: info.Size(), Modified: info.ModTime()}, nil
}

// Delete implements store.Bucket. Folders that become empty go with the object.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	file, err := b.file(key)
	if err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	info, err := os.Lstat(file)
	if err == nil && info.IsDir() {
		return nil
	}
	if err == nil {
		err = os.Remove(file)
	}
	if err = Explain(err); err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	b.prune(filepath.Dir(file))
	return nil
}

// prune removes empty folders upwards; the first that is not empty refuses and ends it.
func (b *Bucket) prune(folder string) {
	for len(folder) > len(b.root) && os.Remove(folder) == nil {
		b.folders.forget(folder)
		folder = filepath.Dir(folder)
	}
}
