//go:build !amd64

package fingerprint

// fast is what tests ask for.
var fast = false

// scratch is nothing where there is no assembly.
type scratch struct{}

func (m *Meter) finestFast([]uint8, int, *Sums) (done bool) { return false }

func (m *Meter) halveFast(int, int, *Sums) (done bool) { return false }
