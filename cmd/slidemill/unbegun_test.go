package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/store"
)

// An interrupted run leaves slides that no ledger knows: nobody but the run can say so.
func TestInterruptedRunNamesWhatItDidNotBegin(t *testing.T) {
	path := filepath.Join(t.TempDir(), "first.tiff")
	if code, _, errs := command("synth", "--out", path, "--size", "2400x1800"); code != exitDone {
		t.Fatal(errs)
	}
	for _, rest := range [][]string{{"b.svs", "c.svs"}, nil} {
		data := t.TempDir()
		err, said := interruptAtFirst(t, data, append([]string{path}, rest...))
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("it was to be interrupted: %v", err)
		}
		want := "2 slides were not begun: b.svs, c.svs; the same command goes on with them\n"
		if told := strings.Contains(said, want); told != (rest != nil) || strings.Contains(said, "not begun") != told {
			t.Errorf("%q before the interrupt said %q", rest, said)
		}
	}
}

// The slide that is being read when the interrupt comes is in no ledger either.
func TestInterruptedRunNamesWhatItWasReading(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	s := &shift{cmd: newRoot(), flags: &runFlags{}, meter: newMeter(io.Discard)}
	if ordered, done := s.slide(ctx, filepath.Join(t.TempDir(), "first.svs")); ordered || done {
		t.Errorf("ordered %v, done %v: want neither", ordered, done)
	}
}

// interruptAtFirst runs slides and interrupts as soon as one is ordered.
func interruptAtFirst(t *testing.T, data string, paths []string) (err error, stderr string) {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var errs bytes.Buffer
	root := newRoot()
	root.SetArgs(append([]string{"run", "--data", data, "--workers", "1"}, paths...))
	root.SetOut(io.Discard)
	root.SetErr(&errs)
	ended := make(chan error, 1)
	go func() { ended <- root.ExecuteContext(ctx) }()
	for {
		orders, err := filepath.Glob(filepath.Join(data, "store", store.Orders(), "*", "*"))
		if err != nil {
			t.Fatal(err)
		}
		if len(orders) > 0 {
			interrupt()
		}
		select {
		case err := <-ended:
			return err, errs.String()
		case <-time.After(time.Millisecond):
		}
	}
}

// Three are named, and the others counted.
func TestUnbegun(t *testing.T) {
	for n, want := range map[int]string{
		0: "",
		1: "slidemill: 1 slide was not begun: 0.svs; the same command goes on with it\n",
		3: "slidemill: 3 slides were not begun: 0.svs, 1.svs, 2.svs; the same command goes on with them\n",
		5: "slidemill: 5 slides were not begun: 0.svs, 1.svs, 2.svs and 2 more; the same command goes on with them\n",
	} {
		var paths []string
		for i := range n {
			paths = append(paths, fmt.Sprintf("%d.svs", i))
		}
		var said bytes.Buffer
		if sayUnbegun(&said, paths); said.String() != want {
			t.Errorf("%d: %q", n, said.String())
		}
	}
}
