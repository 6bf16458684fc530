package watch

import (
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/store"
)

// A slide that is done is told of with why its result is no statement, and with a word where nobody can say.
func TestCautionOfWhatIsDone(t *testing.T) {
	for report, want := range map[string]string{
		`{"status":"done","tissue_mm2":0,"analysed_mm2":0}`: "no tissue found",
		`{"status":"done","tissue_mm2":9,"analysed_mm2":9}`: "",
		`{"status":`: "its report could not be read: see status",
	} {
		s := newScanner(t)
		s.Reception.Parameters.MPP = 1
		s.picture(t, "a.tif", 1)
		s.look(t)
		order, err := s.Judge.Entry(t.Context(), s.Slides()[0].Slide)
		if err != nil {
			t.Fatal(err)
		}
		keys := store.Slide(order.Slide).Run(order.Run)
		for key, text := range map[string]string{keys.Report(): report, keys.Manifest(): "{}"} {
			if err := s.Judge.Bucket.Put(t.Context(), key, strings.NewReader(text), int64(len(text))); err != nil {
				t.Fatal(err)
			}
		}
		s.look(t)
		if last := s.told[len(s.told)-1]; last.State != "done" || last.Caution != want {
			t.Errorf("%s: told of %+v, want %q", report, last, want)
		}
	}
}
