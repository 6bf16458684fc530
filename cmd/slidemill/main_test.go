package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// What has an end of its own was interrupted before it; what works until it is stopped has ended as it should, unless
// something went wrong beside that.
func TestExitCodeOfAnInterrupt(t *testing.T) {
	stopped, stop := context.WithCancel(t.Context())
	stop()
	cancelled := fmt.Errorf("take a job: %w", context.Canceled)
	broken := errors.Join(cancelled, errors.New("the disk is full"))
	for _, c := range []struct {
		line string
		err  error
		want int
	}{
		{"serve", nil, exitDone},
		{"serve", cancelled, exitDone},
		{"serve", broken, exitFailed},
		{"worker", errors.Join(cancelled, context.Canceled), exitDone},
		{"worker", broken, exitFailed},
		{"watch scans", cancelled, exitDone},
		{"watch scans --once", cancelled, exitInterrupted},
		{"run a.svs", cancelled, exitInterrupted},
		{"train", cancelled, exitInterrupted},
		{"run a.svs", nil, exitDone},
	} {
		root := newRoot()
		cmd, flags, err := root.Find(strings.Fields(c.line))
		if err == nil {
			err = cmd.ParseFlags(flags)
		}
		if err != nil {
			t.Fatal(err)
		}
		var errs bytes.Buffer
		if got := exitCode(stopped, cmd, c.err, &errs); got != c.want {
			t.Errorf("%s, %v: exit code %d, want %d", c.line, c.err, got, c.want)
		}
		if told := strings.Contains(errs.String(), "the disk is full"); told != (c.err == broken) {
			t.Errorf("%s, %v: said %q", c.line, c.err, errs.String())
		}
	}
}
