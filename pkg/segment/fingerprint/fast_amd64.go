package fingerprint

import (
	"os"

	"golang.org/x/sys/cpu"
)

// fast says that the assembly is used. The name of the networks' kernels that may be asked for switches it off too.
var fast = cpu.X86.HasAVX2 && cpu.X86.HasPOPCNT && os.Getenv("SLIDEMILL_KERNEL") != "generic"

// weights are the rows of unmix in words: those of red and green, which stand together, and that of blue.
var weights = func() (w [3][2]uint32) {
	for stain, row := range unmix {
		w[stain] = [2]uint32{uint32(uint16(row[0])) | uint32(uint16(row[1]))<<16, uint32(uint16(row[2]))}
	}
	return w
}()

// finestFast does what finestPlain does, unless it says that it did not.
func (m *Meter) finestFast(pix []uint8, stride int, s *Sums) (done bool) {
	if !fast {
		return false
	}
	sums, words := &m.fast.lanes, &m.fast.strip[0][0]
	*sums = lanes{}
	for i := range Block / stripRows {
		rows := pix[i*stripRows*stride:][:(stripRows-1)*stride+4*Block]
		tissue := unmixAVX2(words, &rows[0], stride, &density[0], &weights[0][0])
		if tissue > 0 {
			momentsAVX2(&sums.first[0][0], words)
		}
		s.Tissue += int64(tissue)
		at := i * stripPixels / 4
		finestAVX2(&m.plane[0][at], &m.plane[1][at], &m.tissue[at], &sums.octave[0].detail[0][0], words)
	}
	sums.addTo(s)
	sums.octave[0].addTo(s, 0)
	return true
}

// halveFast does what halvePlain does, unless it says that it did not.
func (m *Meter) halveFast(side, k int, s *Sums) (done bool) {
	if !fast || k >= fastLevels {
		return false
	}
	o := &m.fast.lanes.octave[k]
	halveAVX2(&m.plane[0][0], &m.plane[1][0], &m.tissue[0], &o.detail[0][0], side/2, int(fair(k))-1)
	o.addTo(s, k)
	return true
}

// scratch is the memory of the assembly, which needs no pixels in the planes and nothing in dark.
type scratch struct {
	strip strip
	lanes lanes
}

// strip is what the assembly takes of a block at once: a few rows, so that all of it stays in the processor's nearest
// cache. It holds the channels, zero on glass where nobody looks at it, and the tissue, where all bits are set.
type strip [channels + 1][stripPixels]int16

const (
	stripRows   = 8
	stripPixels = stripRows * Block
)

// lanes are what the assembly adds up in vectors. gen knows their order.
type lanes struct {
	first, square [channels]lane
	cube          [len(closer)]lane
	cross         [3]lane
	octave        [fastLevels]octave
}

// octave is of one level.
type octave struct {
	detail [len(closer)]lane
	count  lane
}

// fastLevels is the number of levels that are wide enough for the assembly, which makes eight cells at once.
const fastLevels = 3

// lane is a sum in four parts.
type lane [4]int64

func (l *lane) sum() int64 { return l[0] + l[1] + l[2] + l[3] }

// addTo adds what was summed over pixels.
func (l *lanes) addTo(s *Sums) {
	for c := range l.first {
		s.first[c] += l.first[c].sum()
		s.square[c] += l.square[c].sum()
	}
	for p := range l.cube {
		s.cube[p] += l.cube[p].sum()
	}
	for i := range l.cross {
		s.cross[i] += l.cross[i].sum()
	}
}

// addTo adds the details of level k.
func (o *octave) addTo(s *Sums, k int) {
	for p := range o.detail {
		s.detail[p][k] += o.detail[p].sum()
	}
	s.count[k] += o.count.sum()
}
