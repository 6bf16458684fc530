//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/stitch"
)

// silentServer takes connections and never answers.
func silentServer(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
		}
	}()
	return "http://" + l.Addr().String()
}

// TestReadInTimeIsSaid: the help texts state the time that intake gives.
func TestReadInTimeIsSaid(t *testing.T) {
	if want := fmt.Sprintf("within %.0f minutes", intake.DefaultSilence.Minutes()); !strings.Contains(readInTime, want) {
		t.Errorf("%q is not in %q", want, readInTime)
	}
}

// TestSilentSlide: of a batch, a slide whose storage does not answer fails by name and by what to do; the others are
// done.
func TestSilentSlide(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	sound := filepath.Join(t.TempDir(), "sound.tiff")
	if code, _, errs := command("synth", "--out", sound, "--size", "600x400", "--seed", "3"); code != 0 {
		t.Fatal(errs)
	}
	f, cmd := runFlags{}, &cobra.Command{}
	f.flags(cmd)
	f.data, f.json, f.silence = t.TempDir(), true, 2*time.Second
	var out, errs bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	cmd.SetContext(t.Context())
	err := runSlides(cmd, &f, []string{"s3://slides/silent.tiff?endpoint=" + silentServer(t), sound})
	if !errors.Is(err, errSlidesFailed) || !strings.Contains(errs.String(), "silent.tiff") || !strings.Contains(errs.String(), "did not open for 2s; see whether its storage") {
		t.Errorf("%v: %s", err, errs.String())
	}
	reports := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(reports) != 2 || !strings.Contains(reports[0], `"status":"failed"`) {
		t.Fatalf("reports %q", reports)
	}
	r, err := stitch.DecodeReport([]byte(reports[1]))
	if err != nil || r.Status != stitch.Done {
		t.Errorf("the other slide: %v, %s", err, reports[1])
	}
}
