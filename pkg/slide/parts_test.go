package slide_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/slidemill/slidemill/pkg/slide"
)

// A slide of several files is another one when any of them changes, and the same under other names of
// neighbours.
func TestPartsBelongToTheName(t *testing.T) {
	for name, part := range map[string]string{"x.mrxs": "x/Data0000.dat", "X.MRXS": "X/Data0000.dat", "x.vms": "a picture.jpg", "x.vmu": "b.rec"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write := func(name, text string) {
				path := filepath.Join(dir, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			hash := func() [32]byte {
				sum, err := slide.Hash(t.Context(), filepath.Join(dir, name), nil)
				if err != nil {
					t.Fatal(err)
				}
				return sum
			}
			write(name, "[Virtual Microscope Specimen]\r\nNoLayers=1\r\nImageFile=a picture.jpg\r\nImageFile(1,0)=b.rec\r\n")
			write(part, "one")
			one := hash()
			write("neighbour.jpg", "somebody else's")
			if hash() != one {
				t.Error("a neighbour counts")
			}
			write(part, "two")
			if hash() == one {
				t.Error("a part does not count")
			}
		})
	}
}
