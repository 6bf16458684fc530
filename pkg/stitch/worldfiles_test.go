package stitch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"image"
	"image/jpeg"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
)

func (w *world) manifest(p *segment.Plan) slide.Manifest {
	sum := sha256.Sum256([]byte("a slide"))
	return slide.Manifest{
		Version: slide.ManifestVersion, ID: pyramid.NewSlideID(sum), SHA256: hexOf(sum[:]), Bytes: 7, Format: "jpeg",
		Info: slide.Info{
			Vendor: "test", MPP: w.mpp,
			Levels: []slide.Level{{Size: p.Frame.Slide, TileSize: pyramid.Size{W: 64, H: 64}, Downsample: 1, Codec: "jpeg"}},
		},
		Pyramid: pyramid.DeepZoom{Size: p.Frame.Slide, Tile: 256},
		QC:      []byte(`[{"check":"focus","status":"pass","value":0.93}]`),
		Tissue:  w.tissueRecord(p.Frame),
	}
}

// tissueRecord is what slide.json says of the tissue map.
func (w *world) tissueRecord(f segment.Frame) []byte {
	data, err := json.Marshal(map[string]any{"method": "test", "frame": f})
	if err != nil {
		panic(err)
	}
	return data
}

// put stores every planned region.
func (w *world) put(t testing.TB, b store.Bucket, p *segment.Plan) {
	t.Helper()
	for _, at := range p.Regions {
		data, err := segment.EncodeRegion(w.region(p, at))
		if err != nil {
			t.Fatal(err)
		}
		putBytes(t, b, store.Slide(p.Slide).Run(p.Run).Region(at), data)
	}
}

func putBytes(t testing.TB, b store.Bucket, key string, data []byte) {
	t.Helper()
	if err := b.Put(t.Context(), key, bytes.NewReader(data), int64(len(data))); err != nil {
		t.Fatal(err)
	}
}

// whiteJPEG is a white JPEG.
func whiteJPEG(t testing.TB, size image.Point) []byte {
	t.Helper()
	img := image.NewGray(image.Rectangle{Max: size})
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, img, nil); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// objects reads every object below the run but the regions.
func objects(t testing.TB, b store.Bucket, p *segment.Plan) map[string][]byte {
	t.Helper()
	keys := store.Slide(p.Slide).Run(p.Run)
	out := make(map[string][]byte)
	for o, err := range b.List(t.Context(), keys.Prefix()) {
		if err != nil {
			t.Fatal(err)
		}
		name := o.Key[len(keys.Prefix()):]
		if len(name) > 8 && name[:8] == "regions/" {
			continue
		}
		out[name] = read(t, b, o.Key)
	}
	return out
}

func read(t testing.TB, b store.Bucket, key string) []byte {
	t.Helper()
	data, err := store.ReadAll(context.Background(), b, key, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// putPyramid stores a white pyramid, as the tiler would.
func putPyramid(t testing.TB, b store.Bucket, m slide.Manifest) {
	t.Helper()
	keys := store.Slide(m.ID)
	for level := range m.Pyramid.Max() + 1 {
		grid := m.Pyramid.Grid(level)
		for row := range grid.Rows() {
			for col := range grid.Cols() {
				putBytes(t, b, keys.PyramidTile(pyramid.Tile{Level: level, Col: col, Row: row}), whiteJPEG(t, grid.Bounds(col, row).Size()))
			}
		}
	}
}
