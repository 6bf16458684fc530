package stitch

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

// TestReportContract pins the names that scripts outside rely on.
func TestReportContract(t *testing.T) {
	w := blobs(tiny, 6)
	b, p, _ := w.stitched(t, 128, 1)
	var got map[string]any
	if err := json.Unmarshal(read(t, b, store.Slide(p.Slide).Run(p.Run).Report()), &got); err != nil {
		t.Fatal(err)
	}
	for _, path := range [][]string{
		{"slide", "id"}, {"slide", "sha256"}, {"slide", "file"}, {"slide", "width"}, {"slide", "height"}, {"slide", "mpp"},
		{"slide", "mpp_source"}, {"slide", "vendor"}, {"run", "id"}, {"run", "model", "name"}, {"run", "model", "version"},
		{"run", "model", "sha256"}, {"run", "parameters", "threshold"}, {"status"}, {"reason"}, {"tissue_mm2"}, {"analysed_mm2"},
		{"not_analysed_mm2"}, {"carcinoma_mm2"}, {"carcinoma_fraction"}, {"triage", "score"}, {"triage", "rank_reason"},
		{"seconds", "open"}, {"seconds", "tile"}, {"seconds", "segment"}, {"seconds", "stitch"}, {"seconds", "total"},
		{"sha256", "mask"}, {"sha256", "probability"}, {"outputs", "mask"},
	} {
		at := got
		for i, name := range path {
			v, ok := at[name]
			if !ok {
				t.Errorf("%v is missing", path)
				break
			}
			if i < len(path)-1 {
				at = v.(map[string]any)
			}
		}
	}
	lesion := got["lesions"].([]any)[0].(map[string]any)
	for _, name := range []string{"id", "area_mm2", "longest_mm", "mean_probability", "max_probability", "bbox"} {
		if _, ok := lesion[name]; !ok {
			t.Errorf("a lesion has no %s", name)
		}
	}
	check := got["qc"].([]any)[0].(map[string]any)
	for _, name := range []string{"check", "status", "value"} {
		if _, ok := check[name]; !ok {
			t.Errorf("a check has no %s", name)
		}
	}
}

// TestFailedReport: a slide without result has no areas and leads the worklist.
func TestFailedReport(t *testing.T) {
	r := FailedReport(Failure{Status: Refused, Reason: "the scale is unknown: state it with --mpp", File: "a.svs"})
	data, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(data, []byte("_mm2\":0,\"carcinoma")) || bytes.Contains(data, []byte("carcinoma_mm2")) {
		t.Errorf("a refused slide reads as measured: %s", data)
	}
	if bytes.Contains(data, []byte("lesions")) || bytes.Contains(data, []byte("small_foci")) {
		t.Errorf("a refused slide reads as one in which nothing was found: %s", data)
	}
	if r.Triage.Score != 1 || r.Status != Refused {
		t.Errorf("%+v", r)
	}
}

// TestReportOfNothingFound: where there was nothing to find the report says so, as it always did, and keeps saying so when
// it is read and written again: run.json has the sum of those bytes.
func TestReportOfNothingFound(t *testing.T) {
	w := blobs(tiny, 6)
	clear(w.probability)
	clear(w.highGrade)
	b, p, _ := w.stitched(t, 128, 1)
	data := read(t, b, store.Slide(p.Slide).Run(p.Run).Report())
	if !bytes.Contains(data, []byte(`"lesions":[],"small_foci":0,"triage"`)) {
		t.Errorf("%s", data)
	}
	r, err := DecodeReport(data)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.Encode(); err != nil || !bytes.Equal(again, data) {
		t.Errorf("%s, %v: want %s", again, err, data)
	}
}

// TestRunsScale: the check of the scale judges the one that the run has, which an operator may have stated, not the
// file's, which may have none.
func TestRunsScale(t *testing.T) {
	w := blobs(tiny, 7)
	b, p := b0(t, w)
	c := w.config(t, b, p, 1)
	c.Slide.Info.MPP = pyramid.MPP{}
	c.Slide.QC = []byte(`[{"check":"scale_um_per_px","status":"fail","value":0}]`)
	if _, err := Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	r, err := Load(t.Context(), b, p.Slide, p.Run)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.QC[0]; got.Status != CheckPassed || got.Value != p.Frame.MPP.Mean() || got.Said != "" || r.Slide.MPP != p.Frame.MPP.Mean() {
		t.Errorf("%+v on a slide of %g µm/px", got, r.Slide.MPP)
	}
}
