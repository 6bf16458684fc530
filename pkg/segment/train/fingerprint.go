package train

import (
	"image"
	"math/rand/v2"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/segment/fingerprint"
)

// nuisance is what another slide of the same tissue may bring without being unlike the training
// images: focus, enlargement, compression, and as much stain and light as laboratories differ by
// from week to week. It is far less than what training varies, or nothing would ever lie outside.
func nuisance() Augment {
	return Augment{
		Flip: true, ScaleMin: 0.75, ScaleMax: 1.35, Stain: 0.2, StainOffset: 0.03, StainMix: 0.04,
		Brightness: 0.03, Contrast: 0.08, Gamma: 0.1, Tint: 0.03, Focus: 0.3, Resample: 0.2, JPEG: 0.4, Noise: 0.1,
	}
}

// variations is how many varied patches each image gives.
const variations = 2

// Fingerprint is how the images of a data set look. Images smaller than a block give nothing; too few
// are fingerprint.ErrTooFew.
func Fingerprint(cases []Case) (*fingerprint.Fingerprint, error) {
	parts := make([]fingerprint.Sample, len(cases))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range cases {
		group.Go(func() error {
			parts[i] = patches(&cases[i], uint64(i))
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := fingerprint.Sample{Images: len(cases)}
	for _, p := range parts {
		all.Plain = append(all.Plain, p.Plain...)
		all.Varied = append(all.Varied, p.Varied...)
	}
	return fingerprint.Fit(all)
}

// patches are whole patches side by side in the middle of the image, one of four blocks in a corner, as
// at the edge of tissue, and varied ones.
func patches(c *Case, seed uint64) (s fingerprint.Sample) {
	const side, small = fingerprint.PatchSide, fingerprint.PatchSide - fingerprint.Block
	img := rgbaOf(c.RGB, c.W, c.H)
	take := func(into *[][]float64, img *image.RGBA, at image.Point, side int) {
		if f, ok := fingerprint.Patch(img, image.Rectangle{Min: at, Max: at.Add(image.Pt(side, side))}); ok {
			*into = append(*into, f)
		}
	}
	if c.W < side || c.H < side {
		return s
	}
	cols, rows := c.W/side, c.H/side
	left, top := (c.W-cols*side)/2, (c.H-rows*side)/2
	for y := range rows {
		for x := range cols {
			take(&s.Plain, img, image.Pt(left+x*side, top+y*side), side)
		}
	}
	take(&s.Plain, img, image.Pt(int(seed&1)*(c.W-small), int(seed>>1&1)*(c.H-small)), small)
	g := newAugmenter(nuisance(), side)
	for k := range variations {
		sample := g.sample(rand.New(rand.NewPCG(seed, uint64(k))), c, nil)
		take(&s.Varied, rgbaOf(sample.RGB, side, side), image.Point{}, side)
	}
	return s
}

func rgbaOf(rgb []uint8, w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		img.Pix[4*i], img.Pix[4*i+1], img.Pix[4*i+2], img.Pix[4*i+3] = rgb[3*i], rgb[3*i+1], rgb[3*i+2], 255
	}
	return img
}
