package workers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
)

// Why a file cannot be read goes into logs and the dead list; what it is called does not.
func TestNoNameInReasons(t *testing.T) {
	dicom := append(make([]byte, 128), "DICM\x02\x00\x00\x00UL\x04\x00"...)
	for name, data := range map[string][]byte{
		"empty": {}, "text": []byte("plain text"), "TIFF": []byte("II*\x00\xff\xff\xff\x00 cut short"), "DICOM": dicom, "gone": nil,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "DOE_JANE.svs")
			if data != nil {
				if err := os.WriteFile(path, data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			job := jobs.Job{Source: path}
			if sum, err := slide.Hash(t.Context(), path, nil); err == nil {
				job.Slide = pyramid.NewSlideID(sum)
			}
			_, err := new(Tile).open(t.Context(), job)
			if err = withoutPath(permanentIfSlide(err)); err == nil || strings.Contains(err.Error(), "DOE") {
				t.Errorf("error %v", err)
			}
		})
	}
}
