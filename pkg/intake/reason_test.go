package intake

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
)

// A reason begins with words for people, says what to do, and keeps the detail.
func TestReason(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want []string // in this order
	}{
		"damaged":     {fmt.Errorf("tile 3/17/42: %w", &slide.FormatError{Format: "tiff", Problem: "cut short"}), []string{"The file is damaged", "Copy it again", technical, "tile 3/17/42", "cut short"}},
		"unsupported": {&slide.UnsupportedError{Format: "tiff", Feature: "compression 9"}, []string{"cannot read", "Export it", technical, "compression 9"}},
		"text":        {fmt.Errorf("open slide: %w", slide.ErrText), []string{"This is a text file, not a slide"}},
		"no scale":    {&Refusal{fmt.Errorf("%w: the file does not say", pyramid.ErrNoScale)}, []string{"The scale of the slide", "column mpp", technical}},
		"coarse":      {&Refusal{errors.New("scale of 4 µm/px is too coarse: scan at a higher magnification")}, []string{"Scale of 4 µm/px", "scan at a higher magnification."}},
		"gone":        {fmt.Errorf("open file: %w", fs.ErrNotExist), []string{"not there any more", "network drive", technical}},
		"forbidden":   {fmt.Errorf("open file: %w", fs.ErrPermission), []string{"may not read", technical}},
		"hole":        {fmt.Errorf("computed again 3 times: %w", store.ErrNotFound), []string{"gone from the store", "Order it again"}},
		"panic":       {fmt.Errorf("%w: index out of range", ErrInternal), []string{"The program failed", "if it fails again", technical, "index out of range"}},
		"region":      {fmt.Errorf("region 12,7: %w", &slide.FormatError{Format: "jpeg", Problem: "no marker"}), []string{"region 12,7 of the slide cannot be analysed", "--allow-partial", technical, "no marker"}},
		"strange":     {errors.New("0xdeadbeef"), []string{"could not be worked on", "dead retry", technical, "0xdeadbeef"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Reason(c.err)
			rest := got
			for _, want := range c.want {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Fatalf("%q: no %q, or in another order", got, want)
				}
				rest = after
			}
			if again := Reason(errors.New(got)); strings.Contains(got, technical) && again != got {
				t.Errorf("said twice: %q", again)
			}
			if plain := PlainReason(got); strings.Contains(plain, "technical") || plain == "" {
				t.Errorf("plain: %q", plain)
			}
		})
	}
	if got := Reason(&Failure{Reason: "The file is damaged."}); got != "The file is damaged." {
		t.Errorf("a failure's reason became %q", got)
	}
}
