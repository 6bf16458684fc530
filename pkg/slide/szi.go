package slide

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"path"
	"strconv"
	"strings"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide/codec"
)

// deepZoomFile is the description of a Deep Zoom image.
type deepZoomFile struct {
	XMLName  xml.Name `xml:"Image"`
	Format   string   `xml:",attr"`
	Overlap  int      `xml:",attr"`
	TileSize int      `xml:",attr"`
	Size     struct {
		Width  int `xml:",attr"`
		Height int `xml:",attr"`
	}
}

// openSZI opens a Deep Zoom image in a ZIP archive (SZI 1.2). Its levels halve; those below one tile are
// left to whoever needs them.
func openSZI(c *candidate) (Slide, error) {
	s := &sziFile{c: c, levels: make(map[int][]zipEntry)}
	if err := s.list(); err != nil {
		return nil, err
	}
	dz := pyramid.DeepZoom{Size: pyramid.Size{W: s.dzi.Size.Width, H: s.dzi.Size.Height}, Tile: s.dzi.TileSize}
	var levels []plane
	for level := dz.Max(); level >= 0; level-- {
		grid := dz.Grid(level)
		if level < dz.Max() && grid.Cells() == 1 && len(levels) > 1 {
			break
		}
		levels = append(levels, &sziPlane{s, grid, level})
	}
	return newStack(c, Info{Vendor: "szi", MPP: s.mpp}, levels, s.associated)
}

// sziFile is an archive's index.
//
// # Memory
//
// 32 bytes for each tile of a level that has any: at most 128 MB for maxZipEntries.
type sziFile struct {
	c          *candidate
	dzi        deepZoomFile
	mpp        pyramid.MPP
	levels     map[int][]zipEntry // by level, row-major; empty where there is no tile
	associated map[string]plane
}

// maxSZIText bounds the descriptions, maxSZITile a tile's bytes.
const (
	maxSZIText = 1 << 20
	maxSZITile = 64 << 20
)

// list reads the directory twice: for the description, and then for the tiles that it announces.
func (s *sziFile) list() error {
	root := ""
	s.associated = make(map[string]plane)
	err := zipEntries(s.c, s.c.size, func(e zipEntry) error {
		dir, base := path.Split(e.name)
		switch {
		case strings.HasSuffix(base, ".dzi") && strings.Count(dir, "/") == 1 && root == "":
			root = strings.TrimSuffix(e.name, ".dzi") + "_files/"
			return s.describe(e)
		case base == "scan-properties.xml":
			return s.properties(e)
		case strings.HasSuffix(dir, "/associated_images/"):
			return s.keep(base, e)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if root == "" {
		return &UnsupportedError{Format: "szi", Feature: "an archive without a Deep Zoom image (NAME/NAME.dzi)"}
	}
	dz := pyramid.DeepZoom{Size: pyramid.Size{W: s.dzi.Size.Width, H: s.dzi.Size.Height}, Tile: s.dzi.TileSize}
	if dz.Tiles() > maxZipEntries {
		return &UnsupportedError{Format: "szi", Feature: fmt.Sprintf("%d tiles", dz.Tiles())}
	}
	return zipEntries(s.c, s.c.size, func(e zipEntry) error {
		name, ok := strings.CutPrefix(e.name, root)
		if !ok {
			return nil
		}
		name, ok = strings.CutSuffix(name, "."+s.dzi.Format)
		level, tile, _ := strings.Cut(name, "/")
		col, row, _ := strings.Cut(tile, "_")
		l, err1 := strconv.Atoi(level)
		x, err2 := strconv.Atoi(col)
		y, err3 := strconv.Atoi(row)
		if !ok || err1 != nil || err2 != nil || err3 != nil || l < 0 || l > dz.Max() || !dz.Grid(l).Contains(x, y) {
			return nil
		}
		grid := dz.Grid(l)
		if s.levels[l] == nil {
			s.levels[l] = make([]zipEntry, grid.Cells())
		}
		s.levels[l][y*grid.Cols()+x] = zipEntry{header: e.header, size: e.size}
		return nil
	})
}

func (s *sziFile) describe(e zipEntry) error {
	data, err := e.read(s.c, maxSZIText)
	if err != nil {
		return err
	}
	if err := decodeXML("szi", string(data), &s.dzi); err != nil {
		return err
	}
	size := pyramid.Size{W: s.dzi.Size.Width, H: s.dzi.Size.Height}
	switch {
	case !plausible(size) || s.dzi.TileSize < 1 || s.dzi.TileSize > 1<<12 || s.dzi.Overlap < 0 || s.dzi.Overlap >= s.dzi.TileSize:
		return zipDamaged("%s pixels in tiles of %d with an overlap of %d", size, s.dzi.TileSize, s.dzi.Overlap)
	case s.dzi.Format != "jpeg" && s.dzi.Format != "jpg" && s.dzi.Format != "png":
		return &UnsupportedError{Format: "szi", Feature: fmt.Sprintf("tiles of format %q", s.dzi.Format)}
	}
	return nil
}

// properties reads the scale; the rest of the file may name people.
func (s *sziFile) properties(e zipEntry) error {
	data, err := e.read(s.c, maxSZIText)
	if err != nil {
		return err
	}
	m := pyramid.MPP{Source: pyramid.FromFile}
	dec := xml.NewDecoder(bytes.NewReader(data))
	dec.Strict, dec.CharsetReader = false, plainCharset
	var name, key string // of the element, and what the <name> before a <value> said
	for {
		token, err := dec.RawToken()
		if err != nil {
			s.mpp = believable(m, pyramid.MaxMPP)
			return nil
		}
		switch token := token.(type) {
		case xml.StartElement:
			name = token.Name.Local
			for i, a := range token.Attr { // <property name="MicronsPerPixelX" value="0.25"/>
				if a.Name.Local == "name" && i+1 < len(token.Attr) {
					setScale(&m, a.Value, token.Attr[i+1].Value)
				}
			}
		case xml.EndElement:
			name = ""
		case xml.CharData:
			switch name {
			case "name": // <name>MicronsPerPixelX</name><value>0.25</value>, as libvips and `tile` write it
				key = strings.TrimSpace(string(token))
			case "value":
				setScale(&m, key, string(token))
			default:
				setScale(&m, name, string(token))
			}
		}
	}
}

// setScale takes a property if it is one of the scale's, in µm.
func setScale(m *pyramid.MPP, name, value string) {
	v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil {
		return
	}
	switch name {
	case "MicronsPerPixel":
		m.X, m.Y = v, v
	case "MicronsPerPixelX":
		m.X = v
	case "MicronsPerPixelY":
		m.Y = v
	}
}

// keep adds an associated picture.
func (s *sziFile) keep(base string, e zipEntry) error {
	name := strings.TrimSuffix(strings.TrimSuffix(base, ".jpg"), ".jpeg")
	if name != "label" && name != "macro" && name != "thumbnail" {
		return nil
	}
	data, err := e.read(s.c, maxSZITile)
	if err != nil {
		return err
	}
	if p, err := newPicturePlane(data); err == nil {
		s.associated[name] = p
	}
	return nil
}

// sziPlane is one level.
type sziPlane struct {
	s     *sziFile
	grid  pyramid.Grid
	level int
}

func (p *sziPlane) layout() layout {
	name := p.s.dzi.Format
	if name == "jpg" {
		name = "jpeg"
	}
	return layout{p.grid.Size, pyramid.Size{W: p.grid.Tile, H: p.grid.Tile}, name}
}

// data is a tile's bytes, or nil where there is none.
func (p *sziPlane) data(col, row int) ([]byte, error) {
	entries := p.s.levels[p.level]
	if i := row*p.grid.Cols() + col; entries != nil && entries[i].size > 0 {
		return entries[i].read(p.s.c, maxSZITile)
	}
	return nil, nil
}

func (p *sziPlane) read(_ context.Context, col, row int, dst *image.RGBA) error {
	r, err := p.layout().bounds(col, row)
	if err != nil {
		return err
	}
	reshape(dst, r)
	data, err := p.data(col, row)
	if err != nil || data == nil {
		return err
	}
	// With an overlap a tile reaches beyond its rectangle, but not beyond the level.
	o := p.s.dzi.Overlap
	whole := image.NewRGBA(r.Inset(-o).Intersect(p.grid.Size.Bounds()))
	if err := p.decode(whole, data); err != nil {
		return err
	}
	paste(dst, whole)
	return nil
}

func (p *sziPlane) decode(dst *image.RGBA, data []byte) error {
	limit := dst.Rect.Dx() * dst.Rect.Dy()
	if p.s.dzi.Format != "png" {
		return p.s.c.options.jpegDecoder()(dst, data, limit)
	}
	cfg, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return pngError(err)
	}
	if cfg.Width != dst.Rect.Dx() || cfg.Height != dst.Rect.Dy() {
		return zipDamaged("a tile of %d by %d pixels, want %v", cfg.Width, cfg.Height, dst.Rect.Size())
	}
	im, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return pngError(err)
	}
	draw.Draw(dst, dst.Rect, onWhite(im), image.Point{}, draw.Src)
	return nil
}

func (p *sziPlane) raw(_ context.Context, col, row int, _ []byte) ([]byte, error) {
	if _, err := p.layout().bounds(col, row); err != nil || p.s.dzi.Overlap > 0 || p.s.dzi.Format == "png" {
		return nil, err
	}
	data, err := p.data(col, row)
	if err != nil || data == nil {
		return nil, err
	}
	return codec.Standalone(nil, nil, data, codec.Unknown)
}
