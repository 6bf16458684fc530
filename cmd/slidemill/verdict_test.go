package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

// The demo says why its tissue is uncertain; of a real slide that is nothing to be expected.
func TestDrawnTissueIsUncertain(t *testing.T) {
	for name, c := range map[string]struct {
		drawn     bool
		uncertain float64
		want      bool
	}{
		"demo":                     {true, 1.5, true},
		"demo, and all is certain": {true, 0, false},
		"real slide":               {false, 1.5, false},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			cmd := &cobra.Command{}
			cmd.SetOut(&out)
			s := &shift{cmd: cmd, crew: &crew{bucket: mem.New()}, flags: &runFlags{drawn: c.drawn, place: place{data: t.TempDir()}}}
			if err := s.finished(&stitch.Report{Areas: &stitch.Areas{AnalysedMM2: 4, UncertainMM2: c.uncertain}}, &intake.Order{}, time.Second); err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(out.String(), "to be expected of the demo: its tissue is drawn"); got != c.want {
				t.Errorf("said: %v, want %v, in\n%s", got, c.want, out.String())
			}
		})
	}
}
