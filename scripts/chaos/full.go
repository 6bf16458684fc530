//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/slidemill/slidemill/scripts/site"
)

// full fills the disk of the store and then that of the queue while slides are worked on. The state must
// be clear (somebody says that there is no room), nothing may be torn, and all must go on when there is room.
func full(ctx context.Context, o options) (err error) {
	s, err := newStorm(o)
	if err != nil {
		return err
	}
	// nats-server makes no streams where it does not find the room that they may take.
	disks := []*disk{{dir: filepath.Join(s.dir, "s3"), mb: 64}, {dir: filepath.Join(s.dir, "nats"), mb: 2600}}
	for _, d := range disks {
		if err := d.mount(); err != nil {
			return fmt.Errorf("%w: this check needs the right to mount small disks", err)
		}
		defer d.unmount() // if it ended early
	}
	if err := s.prepare(ctx, func(*site.Config) error { return nil }); err != nil {
		return err
	}
	defer s.end(&err)
	defer func() { // before end removes the folders that the disks lie on
		err = errors.Join(err, s.site.Stop())
		for _, d := range disks {
			d.unmount()
		}
	}()
	for i, d := range disks {
		if err := s.fill(ctx, d, i+1); err != nil {
			return fmt.Errorf("%s full: %w", filepath.Base(d.dir), err)
		}
	}
	return nil
}

// disk is a small one of our own.
type disk struct {
	dir string
	mb  int
}

func (d *disk) mount() error {
	if err := os.MkdirAll(d.dir, 0o750); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", d.dir, "tmpfs", 0, fmt.Sprintf("size=%dm", d.mb)); err != nil {
		return fmt.Errorf("mount a disk of %d MB: %w", d.mb, err)
	}
	return nil
}

func (d *disk) unmount() { syscall.Unmount(d.dir, syscall.MNT_DETACH) }

func (d *disk) ballast() string { return filepath.Join(d.dir, "ballast") }

// stuff leaves no room. Others write meanwhile, so what is free is asked again until it is nothing.
func (d *disk) stuff() error {
	f, err := os.Create(d.ballast())
	if err != nil {
		return err
	}
	var held int64
	for range 1000 {
		var fs syscall.Statfs_t
		if err := syscall.Statfs(d.dir, &fs); err != nil {
			return errors.Join(err, f.Close())
		}
		if fs.Bavail == 0 {
			break
		}
		room := max(1, int64(fs.Bavail)/2) * fs.Bsize
		switch err := syscall.Fallocate(int(f.Fd()), 0, held, room); {
		case err == nil:
			held += room
		case !errors.Is(err, syscall.ENOSPC):
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}

// fill orders slides, takes the room away in the middle of the work, and gives it back after a while.
func (s *storm) fill(ctx context.Context, d *disk, round int) error {
	bucket, err := s.site.Objects(ctx)
	if err != nil {
		return err
	}
	orders, err := s.order(ctx, round)
	if err != nil {
		return err
	}
	if !sleep(ctx, time.Second) {
		return ctx.Err()
	}
	heard := s.heard()
	if err := d.stuff(); err != nil {
		return err
	}
	said, err := s.complaint(ctx, heard, 30*time.Second)
	if err := errors.Join(err, os.Remove(d.ballast())); err != nil {
		return err
	}
	freed := time.Now()
	if filepath.Base(d.dir) == "nats" { // after a failed write it may not come back by itself
		said += "; nats-server was started again"
		if err := errors.Join(s.site.Process("nats").Stop(15*time.Second), s.site.Process("nats").Start(), s.site.Await(time.Minute)); err != nil {
			return err
		}
	}
	if err := s.await(ctx, bucket, orders); err != nil {
		return err
	}
	if err := s.prove(ctx, bucket, orders); err != nil {
		return err
	}
	fmt.Printf("%-4s full for 30 s: %s\n     with room again: %d slides done after %.1f s, every mask byte for byte as undisturbed, 0 lost, 0 dead\n",
		filepath.Base(d.dir), said, len(orders), time.Since(freed).Seconds())
	return s.clear(orders)
}

func (s *storm) log(name string) string {
	data, err := os.ReadFile(s.site.Process(name).Log())
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// heard is how long each log is now: what was said about an earlier disk is none of this one's.
func (s *storm) heard() map[string]int {
	lengths := map[string]int{}
	for _, name := range s.site.Names() {
		lengths[name] = len(s.log(name))
	}
	return lengths
}

// complaint waits, with the disk full, and then gives a line in which a process says, beyond what was heard
// before, that there is no room.
func (s *storm) complaint(ctx context.Context, heard map[string]int, full time.Duration) (string, error) {
	if !sleep(ctx, full) {
		return "", ctx.Err()
	}
	for _, name := range s.site.Names() {
		for line := range strings.Lines(s.log(name)[heard[name]:]) {
			if strings.Contains(line, "no space left") || strings.Contains(line, "queue is full") {
				return name + " says: " + strings.TrimSpace(line), nil
			}
		}
	}
	return "", fmt.Errorf("nobody says that there is no room; logs are in %s", s.dir)
}
