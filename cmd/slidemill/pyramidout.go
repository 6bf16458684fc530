package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/dir"
	"github.com/slidemill/slidemill/pkg/store/dzi"
	"github.com/slidemill/slidemill/pkg/store/szi"
	"github.com/slidemill/slidemill/pkg/tiler"
	"github.com/slidemill/slidemill/workers"
)

// pyramidOut is a pyramid in the making, outside the store.
type pyramidOut struct {
	commit func() error
	abort  func(context.Context) error
}

// open makes ready what --out names and tells the cut of it.
func (f *tileFlags) open(ctx context.Context, budget *workers.Budget, c *tiler.Config) (pyramidOut, error) {
	switch {
	case strings.HasPrefix(f.out, "s3://"):
		return f.openS3(ctx, budget, c)
	case filepath.Ext(f.out) == ".szi":
		return f.openFile(ctx, budget, c)
	case filepath.Ext(f.out) == ".dzi":
		if err := f.clearDeepZoom(); err != nil {
			return pyramidOut{}, err
		}
		bucket, err := dzi.Open(strings.TrimSuffix(f.out, ".dzi"))
		if err != nil {
			return pyramidOut{}, err
		}
		c.Bucket = budget.Bucket(bucket)
		return pyramidOut{func() error { return nil }, bucket.Remove}, nil
	}
	return pyramidOut{}, &usageError{errors.New("--out: want a name that ends in .dzi or .szi, or s3://BUCKET/PREFIX")}
}

// openS3 begins an archive in a bucket.
func (f *tileFlags) openS3(ctx context.Context, budget *workers.Budget, c *tiler.Config) (pyramidOut, error) {
	where, name := f.out, "pyramid.szi"
	address, query, _ := strings.Cut(f.out, "?")
	switch path.Ext(address) {
	case ".szi":
		name = path.Base(address)
		where = strings.TrimSuffix(address, "/"+name)
		if query != "" {
			where += "?" + query
		}
	case ".dzi":
		return pyramidOut{}, &usageError{errors.New("--out: a pyramid in S3 is one archive: name it .szi, or give a prefix")}
	}
	f.store = where
	bucket, err := f.openStore(ctx)
	if err != nil {
		return pyramidOut{}, err
	}
	if err := f.vacant(ctx, bucket, name); err != nil {
		return pyramidOut{}, err
	}
	return openArchive(ctx, c, budget.Bucket(bucket), name)
}

// vacant refuses to write over an archive unless that is wished.
func (f *tileFlags) vacant(ctx context.Context, bucket store.Bucket, name string) error {
	if _, err := bucket.Stat(ctx, name); err == nil && !f.force {
		return occupied(f.out)
	}
	return nil
}

// clearDeepZoom refuses to write over a Deep Zoom image, or with --force takes the old one away, descriptor first: without
// it there is no image. Without one the folder is what a killed cut left behind, if there is nothing but tiles in it, or
// somebody else's (browsers call what belongs to a saved page so), which stays.
func (f *tileFlags) clearDeepZoom() error {
	tiles := strings.TrimSuffix(f.out, ".dzi") + "_files"
	if !f.force {
		return vacant(false, f.out, tiles)
	}
	if !there(f.out) {
		if err := onlyLevels(tiles); err != nil {
			return err
		}
	}
	return errors.Join(unlessMissing(os.Remove(f.out)), os.RemoveAll(tiles))
}

// onlyLevels refuses a folder in which there is something else than the levels of a Deep Zoom image.
func onlyLevels(folder string) error {
	entries, err := os.ReadDir(folder)
	for _, e := range entries {
		if _, err := strconv.ParseUint(e.Name(), 10, 8); err != nil || !e.IsDir() {
			return &usageError{fmt.Errorf("%s holds other things than tiles, such as %q: choose another name", folder, e.Name())}
		}
	}
	return unlessMissing(err)
}

// unlessMissing is the error, unless it is that there is no such file.
func unlessMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// openFile begins an archive on disk.
func (f *tileFlags) openFile(ctx context.Context, budget *workers.Budget, c *tiler.Config) (pyramidOut, error) {
	name := filepath.Base(f.out)
	bucket, err := dir.Open(filepath.Dir(f.out))
	if err != nil {
		return pyramidOut{}, err
	}
	if err := f.vacant(ctx, bucket, name); err != nil {
		return pyramidOut{}, err
	}
	out, err := openArchive(ctx, c, budget.Bucket(bucket), name)
	commit := out.commit
	out.commit = func() error { defer bucket.Tidy(); return commit() }
	return out, err
}

// scanProperties is what SZI 1.2 wants to be said of a scan: size and scale, and here nothing that names anybody. The
// form is that of libvips.
func scanProperties(size pyramid.Size, mpp pyramid.MPP) []byte {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\"?>\n<image xmlns=\"http://www.pathozoom.com/szi\" version=\"1.0\">\n  <properties>\n")
	property := func(name, value string) {
		fmt.Fprintf(&b, "    <property>\n      <name>%s</name>\n      <value>%s</value>\n    </property>\n", name, value)
	}
	property("ImageWidth", strconv.Itoa(size.W))
	property("ImageHeight", strconv.Itoa(size.H))
	if mpp.Known() {
		for _, p := range []struct {
			name  string
			value float64
		}{{"MicronsPerPixel", mpp.Mean()}, {"MicronsPerPixelX", mpp.X}, {"MicronsPerPixelY", mpp.Y}} {
			property(p.name, strconv.FormatFloat(p.value, 'g', -1, 64))
		}
	}
	b.WriteString("  </properties>\n</image>\n")
	return []byte(b.String())
}

func openArchive(ctx context.Context, c *tiler.Config, bucket store.Bucket, name string) (pyramidOut, error) {
	layout, err := tiler.Layout(*c)
	if err != nil {
		return pyramidOut{}, err
	}
	format := store.PyramidTile.Format()
	u, err := szi.Create(ctx, bucket, name, szi.Image{Folder: szi.Folder(name), Format: format, Descriptor: tiler.Descriptor(layout, format)})
	if err != nil {
		return pyramidOut{}, err
	}
	if err := u.Describe(scanProperties(layout.Size, c.Slide.Info().MPP)); err != nil {
		return pyramidOut{}, errors.Join(err, u.Abort())
	}
	c.Pack = u
	done := false
	commit := func() error { done = true; return u.Commit() }
	abort := func(context.Context) error {
		if done {
			return nil
		}
		return u.Abort()
	}
	return pyramidOut{commit, abort}, nil
}
