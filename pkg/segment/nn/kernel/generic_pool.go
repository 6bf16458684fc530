package kernel

import "unsafe"

func poolRowGeneric(op poolOp, a *poolArgs) {
	for x := range a.pixels {
		src, dst := unsafe.Add(a.src, x*a.srcPixel), lanes(a.dst, 4*Block*x)
		switch op {
		case poolMax:
			a.max(dst, src, x)
		case poolAvg:
			a.avg(dst, src)
		case poolMaxBack:
			a.maxBack(dst, src, x)
		case poolAvgBack:
			a.avgBack(dst, src)
		}
	}
}

func (a *poolArgs) max(dst *[Block]float32, src unsafe.Pointer, x int64) {
	best := *lanes(src, 0)
	var won [Block]uint8
	for l := range won {
		won[l] = uint8(a.id)
	}
	for r := range a.rows {
		for c := range a.cols {
			v := lanes(src, r*a.rowStep+c*a.colStep)
			for l := range best {
				if v[l] > best[l] {
					best[l], won[l] = v[l], uint8(a.id+r*a.idRow+c)
				}
			}
		}
	}
	*dst = best
	if a.index != nil {
		*(*[Block]uint8)(unsafe.Add(a.index, x*Block)) = won
	}
}

func (a *poolArgs) avg(dst *[Block]float32, src unsafe.Pointer) {
	var sum [Block]float32
	for r := range a.rows {
		for c := range a.cols {
			addLanes(&sum, lanes(src, r*a.rowStep+c*a.colStep))
		}
	}
	for l, v := range sum {
		dst[l] = v * a.scale
	}
}

func (a *poolArgs) maxBack(d *[Block]float32, dsrc unsafe.Pointer, x int64) {
	won := (*[Block]uint8)(unsafe.Add(a.index, x*Block))
	for r := range a.rows {
		for c := range a.cols {
			to := lanes(dsrc, r*a.rowStep+c*a.colStep)
			for l := range to {
				if won[l] == uint8(a.id+r*a.idRow+c) {
					to[l] += d[l]
				}
			}
		}
	}
}

func (a *poolArgs) avgBack(d *[Block]float32, dsrc unsafe.Pointer) {
	for r := range a.rows {
		for c := range a.cols {
			to := lanes(dsrc, r*a.rowStep+c*a.colStep)
			for l := range to {
				to[l] = fma(d[l], a.scale, to[l])
			}
		}
	}
}
