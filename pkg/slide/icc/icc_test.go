package icc_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
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

// curves are one of each kind that a profile may have.
func curves() map[string]slidetest.Profile {
	out := map[string]slidetest.Profile{"gamma 2.2": slidetest.WideProfile()}
	with := func(name string, gamma float64, curve []byte) {
		p := slidetest.WideProfile()
		p.Name, p.Gamma, p.Curve = name, gamma, curve
		out[name] = p
	}
	para := func(kind uint16, values ...float64) []byte {
		b := binary.BigEndian.AppendUint16([]byte("para\x00\x00\x00\x00"), kind)
		b = append(b, 0, 0)
		for _, v := range values {
			b = binary.BigEndian.AppendUint32(b, uint32(int32(math.Round(v*65536))))
		}
		return b
	}
	with("gamma 1.8", 1.8, nil)
	with("parametric 0", 0, para(0, 2.4))
	with("parametric 3", 0, para(3, 2.4, 1/1.055, 0.055/1.055, 1/12.92, 0.04045))
	with("parametric 4", 0, para(4, 2.2, 0.97, 0.03, 0.31, 0.08, 0.001, 0.0005))
	points := binary.BigEndian.AppendUint32([]byte("curv\x00\x00\x00\x00"), 33)
	for i := range 33 {
		points = binary.BigEndian.AppendUint16(points, uint16(i*i*65535/(32*32)))
	}
	with("points", 0, points)
	with("line", 0, []byte("curv\x00\x00\x00\x00\x00\x00\x00\x00"))
	return out
}

// TestSameBytesEverywhere: the bytes that this machine makes of 17³ colours are those of every other one. The sums
// were taken on amd64 with fused multiply-add and are the same without it and on arm64; one that differs
// means that a product and a sum were fused, or that the results were changed on purpose.
func TestSameBytesEverywhere(t *testing.T) {
	want := map[string]string{
		"gamma 2.2":    "9e94edbdd78b4754",
		"gamma 1.8":    "a0287422c24cdc43",
		"parametric 0": "cd4089aa3ec0949f",
		"parametric 3": "ab0a7943f1a66c85",
		"parametric 4": "8a34bbad88278e44",
		"points":       "e368a05eb4f5ccbb",
		"line":         "3ecf32a2bbfd83ab",
	}
	for name, p := range curves() {
		tr, sum := transform(t, p), sha256.New()
		for i := range 17 * 17 * 17 {
			px := []byte{byte(i / 289 * 255 / 16), byte(i / 17 % 17 * 255 / 16), byte(i % 17 * 255 / 16), 255}
			tr.Apply(px)
			sum.Write(px)
		}
		if got := hex.EncodeToString(sum.Sum(nil)[:8]); got != want[name] {
			t.Errorf("%q: %q, want %q", name, got, want[name])
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
