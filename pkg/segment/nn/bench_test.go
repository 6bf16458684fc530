package nn

import (
	"fmt"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment/net"
)

func benchUNet(base int) *net.Net {
	return net.UNet(net.UNetConfig{Name: "u-net", Classes: 3, Base: base, Depth: 4, Seed: 1})
}

// BenchmarkTrainingStep takes a training step and a forward pass of the same batch in turn, and
// reports the ratio of their times.
func BenchmarkTrainingStep(b *testing.B) {
	const batch, side = 8, 224
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			cfg := TrainerConfig{Net: benchUNet(16), Batch: batch, H: side, W: side, Threads: threads, DiceWeight: 1, ClipNorm: 1}
			tr, err := NewTrainer(cfg)
			if err != nil {
				b.Fatal(err)
			}
			defer tr.Close()
			forward, err := mustEngine(b, cfg.Net, threads).Compile(pyramid.Size{W: side, H: side}, batch)
			if err != nil {
				b.Fatal(err)
			}
			s, out := newSample(cfg, 3, 1), make([]float32, forward.outFloats())
			var step, pass time.Duration
			b.ReportAllocs()
			for b.Loop() {
				start := time.Now()
				if err := forward.Run(b.Context(), s.x, out); err != nil {
					b.Fatal(err)
				}
				middle := time.Now()
				if _, err := tr.Step(b.Context(), s.x, s.target, s.weight, 1e-4); err != nil {
					b.Fatal(err)
				}
				pass, step = pass+middle.Sub(start), step+time.Since(middle)
			}
			b.ReportMetric(step.Seconds()/float64(b.N*batch), "s/image")
			b.ReportMetric(step.Seconds()/pass.Seconds(), "step/forward")
			b.ReportMetric(float64(tr.ArenaBytes())/(1<<20), "MiB-arena")
		})
	}
}

// BenchmarkMegapixel is a forward pass at 512×512.
func BenchmarkMegapixel(b *testing.B) {
	const side = 512
	for _, base := range []int{16, 32} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("base=%d/threads=%d", base, threads), func(b *testing.B) {
				n := mustNetwork(b, mustEngine(b, benchUNet(base), threads), side, side)
				x, out := noise(3*side*side), make([]float32, n.outFloats())
				b.ReportAllocs()
				for b.Loop() {
					if err := n.Run(b.Context(), x, out); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/(side*side/1e6), "s/megapixel")
			})
		}
	}
}
