package tiler

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"sync"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide/codec"
	"github.com/slidemill/slidemill/pkg/store"
)

// Tiles keep their chroma at full resolution (4:4:4). The contrast of H&E is one of colour: over 60
// EBHI pictures at quality 85, 4:2:0 leaves a root-mean-square chroma error of 15.0 of 255 and a worst
// pixel of 142, 4:4:4 9.5 and 70, for 30 % more bytes. The standard library writes 4:2:0 only and
// takes more than twice as long.

// buffer holds one compressed tile.
type buffer struct{ data []byte }

// buffers is shared by all cuts; its content has no meaning.
var buffers = sync.Pool{New: func() any { return new(buffer) }}

// encode compresses the colours of img; its alpha is ignored. The bytes are the same with and without
// libjpeg-turbo.
func (b *buffer) encode(img *image.RGBA, quality int) (err error) {
	encode := codec.EncodeJPEG
	if turbo, err := codec.FindTurbo(); err == nil {
		encode = turbo.Encode
	}
	b.data, err = encode(b.data[:0], img, quality)
	return err
}

// Descriptor is the Deep Zoom descriptor of a pyramid without overlap, as the .dzi file holds it.
func Descriptor(d pyramid.DeepZoom, format string) []byte {
	return fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?>
<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" Format="%s" Overlap="0" TileSize="%d">
  <Size Width="%d" Height="%d"/>
</Image>
`, format, d.Tile, d.Size.W, d.Size.H)
}

func putBytes(ctx context.Context, b store.Bucket, key string, data []byte) error {
	return b.Put(ctx, key, bytes.NewReader(data), int64(len(data)))
}
