package watch

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
)

// Nobody put back what came to nothing before there was a quarantine, nor what died while nobody watched: it is put away, and
// that is no news. What lay there did come back, whoever took its reason file away meanwhile.
func TestPutBack(t *testing.T) {
	for name, c := range map[string]struct {
		before func(t *testing.T, s *scanner)
		want   string
	}{
		"a first quarantine": {func(t *testing.T, s *scanner) {
			s.look(t)
			s.Quarantine = t.TempDir()
		}, ""},
		"died while away": {func(t *testing.T, s *scanner) {
			s.Quarantine, s.Reception.Parameters.MPP = t.TempDir(), 1
			s.look(t)
			if err := s.Judge.Close(t.Context(), s.slides["a.png"].Slide, intake.End{State: intake.Failed, Reason: "x", At: time.Now()}); err != nil {
				t.Fatal(err)
			}
		}, ""},
		"put back": {func(t *testing.T, s *scanner) {
			s.Quarantine = t.TempDir()
			s.look(t)
			s.comeBack(t, filepath.Join(s.Quarantine, "a.png"), "a.png")
		}, againText},
		"put back with its reason": {func(t *testing.T, s *scanner) {
			s.Quarantine = t.TempDir()
			s.look(t)
			away := filepath.Join(s.Quarantine, "a.png")
			s.comeBack(t, away, "a.png")
			s.comeBack(t, away+reasonFile, "a.png"+reasonFile)
		}, againText},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScanner(t)
			s.picture(t, "a.png", 1)
			s.worklist(t, "a.png,A1\n")
			c.before(t, s)
			s.told = nil
			s.restart(t)
			s.look(t)
			if len(s.told) != 1 || !s.told[0].Before || s.told[0].Again != c.want {
				t.Errorf("told %+v, want %q", s.told, c.want)
			}
			if got := s.reasons(t); !slices.Equal(got, []string{"a.png" + reasonFile}) {
				t.Errorf("reasons %q", got)
			}
			if _, err := os.Stat(filepath.Join(s.Quarantine, "a.png")); err != nil {
				t.Error(err)
			}
		})
	}
}

// That a file was put back as it was is said once, and not with each correction of its slide.
func TestPutBackIsToldOnce(t *testing.T) {
	for name, restarts := range map[string]bool{"meanwhile": false, "while away": true} {
		t.Run(name, func(t *testing.T) {
			s := refusedAway(t, "a.png,A1\n")
			s.comeBack(t, filepath.Join(s.Quarantine, "a.png"), "a.png")
			if restarts {
				s.restart(t)
			}
			s.told = nil
			s.look(t)
			s.worklist(t, "a.png,A2\n")
			s.look(t)
			if len(s.told) != 2 || s.told[0].Again == "" || s.told[1].Note == "" || s.told[1].Again != "" {
				t.Errorf("told %+v", s.told)
			}
		})
	}
}
