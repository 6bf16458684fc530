package slide

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

func sampleManifest() Manifest {
	sum := sha256.Sum256([]byte("a slide"))
	size := pyramid.Size{W: 700, H: 500}
	return Manifest{
		Version: ManifestVersion, ID: pyramid.NewSlideID(sum), SHA256: hex.EncodeToString(sum[:]), Bytes: 7,
		Info: Info{Vendor: "aperio", Objective: 20, MPP: pyramid.MPP{X: 0.5, Y: 0.5, Source: pyramid.FromFile},
			Associated: []string{"label"},
			Levels:     []Level{{Size: size, TileSize: pyramid.Size{W: 240, H: 240}, Downsample: 1, Codec: "jpeg"}}},
		Pyramid: pyramid.DeepZoom{Size: size, Tile: 240}, Format: "jpeg", Quality: 85,
		Tissue: json.RawMessage(`{"mm2":1.5}`),
	}
}

func TestManifestRoundTrip(t *testing.T) {
	want := sampleManifest()
	data, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeManifest(data)
	if err != nil {
		t.Fatal(err)
	}
	again, err := got.Encode()
	if err != nil || !bytes.Equal(data, again) {
		t.Fatalf("encode, decode, encode differs (%v): %s", err, cmp.Diff(string(data), string(again)))
	}
}

func TestManifestRefusesTheImpossible(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(*Manifest)
		want  string
	}{
		"hash of another slide": {func(m *Manifest) { m.SHA256 = strings.Repeat("0", 64) }, "does not belong"},
		"hash in upper case":    {func(m *Manifest) { m.SHA256 = strings.ToUpper(m.SHA256) }, "lower-case"},
		"no levels":             {func(m *Manifest) { m.Info.Levels = nil }, "0 levels"},
		"level of no pixels":    {func(m *Manifest) { m.Info.Levels[0].Size.W = 0 }, "impossible size"},
		"level of 2^40 pixels":  {func(m *Manifest) { m.Info.Levels[0].Size.H = 1 << 40 }, "impossible size"},
		"pyramid of other size": {func(m *Manifest) { m.Pyramid.Size.W++ }, "over a slide"},
		"tile of no pixels":     {func(m *Manifest) { m.Pyramid.Tile = 0 }, "tile side"},
		"format is a path":      {func(m *Manifest) { m.Format = "../x" }, "tile format"},
		"quality 101":           {func(m *Manifest) { m.Quality = 101 }, "quality"},
		"too many unscanned":    {func(m *Manifest) { m.Unscanned = 350_001 }, "unscanned"},
		"scale of a photograph": {func(m *Manifest) { m.Info.MPP.X = 264; m.Info.MPP.Y = 264 }, "outside"},
	} {
		t.Run(name, func(t *testing.T) {
			m := sampleManifest()
			tc.spoil(&m)
			if _, err := m.Encode(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("encode: %v, want %q", err, tc.want)
			}
			raw, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := DecodeManifest(raw); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("decode: %v, want %q", err, tc.want)
			}
		})
	}
}

func FuzzManifest(f *testing.F) {
	good, err := sampleManifest().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"version":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := DecodeManifest(data)
		if err != nil {
			return
		}
		if _, err := m.Encode(); err != nil {
			t.Fatalf("decoded but does not encode: %v", err)
		}
	})
}
