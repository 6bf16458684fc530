package summary

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	_ "image/png" // previews are PNG files of our own

	"golang.org/x/image/draw"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/store"
)

const (
	maxPreview = 32 << 20 // bytes of a preview that is read
	maxSide    = 8192     // pixels of a preview that is decoded
	side       = 240      // pixels of a picture in the summary
	quality    = 75
)

// Previews makes the pictures from the previews in the store.
func Previews(b store.Bucket) Source {
	return func(ctx context.Context, s *intake.Standing) ([]byte, error) {
		data, err := store.ReadAll(ctx, b, store.Slide(s.Slide).Run(s.Run).Preview(), maxPreview)
		if err != nil {
			return nil, err
		}
		return small(data)
	}
}

// small is the picture with its longer side shortened.
func small(data []byte) ([]byte, error) {
	config, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil || config.Width > maxSide || config.Height > maxSide {
		return nil, fmt.Errorf("preview of %d×%d pixels: %w", config.Width, config.Height, err)
	}
	full, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("preview: %w", err)
	}
	size := full.Bounds().Size()
	scale := min(1, float64(side)/float64(max(size.X, size.Y, 1)))
	out := image.NewRGBA(image.Rect(0, 0, max(1, int(float64(size.X)*scale)), max(1, int(float64(size.Y)*scale))))
	draw.Draw(out, out.Rect, image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.ApproxBiLinear.Scale(out, out.Rect, full, full.Bounds(), draw.Over, nil)
	var b bytes.Buffer
	err = jpeg.Encode(&b, out, &jpeg.Options{Quality: quality})
	return b.Bytes(), err
}
