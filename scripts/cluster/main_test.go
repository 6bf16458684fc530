//go:build unix

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/scripts/site"
)

// Only start makes a site: the keys of one that was made by the way would open nothing.
func TestNoSite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mistyped")
	for _, command := range commands {
		if command == "start" {
			continue
		}
		var out, errs bytes.Buffer
		err := run([]string{command, "--dir", dir}, &out, &errs)
		if err == nil || !strings.Contains(err.Error(), "scripts/cluster.sh start --dir "+dir) || out.Len() > 0 {
			t.Errorf("%s: %v, and printed %q", command, err, out.String())
		}
		if _, err := os.Stat(dir); err == nil {
			t.Fatalf("%s made a site", command)
		}
	}
	if err := run([]string{"evn", "--dir", dir}, new(bytes.Buffer), new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), `unknown command "evn"`) {
		t.Errorf("a word that is no command: %v", err)
	}
}

// The environment of a site that was stopped is good for the next start, and for nothing before it.
func TestEnvironmentOfWhatDoesNotRun(t *testing.T) {
	dir := t.TempDir()
	if _, err := site.Open(site.Config{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if err := run([]string{"env", "--dir", dir}, &out, &errs); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "export SLIDEMILL_NATS=") || strings.Contains(out.String(), "does not run") {
		t.Errorf("printed %q", out.String())
	}
	if want := "the site in " + dir + " does not run: scripts/cluster.sh start --dir " + dir; !strings.Contains(errs.String(), want) {
		t.Errorf("said %q, want %q", errs.String(), want)
	}
}

// Who asks for help has it, and no error beside it.
func TestHelp(t *testing.T) {
	var errs bytes.Buffer
	if err := run([]string{"--help"}, new(bytes.Buffer), &errs); err != nil || errs.String() != usage {
		t.Errorf("%v, and said %q", err, errs.String())
	}
}
