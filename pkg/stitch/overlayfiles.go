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

// encode gives a place's tiles; where there is nothing in one of them, it is the empty tile.
func (o *overlays) encode(bounds image.Rectangle, r *raster) (probability, overlay []byte, err error) {
	size := pyramid.Size{W: bounds.Dx(), H: bounds.Dy()}
	probability, overlay, err = o.blank(size)
	if r == nil || err != nil {
		return probability, overlay, err
	}
	if !blank(r.probability) {
		if probability, err = o.png.encode(size, pngGrey, r.probability); err != nil {
			return nil, nil, err
		}
	}
	t := o.paintings.Get().(*painting)
	defer o.paintings.Put(t)
	if t.paint(o.palette, r, bounds.Min); !t.empty() {
		overlay, err = t.encode(o.png, o.palette, size)
	}
	return probability, overlay, err
}

// blank gives the encoded empty tiles of a size, made once.
func (o *overlays) blank(size pyramid.Size) (probability, overlay []byte, err error) {
	type pair struct{ probability, overlay []byte }
	if p, ok := o.blanks.Load(size); ok {
		return p.(pair).probability, p.(pair).overlay, nil
	}
	empty := make([]uint8, size.W*size.H)
	var p pair
	if p.probability, err = o.png.encode(size, pngGrey, empty); err != nil {
		return nil, nil, err
	}
	if p.overlay, err = o.png.indexed(size, []rgba{{}}, empty); err != nil {
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
