//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/s3"
	"github.com/slidemill/slidemill/pkg/store/szi"
	"github.com/slidemill/slidemill/scripts/site/front"
)

const (
	bucketName = "slides"
	slideKey   = "slide.tiff"
	user       = "bench"
	password   = "bench-secret" // of a server on the loopback interface that lives for this run
)

// scene is an S3 server with the slide in it, and a long line before it.
type scene struct {
	options
	size   int64
	server *exec.Cmd
	near   string // the server's endpoint
	line   *front.Line
}

func start(ctx context.Context, o options) (s *scene, err error) {
	s = &scene{options: o}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.end())
		}
	}()
	if err := s.serve(ctx); err != nil {
		return s, err
	}
	if s.line, err = front.NewLine(s.near, o.latency); err != nil {
		return s, err
	}
	return s, s.upload(ctx)
}

// serve starts the server.
func (s *scene) serve(ctx context.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address, root := l.Addr().String(), filepath.Join(s.dir, "s3")
	if err := errors.Join(l.Close(), os.MkdirAll(filepath.Join(root, bucketName), 0o750)); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, s.options.server, "--listen", address, "--dir", root)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY_ID="+user, "ROOT_SECRET_ACCESS_KEY="+password)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	s.server, s.near = cmd, "http://"+address
	for range 100 {
		if conn, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			return conn.Close()
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("the S3 server does not answer at %s", address)
}

func (s *scene) end() error {
	var err error
	if s.line != nil {
		err = s.line.Close()
	}
	if s.server != nil {
		err = errors.Join(err, s.server.Process.Signal(os.Interrupt))
		s.server.Wait() // it was told to end: how does not matter
	}
	return err
}

func (s *scene) open(ctx context.Context, endpoint string) (*s3.Bucket, error) {
	return s3.Open(ctx, s3.Config{Bucket: bucketName, Endpoint: endpoint, AccessKey: user, Secret: password})
}

// upload puts the slide there, not over the line.
func (s *scene) upload(ctx context.Context) error {
	b, err := s.open(ctx, s.near)
	if err != nil {
		return err
	}
	f, err := os.Open(s.slide)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	s.size = st.Size()
	return b.Put(ctx, slideKey, f, s.size)
}

func (s *scene) url() string { return "s3://" + bucketName + "/" + slideKey }

func (s *scene) environment() []string {
	return []string{"AWS_ENDPOINT_URL=http://" + s.line.Address, "AWS_ACCESS_KEY_ID=" + user, "AWS_SECRET_ACCESS_KEY=" + password}
}

// readers is how many tiles are read at once, as by the segmenters of two regions.
const readers = 8

// segmenter reads every tile of the pyramid's second level out of an archive in S3, as workers do.
func (s *scene) segmenter(ctx context.Context) error {
	id := pyramid.SlideID{1}
	keys := store.Slide(id)
	tile := work{"tile", func(slide, out string) []string {
		return []string{"tile", slide, "--out", "s3://" + bucketName + "/" + keys.PyramidArchive(), "--force"}
	}}
	s.line.Traffic()
	took, err := s.slidemill(ctx, tile, s.url())
	if err != nil {
		return err
	}
	t := s.line.Traffic()
	fmt.Printf("  S3 to S3 %5d requests  %9.1f kB down, %.1f kB up   wall %6.2f s\n", t.Requests, float64(t.Down)/1e3, float64(t.Up)/1e3, took.Seconds())
	b, err := s.open(ctx, "http://"+s.line.Address)
	if err != nil {
		return err
	}
	s.line.Traffic()
	started := time.Now()
	n, err := readLevel(ctx, szi.New(b), keys)
	if err != nil {
		return err
	}
	t, took = s.line.Traffic(), time.Since(started)
	fmt.Printf("  segmenter: %d tiles of a packed level by range, %d at once: %d requests, %.1f kB, %.2f s\n", n, readers, t.Requests, float64(t.Down)/1e3, took.Seconds())
	return nil
}

// readLevel reads every tile of one level, where the network's scale is half of the slide's.
func readLevel(ctx context.Context, b store.Bucket, keys store.SlideKeys) (int64, error) {
	level, err := finest(ctx, b, keys)
	if err != nil {
		return 0, err
	}
	level--
	var n atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for row := 0; there(ctx, b, keys.PyramidTile(pyramid.Tile{Level: level, Row: row})); row++ {
		for col := 0; there(ctx, b, keys.PyramidTile(pyramid.Tile{Level: level, Col: col, Row: row})); col++ {
			group.Go(func() error {
				n.Add(1)
				return read(ctx, b, keys.PyramidTile(pyramid.Tile{Level: level, Col: col, Row: row}))
			})
		}
	}
	return n.Load(), group.Wait()
}

// finest is the pyramid's last level.
func finest(ctx context.Context, b store.Bucket, keys store.SlideKeys) (int, error) {
	for level := 0; ; level++ {
		if there(ctx, b, keys.PyramidTile(pyramid.Tile{Level: level + 1})) {
			continue
		}
		if level == 0 {
			return 0, errors.New("the pyramid has no tiles")
		}
		return level, nil
	}
}

// there asks the archive's index, which is at hand after the first question.
func there(ctx context.Context, b store.Bucket, key string) bool {
	_, err := b.Stat(ctx, key)
	return err == nil
}

func read(ctx context.Context, b store.Bucket, key string) error {
	body, err := b.Get(ctx, key, 0, -1)
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.Copy(io.Discard, body)
	return err
}
