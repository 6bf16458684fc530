package icc_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/slidemill/slidemill/pkg/slide/icc"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
)

func transform(t *testing.T, p slidetest.Profile) *icc.Transform {
	t.Helper()
	parsed, err := icc.Parse(p.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if parsed.Description != p.Name {
		t.Errorf("name %q, want %q", parsed.Description, p.Name)
	}
	return parsed.ToSRGB()
}

// Grey stays grey under any primaries, and white stays white.
func TestGreyStaysGrey(t *testing.T) {
	tr := transform(t, slidetest.WideProfile())
	for v := range 256 {
		p := []byte{byte(v), byte(v), byte(v), 255}
		tr.Apply(p)
		for _, c := range p[1:3] {
			if d := int(c) - int(p[0]); d < -1 || d > 1 {
				t.Fatalf("grey %d becomes %v", v, p)
			}
		}
	}
	p := []byte{255, 255, 255, 255, 9, 9, 9, 0}
	tr.Apply(p)
	if !bytes.Equal(p, []byte{255, 255, 255, 255, 9, 9, 9, 0}) {
		t.Errorf("white and nothing become %v", p)
	}
}

// TestAgainstLittleCMS compares with the library that everybody uses.
func TestAgainstLittleCMS(t *testing.T) {
	const program = `
import sys, json
from PIL import Image, ImageCms
profile, = sys.argv[1:]
im = Image.new("RGB", (16, 4096 // 16 * 1))
px = [(r, g, b) for r in range(0, 256, 17) for g in range(0, 256, 17) for b in range(0, 256, 17)]
im.putdata(px)
out = ImageCms.profileToProfile(im, profile, ImageCms.createProfile("sRGB"), renderingIntent=1)
json.dump([list(map(list, px)), list(map(list, out.getdata()))], sys.stdout)
`
	if err := exec.Command("/usr/bin/python3", "-c", "from PIL import ImageCms").Run(); err != nil {
		t.Skip("needs Debian's python3-pil with LittleCMS as the oracle")
	}
	steep := slidetest.WideProfile()
	steep.Gamma, steep.Name = 1.8, "steep"
	for _, p := range []slidetest.Profile{slidetest.WideProfile(), steep} {
		path := filepath.Join(t.TempDir(), "x.icc")
		if err := os.WriteFile(path, p.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("/usr/bin/python3", "-c", program, path).Output()
		if err != nil {
			t.Fatal(err)
		}
		var pairs [2][][3]int
		if err := json.Unmarshal(out, &pairs); err != nil {
			t.Fatal(err)
		}
		tr, most, sum := transform(t, p), 0, 0
		for i, in := range pairs[0] {
			px := []byte{byte(in[0]), byte(in[1]), byte(in[2]), 255}
			tr.Apply(px)
			for c := range 3 {
				d := int(px[c]) - pairs[1][i][c]
				most, sum = max(most, d, -d), sum+max(d, -d)
			}
		}
		t.Logf("%s: %d colours, largest difference %d of 255, mean %.3f", p.Name, len(pairs[0]), most, float64(sum)/float64(3*len(pairs[0])))
		if most > 2 {
			t.Errorf("%s: differs from LittleCMS by %d", p.Name, most)
		}
	}
}

func TestTablesAreRefused(t *testing.T) {
	p := slidetest.WideProfile()
	p.Table = true
	if parsed, err := icc.Parse(p.Bytes()); !errors.Is(err, icc.ErrTable) || parsed.Description != "wide" {
		t.Errorf("%v, %v", parsed, err)
	}
}

// FuzzParse: any bytes end in a profile that can be applied or in an error.
func FuzzParse(f *testing.F) {
	f.Add(slidetest.WideProfile().Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := icc.Parse(data)
		if err == nil {
			p.ToSRGB().Apply([]byte{1, 2, 3, 255, 200, 100, 255, 255})
		}
	})
}
