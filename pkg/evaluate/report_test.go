package evaluate

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// cohort is a made-up data set of patients with noisy predictions.
func cohort(t *testing.T, patients int, noise float64) []*Summary {
	t.Helper()
	s := twoClass()
	var sums []*Summary
	r := rand.New(rand.NewPCG(9, 9))
	for p := range patients {
		for k := range 3 {
			truth, ca := make([]uint8, 64), make([]uint8, 64)
			for i := range truth {
				if p%2 == 0 && i < 32 {
					truth[i] = 1
				}
				ca[i] = uint8(min(max(float64(truth[i])*160+40+noise*r.NormFloat64(), 0), 255))
			}
			img := image2(fmt.Sprint("patient", p), truth, ca)
			img.Name = fmt.Sprintf("image-%d-%d", p, k)
			img.Group = []string{"cancer", "benign"}[p%2]
			img.Columns = map[string]string{"scanner": []string{"A", "B<b>"}[p%3%2]}
			sums = append(sums, summarise(t, s, img))
		}
	}
	return sums
}

func TestReport(t *testing.T) {
	s := twoClass()
	r, err := s.Judge(cohort(t, 20, 40), Options{Columns: []string{"scanner"}, Bootstrap: Bootstrap{Replicates: 200, Seed: 4}})
	if err != nil {
		t.Fatal(err)
	}
	for key, i := range r.Figures {
		if float64(i.Low) > float64(i.Value)+1e-9 || float64(i.High) < float64(i.Value)-1e-9 {
			if key != "hd95" { // a median's interval need not hold it in theory, the others' do here
				t.Errorf("%s: %v lies outside its interval", key, i)
			}
		}
	}
	var groups []string
	for _, g := range r.Subgroups {
		groups = append(groups, g.Column+"="+g.Value)
		if !g.TooFew {
			t.Errorf("%s of %d patients is not marked as too few", g.Value, g.Patients)
		}
	}
	if got := strings.Join(groups, " "); got != "group=benign group=cancer scanner=A scanner=B<b>" {
		t.Errorf("subgroups %s", got)
	}
	checkFiles(t, r)
}

func checkFiles(t *testing.T, r *Report) {
	t.Helper()
	var j, c, h bytes.Buffer
	for name, err := range map[string]error{"json": r.WriteJSON(&j), "csv": r.WriteCSV(&c), "html": r.WriteHTML(&h)} {
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	var back Report
	if err := json.Unmarshal(j.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if back.Figures["dice"] != r.Figures["dice"] || back.Notice == "" {
		t.Errorf("dice %v became %v", r.Figures["dice"], back.Figures["dice"])
	}
	rows, err := csv.NewReader(&c).ReadAll()
	if err != nil || len(rows) != 61 {
		t.Errorf("csv has %d rows, %v", len(rows), err)
	}
	page := h.String()
	if strings.Contains(page, "B<b>") || !strings.Contains(page, "B&lt;b&gt;") {
		t.Error("a value from outside is not escaped")
	}
	if strings.Count(page, "<svg") != 2 || strings.Contains(page, "NaN") {
		t.Errorf("page has %d charts, or a NaN", strings.Count(page, "<svg"))
	}
}

func TestIntervalsAreReproducible(t *testing.T) {
	s := twoClass()
	sums := cohort(t, 12, 40)
	run := func(seed uint64) Interval {
		all, _ := s.intervals(byPatient(sums, 2), Bootstrap{Replicates: 100, Seed: seed})
		return all["dice"]
	}
	if run(1) != run(1) {
		t.Error("the same seed gave other intervals")
	}
	if run(1) == run(2) {
		t.Error("another seed gave the same interval")
	}
}

// TestPatientsAreDrawnWhole: with identical images per patient, the interval must not narrow when each
// patient's images are repeated.
func TestPatientsAreDrawnWhole(t *testing.T) {
	s := twoClass()
	once := cohort(t, 12, 60)
	var often []*Summary
	for range 5 {
		often = append(often, once...)
	}
	width := func(sums []*Summary) float64 {
		all, _ := s.intervals(byPatient(sums, 2), Bootstrap{Replicates: 300, Seed: 1})
		return float64(all["dice"].High - all["dice"].Low)
	}
	near(t, "width", width(often), width(once), 1e-9)
}

func TestCompare(t *testing.T) {
	s := twoClass()
	good, bad := cohort(t, 16, 20), cohort(t, 16, 90)
	diffs, err := s.Compare(bad, good, Bootstrap{Replicates: 200, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range diffs {
		if d.Key == "dice" && (d.Delta.Low <= 0 || d.P > 0.02) {
			t.Errorf("a clearly better model: %+v", d)
		}
	}
	same, err := s.Compare(good, good, Bootstrap{Replicates: 100})
	if err != nil {
		t.Fatal(err)
	}
	if d := same[0]; d.Delta.Value != 0 || d.P != 1 {
		t.Errorf("a model against itself: %+v", d)
	}
	if _, err := s.Compare(good, good[1:], Bootstrap{}); err == nil {
		t.Error("unequal sets were compared")
	}
}

func TestProposal(t *testing.T) {
	s := twoClass()
	one := func(patient string, truth, ca uint8) *Summary {
		return summarise(t, s, image2(patient, []uint8{truth}, []uint8{ca}))
	}
	var sums []*Summary
	for i, ca := range []uint8{250, 200, 150, 100} {
		sums = append(sums, one(fmt.Sprint("c", i), 1, ca))
	}
	for i, ca := range []uint8{160, 90, 10} {
		sums = append(sums, one(fmt.Sprint("b", i), 0, ca))
	}
	p := s.Propose(sums, 0.75)
	near(t, "score", float64(p.Score), 150.0/255, 1e-12)
	near(t, "sensitivity", float64(p.Sensitivity.Value), 0.75, 0)
	near(t, "specificity", float64(p.Specificity.Value), 2.0/3, 1e-12)
	near(t, "pixel threshold", p.Pixel, 91.0/255, 1e-12) // 4 hits and one false alarm: 8/9
	near(t, "pixel Dice", float64(p.PixelDice), 8.0/9, 1e-12)
}
