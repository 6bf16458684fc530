package slidetest

import (
	"encoding/binary"
	"math"
	"slices"
)

// Profile makes a small matrix profile, version 2: a gamma and the primaries' XYZ under D50.
type Profile struct {
	Name   string
	Gamma  float64
	Colour [3][3]float64 // red, green, blue
	Curve  []byte        // a curv or para tag instead of Gamma
	Table  bool          // claims a look-up table besides
}

// WideProfile has the primaries of Adobe RGB (1998).
func WideProfile() Profile {
	return Profile{Name: "wide", Gamma: 2.2, Colour: [3][3]float64{{0.60974, 0.31111, 0.01947}, {0.20528, 0.62567, 0.06087}, {0.14919, 0.06322, 0.74457}}}
}

// Bytes is the profile as it lies in a file.
func (p Profile) Bytes() []byte {
	type tag struct {
		name string
		data []byte
	}
	fixed := func(v float64) []byte { return binary.BigEndian.AppendUint32(nil, uint32(int32(math.Round(v*65536)))) }
	desc := binary.BigEndian.AppendUint32([]byte("desc\x00\x00\x00\x00"), uint32(len(p.Name)+1))
	desc = append(append(desc, p.Name...), make([]byte, 1+8+3+67)...)
	white := append([]byte("XYZ \x00\x00\x00\x00"), append(append(fixed(0.9642), fixed(1)...), fixed(0.8249)...)...)
	tags := []tag{{"desc", desc}, {"wtpt", white}, {"cprt", []byte("text\x00\x00\x00\x00none\x00")}}
	for i, c := range []string{"r", "g", "b"} {
		xyz := []byte("XYZ \x00\x00\x00\x00")
		for _, v := range p.Colour[i] {
			xyz = append(xyz, fixed(v)...)
		}
		curve := binary.BigEndian.AppendUint16([]byte("curv\x00\x00\x00\x00\x00\x00\x00\x01"), uint16(math.Round(p.Gamma*256)))
		if p.Curve != nil {
			curve = slices.Clone(p.Curve)
		}
		tags = append(tags, tag{c + "XYZ", xyz}, tag{c + "TRC", curve})
	}
	if p.Table {
		tags = append(tags, tag{"A2B0", []byte("mft1")})
	}
	out := make([]byte, 128, 1024)
	copy(out[8:], []byte{2, 0x20, 0, 0})
	copy(out[12:], "scnrRGB XYZ ")
	copy(out[36:], "acsp")
	copy(out[68:], append(append(fixed(0.9642), fixed(1)...), fixed(0.8249)...))
	out = binary.BigEndian.AppendUint32(out, uint32(len(tags)))
	at := len(out) + 12*len(tags)
	var body []byte
	for _, t := range tags {
		for len(t.data)%4 != 0 {
			t.data = append(t.data, 0)
		}
		out = append(out, t.name...)
		out = binary.BigEndian.AppendUint32(out, uint32(at+len(body)))
		out = binary.BigEndian.AppendUint32(out, uint32(len(t.data)))
		body = append(body, t.data...)
	}
	out = append(out, body...)
	binary.BigEndian.PutUint32(out, uint32(len(out)))
	return out
}
