package kernel

import "unsafe"

func winogradSourceGeneric(m int, a *winogradArgs) { a.toPlanes(m, m+2, sourceLine) }

func winogradSpreadGeneric(m int, a *winogradArgs) { a.toPlanes(m, m, spreadLine) }

// toPlanes transforms tiles of k×k pixels to n×n positions in planes: columns first, then rows.
func (a *winogradArgs) toPlanes(m, k int, line func(m int, from, to *[6]float32)) {
	n := m + 2
	for tile := range a.tiles {
		for l := range int64(Block) {
			var d, t [6][6]float32
			for j := range k {
				for i := range k {
					d[j][i] = *(*float32)(unsafe.Add(a.src, (tile*int64(m)+int64(j))*4*Block+int64(i)*a.row+4*l))
				}
				line(m, &d[j], &t[j])
			}
			for i := range n {
				var row, out [6]float32
				for j := range k {
					row[j] = t[j][i]
				}
				line(m, &row, &out)
				for j := range n {
					*(*float32)(unsafe.Add(a.dst, int64(i*n+j)*a.plane+tile*4*Block+4*l)) = out[j]
				}
			}
		}
	}
}

func winogradResultGeneric(m int, a *winogradArgs) {
	n := m + 2
	for tile := range a.tiles {
		for l := range int64(Block) {
			var y [6][6]float32
			for j := range n {
				var p [6]float32
				for i := range n {
					p[i] = *(*float32)(unsafe.Add(a.src, int64(i*n+j)*a.plane+tile*4*Block+4*l))
				}
				resultLine(m, &p, &y[j])
			}
			for i := range m {
				var row, out [6]float32
				for j := range n {
					row[j] = y[j][i]
				}
				resultLine(m, &row, &out)
				a.finish(m, i, tile, l, &out)
			}
		}
	}
}

// finish adds the bias and the residual to one lane of a row of results, clamps and stores.
func (a *winogradArgs) finish(m, i int, tile, lane int64, out *[6]float32) {
	bias := *(*float32)(unsafe.Add(a.bias, 4*lane))
	for j := range m {
		at := (tile*int64(m)+int64(j))*4*Block + 4*lane
		v := out[j] + bias
		if a.add != nil {
			v += *(*float32)(unsafe.Add(a.add, at+int64(i)*a.addRow))
		}
		*(*float32)(unsafe.Add(a.dst, at+int64(i)*a.row)) = minimum(a.hi, maximum(a.lo, v))
	}
}

func multiplyTilesGeneric(blocks int, a *productArgs) {
	w := a.w
	for k := range a.positions {
		for b := range int64(blocks) {
			for tile := range a.tiles {
				var sum [Block]float32
				a.sum(&sum, unsafe.Add(a.src, k*a.srcPlane+4*Block*tile), w, 4*Block*b)
				*lanes(a.dst, k*a.dstPlane+b*a.dstBlock+4*Block*tile) = sum
			}
		}
		if k+1 < a.positions {
			w = unsafe.Add(w, (a.whole*Block+a.last)*a.lanes)
		}
	}
}

// sum adds the products of one tile and position, source channel by source channel.
func (a *productArgs) sum(sum *[Block]float32, src, w unsafe.Pointer, at int64) {
	for b := int64(0); b <= a.whole; b++ {
		channels := int64(Block)
		if b == a.whole {
			channels = a.last
		}
		x := lanes(src, b*a.srcBlock)
		for c := range channels {
			row := lanes(w, at)
			for l := range sum {
				sum[l] = fma(x[c], row[l], sum[l])
			}
			at += a.lanes
		}
	}
}

func winogradFilterGeneric(m int, a *weightArgs) {
	a.transform(3, m+2, func(t *[6]float64) [6]float64 { return filterLine(m, t[0], t[1], t[2]) })
}

func winogradGatherGeneric(m int, a *weightArgs) {
	a.transform(m+2, 3, func(t *[6]float64) (g [6]float64) {
		g[0], g[1], g[2] = gatherLine(m, t)
		return g
	})
}

// transform turns k×k vectors into r×r, columns first, in float64, and rounds once.
func (a *weightArgs) transform(k, r int, line func(*[6]float64) [6]float64) {
	for lane := range int64(Block) {
		var columns [6][6]float64
		for j := range k {
			var from [6]float64
			for i := range k {
				from[i] = float64(*(*float32)(unsafe.Add(a.src, int64(i*k+j)*a.srcStep+4*lane)))
			}
			columns[j] = line(&from)
		}
		for i := range r {
			var from [6]float64
			for j := range k {
				from[j] = columns[j][i]
			}
			for j, v := range line(&from) {
				if j < r {
					*(*float32)(unsafe.Add(a.dst, int64(i*r+j)*a.dstStep+4*lane)) = float32(v)
				}
			}
		}
	}
}
