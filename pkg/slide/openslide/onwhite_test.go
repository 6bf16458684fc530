//go:build (linux || darwin) && (amd64 || arm64) && !static

package openslide

import (
	"encoding/binary"
	"image"
	"testing"
	"unsafe"
)

// FuzzOnWhite: whatever a library in C calls premultiplied ARGB, nothing but dst's own pixels is written, each of
// them opaque or nothing at all, and what is opaque keeps its colour.
func FuzzOnWhite(f *testing.F) {
	f.Add([]byte{1, 2, 3, 255, 0, 0, 0, 0, 10, 20, 30, 128}, byte(3))
	f.Add([]byte{200, 200, 200, 100}, byte(1)) // more colour than alpha: no premultiplied pixel is like that
	f.Fuzz(func(t *testing.T, raw []byte, width byte) {
		w := 1 + int(width)%16
		h := len(raw) / 4 / w
		if h < 1 || h > 64 {
			return
		}
		pixels := make([]uint32, w*h)
		for i := range pixels {
			pixels[i] = binary.LittleEndian.Uint32(raw[4*i:])
		}
		whole := image.NewRGBA(image.Rect(0, 0, w+2, h+2))
		onWhite(whole.SubImage(image.Rect(1, 1, w+1, h+1)).(*image.RGBA), pixels)
		for y := range h + 2 {
			for x := range w + 2 {
				p := whole.RGBAAt(x, y)
				if x == 0 || y == 0 || x > w || y > h {
					if p.R|p.G|p.B|p.A != 0 {
						t.Fatalf("%d, %d beyond the picture is %v", x, y, p)
					}
					continue
				}
				v := pixels[(y-1)*w+x-1]
				a, r, g, b := v>>24, v>>16&255, v>>8&255, v&255
				switch {
				case a == 0 && p.R|p.G|p.B|p.A == 0:
				case a > 0 && p.A == 255 && uint32(p.R) == min(r+255-a, 255) && uint32(p.G) == min(g+255-a, 255) && uint32(p.B) == min(b+255-a, 255):
				default:
					t.Fatalf("%#08x becomes %v", v, p)
				}
			}
		}
	})
}

// FuzzText: a C string ends at its NUL or at the bound, whatever is in it.
func FuzzText(f *testing.F) {
	f.Add([]byte("label"))
	f.Add(make([]byte, 5000))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 8192 {
			return
		}
		b = append(b, 0)
		want := len(b) - 1
		for i, c := range b {
			if c == 0 {
				want = i
				break
			}
		}
		if want >= 4096 {
			want = 0 // no name is as long
		}
		if got := text((*byte)(unsafe.Pointer(&b[0]))); len(got) != want || got != string(b[:want]) {
			t.Fatalf("%d bytes, want %d", len(got), want)
		}
	})
}
