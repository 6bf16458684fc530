package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// Whoever finds the folder taken hears who may have it, and how the night's intake and other commands go together.
func TestFolderInUse(t *testing.T) {
	data := t.TempDir()
	unlock, err := lockData(data)
	if err != nil {
		t.Fatal(err)
	}
	code, _, errs := command("status", "--data", data)
	if code != exitFailed || !strings.Contains(errs, "`watch` that works alone") || !strings.Contains(errs, "serve --watch DIR") || !strings.Contains(errs, "`export`, `verify`") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	unlock, err = lockData(data)
	if err = errors.Join(err, unlock()); err != nil {
		t.Errorf("free again: %v", err)
	}
}

// Whoever wants a summary meanwhile is told of the one that a watch writes, and of when, if it is there.
func TestSummaryOfFolderInUse(t *testing.T) {
	data := t.TempDir()
	unlock, err := lockData(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(data, "store"), 0o755); err != nil {
		t.Fatal(err)
	}
	html := filepath.Join(data, "summary", "summary.html")
	code, _, errs := command("summary", "--data", data)
	if code != exitFailed || !strings.Contains(errs, "serve --watch DIR") || !strings.Contains(errs, "A watch writes "+html) {
		t.Errorf("exit code %d: %s", code, errs)
	}
	at := time.Date(2026, 3, 1, 2, 13, 0, 0, time.Local)
	if err := errors.Join(os.Mkdir(filepath.Dir(html), 0o755), os.WriteFile(html, nil, 0o600), os.Chtimes(html, at, at)); err != nil {
		t.Fatal(err)
	}
	if _, _, errs := command("summary", "--data", data); !strings.Contains(errs, "The last summary there is "+html+", of 2026-03-01 02:13") {
		t.Error(errs)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}

// Of a serve that has the folder and does not let others in yet it is said that it will.
func TestServeIsStarting(t *testing.T) {
	data := t.TempDir()
	for _, c := range []struct {
		who  holder
		want string
	}{{letsIn, "a `serve` is starting there, or ending: try again in a few seconds"}, {worksAlone, "stop a `serve`, wait for a `run`"}} {
		unlock, err := lockAs(data, c.who)
		if err != nil {
			t.Fatal(err)
		}
		code, _, errs := command("status", "--data", data)
		if code != exitFailed || !strings.Contains(errs, "in use by another slidemill: "+c.want) {
			t.Errorf("%s: exit code %d: %s", c.who, code, errs)
		}
		if err := unlock(); err != nil {
			t.Fatal(err)
		}
	}
	if (&operation{serveFlags: &serveFlags{}}).holder() != letsIn || (&operation{serveFlags: &serveFlags{place: place{nats: "nats://h"}}}).holder() != worksAlone {
		t.Error("a serve with a queue elsewhere lets nobody in")
	}
}

// heard is a terminal that ends the waiting once something was said on it.
type heard struct {
	strings.Builder
	end func()
}

func (h *heard) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "works alone") {
		h.end()
	}
	return h.Builder.Write(p)
}

// A serve that waits for the folder says for whom it may be: the lock does not tell a run from a watch.
func TestServeSaysForWhomItWaits(t *testing.T) {
	data := t.TempDir()
	unlock, err := lockData(data)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	out := &heard{end: cancel}
	cmd := new(cobra.Command)
	cmd.SetErr(out)
	o := &operation{serveFlags: &serveFlags{place: place{data: data}}, cmd: cmd, url: "http://127.0.0.1:8080"}
	if _, err := o.lock(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("locked twice: %v", err)
	}
	if got := out.String(); !strings.Contains(got, "a `run` or `watch` works alone in "+data) || !strings.Contains(got, "Slidemill is at") {
		t.Errorf("%q", got)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}
