package intake

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Only a mask whose slide is named with it, in the same folder, is left out.
func TestWithoutMasks(t *testing.T) {
	files := []string{"a.tiff", "a.mask.tiff", "b.svs", "b.MASK.TIF", "c.mask.tiff", "x/a.mask.tiff", ".mask.tiff"}
	slides, masks := WithoutMasks(files)
	if diff := cmp.Diff([]string{"a.tiff", "b.svs", "c.mask.tiff", "x/a.mask.tiff", ".mask.tiff"}, slides); diff != "" || masks != 2 {
		t.Errorf("%d masks, slides %s", masks, diff)
	}
	if files[1] != "a.mask.tiff" {
		t.Error("the caller's list was changed")
	}
}
