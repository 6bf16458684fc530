package stitch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image/jpeg"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
)

// slidePyramid checks that every tile of the slide is there, a whole JPEG of the size of its place, and what lies
// beside the tiles.
func (v *verifier) slidePyramid(ctx context.Context, m slide.Manifest) error {
	keys := store.Slide(v.slide)
	for _, beside := range []struct {
		key     string
		sum     string // none where slide.json is of an older version
		problem func([]byte) string
	}{
		{keys.PyramidDZI(), "", func(data []byte) string { return notDescriptor(data, m) }},
		{keys.Thumbnail(), m.Sums.Thumbnail, func(data []byte) string { return notThumbnail(data, m.Pyramid.Size) }},
		{keys.Tissue(), m.Sums.Tissue, func(data []byte) string { return notTissue(data, m) }},
	} {
		if beside.key == keys.Tissue() && len(m.Tissue) == 0 { // it was not searched for tissue
			continue
		}
		data, err := v.read(ctx, beside.key, maxTileBytes)
		if err != nil {
			return err
		}
		if data == nil {
			continue
		}
		if problem := beside.problem(data); problem != "" {
			v.broken.add("%s %s", beside.key, problem)
		} else if sum := sha256.Sum256(data); beside.sum != "" && hex.EncodeToString(sum[:]) != beside.sum {
			v.broken.add("%s is not what was promised", beside.key)
		}
	}
	return v.everyTile(ctx, m.Pyramid, keys.PyramidTile, func(t pyramid.Tile, key string, data []byte) {
		bounds := m.Pyramid.Grid(t.Level).Bounds(t.Col, t.Row)
		if problem := wholeJPEG(data, pyramid.Size{W: bounds.Dx(), H: bounds.Dy()}); problem != "" {
			v.broken.add("%s %s", key, problem)
		}
	})
}

func notDescriptor(data []byte, m slide.Manifest) string {
	if bytes.Equal(data, m.Pyramid.Descriptor(m.Format)) {
		return ""
	}
	return "does not describe the pyramid of slide.json"
}

// maxThumbnail bounds a side of a thumbnail in pixels; the tiler's are smaller.
const maxThumbnail = 4096

// notThumbnail says what keeps the data from being a small picture of a slide of that size.
func notThumbnail(data []byte, slide pyramid.Size) string {
	if problem := wholeJPEG(data, pyramid.Size{}); problem != "" {
		return problem
	}
	config, err := jpeg.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return err.Error()
	}
	w, h := int64(config.Width), int64(config.Height)
	// Both sides are rounded twice, to a level of the pyramid and from there: each may be off by two.
	skew := w*int64(slide.H) - h*int64(slide.W)
	if w > maxThumbnail || h > maxThumbnail || max(skew, -skew) > 2*int64(slide.W+slide.H) {
		return fmt.Sprintf("is %d×%d pixels, which is no small picture of a slide of %v", w, h, slide)
	}
	if _, err := jpeg.Decode(bytes.NewReader(data)); err != nil {
		return err.Error()
	}
	return ""
}

// notTissue says what keeps the data from being the slide's tissue map. A PNG file has checksums of its own.
func notTissue(data []byte, m slide.Manifest) string {
	var record struct {
		Frame segment.Frame `json:"frame"`
	}
	if err := json.Unmarshal(m.Tissue, &record); err != nil {
		return "cannot be placed: " + err.Error()
	}
	frame, err := segment.NewFrame(m.Pyramid.Size, record.Frame.MPP, record.Frame.Model)
	// No slide is analysed that is more than twice as coarse as its model: a larger canvas is no slide's.
	if err != nil || frame != record.Frame || frame.Size.Empty() || frame.StepX() < 0.4 || frame.StepY() < 0.4 {
		return "cannot be placed: slide.json has an impossible canvas for it"
	}
	if _, err := segment.DecodeTissueMap(data, frame.Size); err != nil {
		return err.Error()
	}
	return ""
}

// wholeJPEG says what is wrong with a JPEG of the given size, or of any size if that is zero, as far as
// that shows without decoding.
func wholeJPEG(data []byte, want pyramid.Size) string {
	const marker = 0xff
	if !bytes.HasPrefix(data, []byte{marker, 0xd8}) {
		return "is not a JPEG"
	}
	if !bytes.HasSuffix(bytes.TrimRight(data, "\x00"), []byte{marker, 0xd9}) { // scanners pad copied tiles
		return "is cut short"
	}
	config, err := jpeg.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return err.Error()
	}
	if got := (pyramid.Size{W: config.Width, H: config.Height}); !want.Empty() && got != want {
		return fmt.Sprintf("is %v pixels, want %v", got, want)
	}
	return ""
}
