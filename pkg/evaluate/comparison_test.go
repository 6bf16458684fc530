package evaluate

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
)

// TestVerdict: a clearly better model is named, a model against itself and a tiny cohort are not.
func TestVerdict(t *testing.T) {
	s := twoClass()
	good, bad := cohort(t, 16, 20), cohort(t, 16, 90)
	o := CompareOptions{Bootstrap: Bootstrap{Replicates: 300, Seed: 1}, A: Record{Model: "a", DataSHA256: "0123"}, B: Record{Model: "b"}}
	for _, c := range []struct {
		a, b []*Summary
		want string
	}{{bad, good, "b"}, {good, bad, "a"}, {good, good, ""}, {good[:1], bad[:1], ""}} {
		got, err := s.NewComparison(c.a, c.b, o)
		if err != nil {
			t.Fatal(err)
		}
		if got.Better != c.want || (c.want == "") != strings.Contains(got.Verdict, "cannot tell") {
			t.Errorf("better %q, want %q: %s", got.Better, c.want, got.Verdict)
		}
		var text, page, file bytes.Buffer
		if err := got.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		if err := got.WriteHTML(&page); err != nil {
			t.Fatal(err)
		}
		if err := got.WriteJSON(&file); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text.String(), got.Verdict) || !strings.Contains(page.String(), "0123") || !json.Valid(file.Bytes()) {
			t.Errorf("files of %s:\n%s\n%s", got.Verdict, &text, &page)
		}
	}
	if _, err := s.NewComparison(good, bad, CompareOptions{Primary: "beauty"}); err == nil || !strings.Contains(err.Error(), "dice") {
		t.Errorf("error %v", err)
	}
}

// TestPermutationByHand: with one patient, swapping changes the sign only, so any difference is as likely
// as its opposite.
func TestPermutationByHand(t *testing.T) {
	s := twoClass()
	a := []*Summary{summarise(t, s, image2("p", []uint8{1, 1, 0, 0}, []uint8{250, 0, 0, 0}))}
	b := []*Summary{summarise(t, s, image2("p", []uint8{1, 1, 0, 0}, []uint8{250, 250, 0, 0}))}
	diffs, err := s.Compare(a, b, Bootstrap{Replicates: 200, Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	if d := diffs[0]; float64(d.Delta.Value) <= 0 || d.P != 1 || d.Better() != "" {
		t.Errorf("%+v", d)
	}
}

func TestHolm(t *testing.T) {
	nan := Number(math.NaN())
	diffs := []Difference{{P: 0.04}, {P: nan}, {P: 0.01}, {P: 0.03}}
	holm(diffs)
	near(t, "least", float64(diffs[2].Holm), 0.03, 1e-12)
	near(t, "middle", float64(diffs[3].Holm), 0.06, 1e-12)
	near(t, "largest", float64(diffs[0].Holm), 0.06, 1e-12)
	if !math.IsNaN(float64(diffs[1].Holm)) {
		t.Errorf("%v", diffs[1])
	}
}
