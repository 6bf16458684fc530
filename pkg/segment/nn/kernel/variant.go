package kernel

import (
	"fmt"
	"os"
	"sync/atomic"
)

// ISA names a set of kernels. All of them give the same bits.
type ISA int32

const (
	Generic ISA = iota
	AVX2
	AVX512
)

var isaNames = [...]string{"generic", "avx2", "avx512"}

func (v ISA) String() string { return isaNames[v] }

// ParseISA reads a name as SLIDEMILL_KERNEL has it.
func ParseISA(name string) (ISA, error) {
	for i, n := range isaNames {
		if n == name {
			return ISA(i), nil
		}
	}
	return Generic, fmt.Errorf("unknown kernel %q: want one of avx512, avx2, generic", name)
}

// active is the variant in use: a process-wide choice like the processor itself, made once at start.
// As the variants agree to the bit, changing it changes time and nothing else.
var active atomic.Int32

var choiceErr = chooseAtStart()

// chooseAtStart takes the best variant of this processor, or the one that SLIDEMILL_KERNEL names.
func chooseAtStart() error {
	active.Store(int32(best()))
	name := os.Getenv("SLIDEMILL_KERNEL")
	if name == "" {
		return nil
	}
	v, err := ParseISA(name)
	if err == nil {
		err = Use(v)
	}
	if err != nil {
		return fmt.Errorf("environment SLIDEMILL_KERNEL: %w", err)
	}
	return nil
}

// Variant is the set of kernels in use.
func Variant() ISA { return ISA(active.Load()) }

// Choice is the variant in use, with the error of an unusable SLIDEMILL_KERNEL, which leaves the best one.
func Choice() (ISA, error) { return Variant(), choiceErr }

// Use switches to a variant, for tests and benchmarks. It says so if the processor lacks it.
func Use(v ISA) error {
	if v < Generic || v > best() {
		return fmt.Errorf("kernel %s: this processor offers at most %s", v, best())
	}
	active.Store(int32(v))
	return nil
}

// Available lists the variants that this processor runs, slowest first.
func Available() []ISA {
	var all []ISA
	for v := Generic; v <= best(); v++ {
		all = append(all, v)
	}
	return all
}
