package stitch

import (
	"bytes"
	"context"
	"fmt"
	"image"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

// store counts a place's tiles and puts or packs them; what is promised of them is the same either way.
func (o *overlays) store(ctx context.Context, e encoded) error {
	keys := o.regions.keys
	probability, overlay := keys.ProbabilityTile(e.tile), keys.OverlayTile(e.tile)
	o.probability.add(o.name(probability), e.probability)
	o.overlay.add(o.name(overlay), e.overlay)
	if o.packing != nil {
		return o.packing.take(e)
	}
	if err := o.put(ctx, probability, e.probability); err != nil {
		return err
	}
	return o.put(ctx, overlay, e.overlay)
}

func (o *overlays) put(ctx context.Context, key string, data []byte) error {
	if err := o.regions.bucket.Put(ctx, key, bytes.NewReader(data), int64(len(data))); err != nil {
		return fmt.Errorf("put %s: %w", o.name(key), err)
	}
	return nil
}

// name is a key below the run.
func (o *overlays) name(key string) string { return key[len(o.regions.keys.Prefix()):] }

func (o *overlays) encode(bounds image.Rectangle, r *raster) (probability, overlay []byte, err error) {
	size := pyramid.Size{W: bounds.Dx(), H: bounds.Dy()}
	if r == nil {
		return o.blank(size)
	}
	if probability, err = o.tile(size, pngGrey, r.probability); err != nil {
		return nil, nil, err
	}
	buf := o.colours.Get().(*[]uint8)
	defer o.colours.Put(buf)
	*buf = r.colour(o.palette, bounds.Min, *buf)
	overlay, err = o.tile(size, pngRGBA, *buf)
	return probability, overlay, err
}

// tile encodes pixels; where there is nothing in them, it is the empty tile.
func (o *overlays) tile(size pyramid.Size, colour byte, pixels []uint8) ([]byte, error) {
	if !blank(pixels) {
		return o.png.encode(size, colour, pixels)
	}
	probability, overlay, err := o.blank(size)
	if colour == pngGrey {
		return probability, err
	}
	return overlay, err
}

// blank gives the encoded empty tiles of a size, made once.
func (o *overlays) blank(size pyramid.Size) (probability, overlay []byte, err error) {
	type pair struct{ probability, overlay []byte }
	if p, ok := o.blanks.Load(size); ok {
		return p.(pair).probability, p.(pair).overlay, nil
	}
	empty := make([]uint8, 4*size.W*size.H)
	var p pair
	if p.probability, err = o.png.encode(size, pngGrey, empty[:size.W*size.H]); err != nil {
		return nil, nil, err
	}
	if p.overlay, err = o.png.encode(size, pngRGBA, empty); err != nil {
		return nil, nil, err
	}
	o.blanks.Store(size, p)
	return p.probability, p.overlay, nil
}

// descriptor is the Deep Zoom manifest of PNG tiles without overlap.
func descriptor(d pyramid.DeepZoom) []byte {
	return fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?>
<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" Format="png" Overlap="0" TileSize="%d"><Size Width="%d" Height="%d"/></Image>
`, d.Tile, d.Size.W, d.Size.H)
}

// descriptors puts both manifests.
func (o *overlays) descriptors(ctx context.Context, s *shelf, keys store.RunKeys) error {
	for _, key := range []string{keys.ProbabilityDZI(), keys.OverlayDZI()} {
		if err := s.put(ctx, key, descriptor(o.deepZoom)); err != nil {
			return err
		}
	}
	return nil
}
