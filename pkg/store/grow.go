package store

// growth is how much larger memory gets that turns out to be too small. Doubling would copy a whole piece on its way
// there, and touch as much memory again: on a virtual machine that costs more than the copying. What is reserved and not
// filled is not touched.
const growth = 16

// Grow makes room for more bytes behind those that are held: for most bytes altogether at the most.
func Grow(held []byte, most int64) []byte {
	grown := make([]byte, len(held), min(growth*int64(max(cap(held), 256)), most))
	copy(grown, held)
	return grown
}
