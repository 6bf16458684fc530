package slide

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"

	"github.com/slidemill/slidemill/pkg/slide/icc"
)

// Colour says what became of the file's colour profile.
//
// Whether a profile is applied follows from the file alone, never from an option: a slide's pixels are
// named by its hash, so there can be one version of them only. A profile that is sRGB but for rounding
// is left alone, and the file's streams are passed on as they are. One that moves colours is applied to
// every tile, which then must be encoded anew: a browser or a model that is given the stream without
// its profile would see other colours than the scanner meant, and a profile of up to 600 kB in each tile
// would be larger than the tile. A profile of tables is not applied, and said to be so.
type Colour struct {
	Profile string `json:"profile,omitempty"` // its own name
	SHA256  string `json:"sha256"`
	Applied bool   `json:"applied"`
	Shift   int    `json:"shift"`            // largest change of a channel that it makes, of 255
	Reason  string `json:"reason,omitempty"` // why it is not applied
}

func (c *Colour) String() string {
	name := cmp.Or(c.Profile, "without a name")
	if c.Applied {
		return fmt.Sprintf("%s, converted to sRGB (moves channels by up to %d of 255)", name, c.Shift)
	}
	return fmt.Sprintf("%s, not applied: %s", name, c.Reason)
}

// smallShift is how far a profile may be from sRGB and still count as sRGB: JPEG alone changes more.
const smallShift = 4

// maxProfile bounds a profile that is looked at. Scanners' have 500 bytes to 600 kB.
const maxProfile = 16 << 20

// manage applies a profile to the planes, or says why not.
func manage(profile []byte, levels []plane) (*Colour, []plane) {
	if len(profile) == 0 {
		return nil, levels
	}
	sum := sha256.Sum256(profile)
	c := &Colour{SHA256: hex.EncodeToString(sum[:])}
	if len(profile) > maxProfile {
		c.Reason = "the profile is too large"
		return c, levels
	}
	p, err := icc.Parse(profile)
	if p != nil {
		c.Profile = p.Description
	}
	switch {
	case errors.Is(err, icc.ErrTable):
		c.Reason = err.Error()
		return c, levels
	case err != nil:
		c.Reason = "the profile is damaged: " + err.Error()
		return c, levels
	}
	t := p.ToSRGB()
	if c.Shift = t.Shift(); c.Shift <= smallShift {
		c.Reason = "the profile is sRGB but for rounding"
		return c, levels
	}
	c.Applied = true
	out := make([]plane, len(levels))
	for i, l := range levels {
		out[i] = managed{l, t}
	}
	return c, out
}

// managed is a plane in sRGB.
type managed struct {
	plane
	t *icc.Transform
}

func (m managed) read(ctx context.Context, col, row int, dst *image.RGBA) error {
	if err := m.plane.read(ctx, col, row, dst); err != nil {
		return err
	}
	m.t.Apply(dst.Pix)
	return nil
}

// raw has nothing: the file's stream has other colours.
func (m managed) raw(_ context.Context, col, row int, _ []byte) ([]byte, error) {
	_, err := m.layout().bounds(col, row)
	return nil, err
}
