package judge

import (
	"image"

	"github.com/slidemill/slidemill/pkg/evaluate"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/train"
)

// piece is one window of a slide.
type piece struct {
	at     image.Rectangle // model pixels, within the slide
	labels []uint8         // of at
	halo   int
	full   int     // side of rgb
	rgb    []uint8 // with the halo
	tissue []bool  // by cell of at
	planes [][]uint8
}

// coloured is the least mean difference between the colours of a cell of tissue: glass of any scanner
// stays below 8, eosin at its palest is above 14.
const coloured = 11

// findTissue tells the cells with colour from glass, and whether there are any.
func (p *piece) findTissue() (any bool) {
	cols, rows := p.cells()
	p.tissue = make([]bool, cols*rows)
	for i := range p.tissue {
		sum, n := 0, 0
		p.cell(i%cols, i/cols, func(x, y int) {
			px := p.rgb[3*((y+p.halo)*p.full+x+p.halo):][:3]
			sum += int(max(px[0], px[1], px[2])) - int(min(px[0], px[1], px[2]))
			n++
		})
		p.tissue[i] = sum > coloured*n
		any = any || p.tissue[i]
	}
	return any
}

// cells is how many cells the piece has; it starts at a cell's corner.
func (p *piece) cells() (cols, rows int) {
	const side = segment.TissueCell
	return (p.at.Dx() + side - 1) / side, (p.at.Dy() + side - 1) / side
}

// cell visits the pixels of a cell, as coordinates in the piece.
func (p *piece) cell(col, row int, visit func(x, y int)) {
	const side = segment.TissueCell
	for y := row * side; y < min((row+1)*side, p.at.Dy()); y++ {
		for x := col * side; x < min((col+1)*side, p.at.Dx()); x++ {
			visit(x, y)
		}
	}
}

// crop cuts planes of a whole window to what lies on the slide.
func (p *piece) crop(side int) {
	for k, plane := range p.planes {
		out := make([]uint8, 0, p.at.Dx()*p.at.Dy())
		for y := range p.at.Dy() {
			out = append(out, plane[y*side:][:p.at.Dx()]...)
		}
		p.planes[k] = out
	}
}

// probabilities are the planes of the view, glass being certainly no lesion.
func (p *piece) probabilities(j *Judge) [][]uint8 {
	scheme := j.Scheme()
	n := p.at.Dx() * p.at.Dy()
	var planes [][]uint8
	if p.planes != nil {
		planes = j.View.planes(&j.Model.Description, p.planes)
	} else {
		for range scheme.Classes {
			planes = append(planes, make([]uint8, n))
		}
	}
	rest := restOf(j.View.meaning(&j.Model.Description))
	cols, _ := p.cells()
	for i, tissue := range p.tissue {
		if tissue {
			continue
		}
		p.cell(i%cols, i/cols, func(x, y int) {
			for k := range planes {
				planes[k][y*p.at.Dx()+x] = 0
			}
			planes[rest][y*p.at.Dx()+x] = 255
		})
	}
	return planes
}

// add counts a piece and draws it into the map.
func (c *chart) add(j *Judge, p *piece) error {
	planes := p.probabilities(j)
	img := c.image
	img.W, img.H, img.Truth, img.Prob = p.at.Dx(), p.at.Dy(), j.truth(p.labels), planes
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.tally.Add(&img); err != nil {
		return err
	}
	c.carcinoma = c.carcinoma || holds(p.labels, train.Carcinoma)
	c.partial = c.partial || holds(p.labels, train.Ignore)
	c.unknown = c.unknown || c.scheme.HighGrade < 0 && holds(p.labels, train.HighGrade)
	cols, rows := p.cells()
	for i := range cols * rows {
		c.draw(p, i%cols, i/cols, planes[c.scheme.Carcinoma])
	}
	return nil
}

// draw fills in one cell of the map.
func (c *chart) draw(p *piece, col, row int, carcinoma []uint8) {
	sum, known, tumour, n := 0, 0, 0, 0
	p.cell(col, row, func(x, y int) {
		i := y*p.at.Dx() + x
		sum += int(carcinoma[i])
		switch p.labels[i] {
		case evaluate.Ignore:
		case train.Carcinoma:
			tumour++
			known++
		default:
			known++
		}
		n++
	})
	const side = segment.TissueCell
	at := (p.at.Min.Y/side+row)*c.width() + p.at.Min.X/side + col
	c.prob[at], c.judged[at], c.truth[at] = uint8((sum+n/2)/n), known > 0, 2*tumour > n
}

// width is the number of columns of the map.
func (c *chart) width() int { return (c.size.W + segment.TissueCell - 1) / segment.TissueCell }
