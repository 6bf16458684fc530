package stitch

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

// TestAlignment: the numbers in run.json place the canvas's far corner where the frame says.
func TestAlignment(t *testing.T) {
	w := blobs(tiny, 71)
	b, p := b0(t, w)
	if _, err := Run(t.Context(), w.config(t, b, p, 1)); err != nil {
		t.Fatal(err)
	}
	m, err := DecodeManifest(read(t, b, store.Slide(p.Slide).Run(p.Run).Manifest()), p.Slide, p.Run)
	if err != nil {
		t.Fatal(err)
	}
	a, f := m.Alignment, p.Frame
	step := f.StepX() // 2.6
	want := Alignment{step, step, 331 * step / float64(f.Slide.W), 283 * step / float64(f.Slide.W)}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Error(diff)
	}
	if over := a.Width*float64(f.Slide.W) - float64(f.Slide.W); over < 0 || over >= a.StepX {
		t.Errorf("the canvas reaches %g pixels beyond the slide", over)
	}
}

// FuzzManifest: run.json from a store that others write to never does harm, and what is accepted
// encodes to the same meaning.
func FuzzManifest(f *testing.F) {
	size := pyramid.Size{W: 3, H: 4}
	seed := Manifest{Version: ManifestVersion, Pyramid: pyramid.DeepZoom{Size: size, Tile: overlayTile}, Files: map[string]File{"mask.tiff": {1, "ab"}}}
	seed.Frame.Size = size
	data, err := seed.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"version":1}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := DecodeManifest(data, pyramid.SlideID{}, pyramid.RunID{})
		if err != nil {
			return
		}
		again, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeManifest(again, pyramid.SlideID{}, pyramid.RunID{}); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzReport: whatever report.json holds, it decodes or is an error, and its sum does not depend on
// the seconds.
func FuzzReport(f *testing.F) {
	data, err := FailedReport(Failure{Status: Failed, Reason: "a test"}).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"qc":[{"value":{"a":[1e400]}}],"lesions":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := DecodeReport(data)
		if err != nil {
			return
		}
		before, err := reportSum(r)
		if err != nil {
			t.Skip(err) // a number that JSON can read and not write
		}
		r.Seconds.Stitch++
		if after, err := reportSum(r); err != nil || after != before {
			t.Fatalf("the sum depends on the seconds: %v", err)
		}
		if out, err := r.Encode(); err != nil || !bytes.HasSuffix(out, []byte("}\n")) {
			t.Fatal(err)
		}
	})
}
