package fingerprint

import "math"

// names are the features of a patch in their order, as files spell them.
var names = []string{
	"haematoxylin", "haematoxylin_spread", "eosin", "eosin_spread", "residual", "residual_spread", "brightness", "contrast",
	"haematoxylin_skew", "brightness_skew",
	"haematoxylin_with_eosin", "haematoxylin_with_residual", "eosin_with_residual",
	"nuclei_1", "nuclei_2", "nuclei_4", "nuclei_8", "nuclei_16",
	"sharpness", "texture_2", "texture_4", "texture_8", "texture_16",
	"coherence_2", "coherence_4",
}

// Names are the features in their order.
func Names() []string { return append([]string(nil), names...) }

// least is the number of pixels of tissue below which a patch says nothing.
const least = Block * Block

// scale turns the channels' units into optical density and brightness of 0 to 1.
var scale = [channels]float64{1024, 1024, 1024, 4080}

// Features computes the features of a patch from the sum of its blocks; ok is false where there is too
// little tissue. It uses only operations that IEEE 754 rounds in one way, and the explicit conversions
// keep compilers from fusing two of them, so every processor computes the same features.
func (s *Sums) Features() (f []float64, ok bool) {
	if s.Tissue < least {
		return nil, false
	}
	var mean, sd [channels]float64
	f = make([]float64, 0, len(names))
	for c := range channels {
		mean[c], sd[c] = s.spread(c)
		f = append(f, mean[c]/scale[c], sd[c]/scale[c])
	}
	for p, c := range closer {
		f = append(f, s.skew(p, mean[c], sd[c]))
	}
	for i, p := range [3][2]int{{stainH, stainE}, {stainH, stainR}, {stainE, stainR}} {
		together := float64(s.cross[i])/float64(s.Tissue) - float64(mean[p[0]]*mean[p[1]])
		f = append(f, together/float64(sd[p[0]]*sd[p[1]]))
	}
	for p := range s.detail {
		shares := s.octaves(p)
		f = append(f, shares[:]...)
	}
	for i, c := range s.coherence {
		f = append(f, float64(c)/1024/float64(max(s.windows[i], 1)))
	}
	return f, true
}

// spread is mean and standard deviation of a channel on tissue, the latter at least one unit.
func (s *Sums) spread(c int) (mean, sd float64) {
	n := float64(s.Tissue)
	mean = float64(s.first[c]) / n
	return mean, math.Sqrt(max(float64(s.square[c])/n-float64(mean*mean), 1))
}

// skew is the skewness of a channel that is looked at more closely, pressed into −1 to 1 so that few pixels cannot dominate.
func (s *Sums) skew(p int, mean, sd float64) float64 {
	n, c := float64(s.Tissue), closer[p]
	squares := float64(3*mean) * (float64(s.square[c]) / n)
	third := float64(s.cube[p])/n - float64(squares) + float64(2*float64(mean*float64(mean*mean)))
	v := third / float64(sd*float64(sd*sd))
	return v / (1 + math.Abs(v))
}

// octaves are the shares that the finer of two neighbouring octaves has in their energy. Shares do not
// depend on the contrast, which is a feature of its own.
func (s *Sums) octaves(plane int) (shares [levels - 1]float64) {
	var energy [levels]float64
	for k := range energy {
		energy[k] = (float64(s.detail[plane][k]) + 1) / float64(max(s.count[k], 1)) / float64(uint64(1)<<(4*k))
	}
	for k := range shares {
		shares[k] = energy[k] / (energy[k] + energy[k+1])
	}
	return shares
}
