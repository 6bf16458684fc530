package segment

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"image"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/flate"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

func testRegion() *RegionMap {
	m := &RegionMap{Run: pyramid.RunID{7}, Region: pyramid.Region{Col: 2, Row: 1}, Size: pyramid.Size{W: 5, H: 3}}
	for i := range m.Planes {
		m.Planes[i] = make([]uint8, 15)
		for k := range m.Planes[i] {
			m.Planes[i][k] = uint8(17*i + 3*k)
		}
	}
	return m
}

func TestRegionRoundTrip(t *testing.T) {
	want := testRegion()
	data, err := EncodeRegion(want)
	if err != nil {
		t.Fatal(err)
	}
	again, err := EncodeRegion(want)
	if err != nil || !bytes.Equal(data, again) {
		t.Errorf("the same region gives other bytes (%v)", err)
	}
	got, err := DecodeRegion(data, want.Run, want.Region, want.Size)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestFillAgain: a map whose memory holds another region, and planes that held another's, give what fresh ones give.
func TestFillAgain(t *testing.T) {
	plan, model := testPlan(t), &Model{Description: Description{Classes: []string{"a", "b", "c"}, Carcinoma: 1, HighGrade: 2}}
	tissue, err := plan.TissueMap()
	if err != nil {
		t.Fatal(err)
	}
	var used RegionMap
	var planes [][]uint8
	on := 0
	for _, high := range []int{2, -1, 2} {
		model.Description.HighGrade = high
		for _, r := range plan.Regions {
			side := plan.Canvas(r).Size().Sub(image.Pt(2*plan.Field.Halo, 2*plan.Field.Halo))
			planes = RegionPlanesOf(&model.Description, pyramid.Size{W: side.X, H: side.Y}, planes)
			for k := range planes {
				for i := range planes[k] {
					planes[k][i] = uint8(1 + (i*7+k*r.Col)%255)
				}
			}
			var fresh RegionMap
			fresh.Fill(plan, r, tissue, model, planes)
			used.Fill(plan, r, tissue, model, planes)
			if d := cmp.Diff(fresh, used); d != "" {
				t.Fatalf("region %v: %s", r, d)
			}
			for i := range used.Unlike {
				used.Unlike[i] = 200 // as Judge may leave it
			}
			on += len(used.Planes[PlaneCarcinoma]) - bytes.Count(used.Planes[PlaneCarcinoma], []byte{0})
		}
	}
	if on == 0 {
		t.Error("no region holds tissue: that proves little")
	}
}

// TestRegionDamage flips every bit of a file in turn and cuts it at every length: nothing but the file
// as written may pass. The bits that end flate's last byte, in version 2, carry nothing and may differ.
func TestRegionDamage(t *testing.T) {
	m := testRegion()
	data, err := EncodeRegion(m)
	if err != nil {
		t.Fatal(err)
	}
	earlier := encodeEarlier(t, m)
	for _, c := range []struct {
		name string
		data []byte
		end  int // bytes at the end that may be missing
	}{{"version 3", data, 0}, {"version 2", earlier, 6}} {
		for i := range c.data {
			for bit := range 8 {
				harmed := bytes.Clone(c.data)
				harmed[i] ^= 1 << bit
				got, err := DecodeRegion(harmed, m.Run, m.Region, m.Size)
				if err == nil && (c.end == 0 || !cmp.Equal(got, m)) {
					t.Errorf("%s, byte %d, bit %d: a damaged region passed", c.name, i, bit)
				}
				if err != nil && !errors.Is(err, ErrRegionDamaged) {
					t.Errorf("%s, byte %d, bit %d: error %v does not say that the region is damaged", c.name, i, bit, err)
				}
			}
			if _, err := DecodeRegion(c.data[:i], m.Run, m.Region, m.Size); i < len(c.data)-c.end && err == nil {
				t.Errorf("%s: the first %d of %d bytes passed", c.name, i, len(c.data))
			}
		}
	}
	for name, err := range map[string]error{
		"run":   second(DecodeRegion(data, pyramid.RunID{8}, m.Region, m.Size)),
		"place": second(DecodeRegion(data, m.Run, pyramid.Region{Col: 1, Row: 1}, m.Size)),
		"size":  second(DecodeRegion(data, m.Run, m.Region, pyramid.Size{W: 3, H: 5})),
	} {
		if !errors.Is(err, ErrRegionDamaged) {
			t.Errorf("a region of another %s: %v", name, err)
		}
	}
}

func second(_ *RegionMap, err error) error { return err }

// encodeEarlier writes version 2, as the program did before version 3.
func encodeEarlier(t *testing.T, m *RegionMap) []byte {
	t.Helper()
	var buf bytes.Buffer
	header := regionHead(earlierMagic, m)
	sum := sha256.New()
	sum.Write(header)
	for _, plane := range m.raw() {
		sum.Write(plane)
	}
	buf.Write(sum.Sum(header))
	w, err := flate.NewWriter(&buf, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	for _, plane := range m.raw() {
		if _, err := w.Write(plane); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestEarlierVersion: the region files of finished runs are still read, whole or the first plane alone.
func TestEarlierVersion(t *testing.T) {
	want := testRegion()
	data := encodeEarlier(t, want)
	for _, proved := range []bool{false, true} {
		got := &RegionMap{Run: want.Run, Region: want.Region, Size: want.Size}
		if err := got.Decode(data, proved); err != nil || !cmp.Equal(got, want) {
			t.Errorf("%v: %s", err, cmp.Diff(want, got))
		}
		got.Planes[PlaneCarcinoma][3]++
		if err := got.DecodeCarcinoma(data, proved); err != nil || !bytes.Equal(got.Planes[PlaneCarcinoma], want.Planes[PlaneCarcinoma]) {
			t.Errorf("got %v, %v", got.Planes[PlaneCarcinoma], err)
		}
	}
}

// TestRegionOfAnotherLength: a file whose sum is right but whose parts are longer or shorter than the region, or end
// early, is refused, and nothing is written beyond the region's memory.
func TestRegionOfAnotherLength(t *testing.T) {
	m := testRegion()
	for _, size := range []pyramid.Size{{W: 5, H: 2}, {W: 5, H: 4}, {W: 500, H: 400}} {
		other := &RegionMap{Run: m.Run, Region: m.Region, Size: size}
		other.resize()
		data, err := EncodeRegion(other)
		if err != nil {
			t.Fatal(err)
		}
		copy(data, regionHead(regionMagic, m))
		copy(data[regionHeader:], regionSum(data))
		if _, err := DecodeRegion(data, m.Run, m.Region, m.Size); !errors.Is(err, ErrRegionDamaged) {
			t.Errorf("pixels of %v: %v", size, err)
		}
	}
	data, err := EncodeRegion(m)
	if err != nil {
		t.Fatal(err)
	}
	for end := regionHeader + sha256.Size; end < len(data); end++ {
		cut := bytes.Clone(data[:end])
		copy(cut[regionHeader:], regionSum(cut))
		if _, err := DecodeRegion(cut, m.Run, m.Region, m.Size); !errors.Is(err, ErrRegionDamaged) {
			t.Errorf("the first %d bytes with their sum: %v", end, err)
		}
	}
}

// TestRegionBytes: the bytes of a file do not depend on the machine or on what the compressor did before, as regions
// that come twice, from any two machines, are one object.
func TestRegionBytes(t *testing.T) {
	const want = "3dcb141e1f422987"
	for range 2 {
		data, err := EncodeRegion(likely())
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:8]) != want {
			t.Errorf("%d bytes with sum %x…, want %s…: only another release of the compression library may change this", len(data), sum[:8], want)
		}
		if _, err := EncodeRegion(testRegion()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDecodeAgain: a map's memory serves files of other sizes, and nothing of the one before shows.
func TestDecodeAgain(t *testing.T) {
	used := new(RegionMap)
	for i, size := range []pyramid.Size{{W: 40, H: 20}, {W: 5, H: 3}, {W: 17, H: 33}, {W: 40, H: 20}} {
		want := &RegionMap{Run: pyramid.RunID{7}, Region: pyramid.Region{Col: i}, Size: size}
		for plane := range want.Planes {
			want.Planes[plane] = bytes.Repeat([]byte{byte(9*i + plane)}, int(size.Pixels()))
		}
		data, err := EncodeRegion(want)
		if err != nil {
			t.Fatal(err)
		}
		for _, proved := range []bool{false, true} {
			used.Run, used.Region, used.Size = want.Run, want.Region, size
			if err := used.Decode(data, proved); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, used); d != "" {
				t.Errorf("%v: %s", size, d)
			}
		}
		if err := used.Decode(data[:len(data)-7], true); !errors.Is(err, ErrRegionDamaged) {
			t.Errorf("cut short: %v", err)
		}
	}
}

// TestDecodeCarcinoma: the first plane alone is that of the whole, and what does not belong is refused.
func TestDecodeCarcinoma(t *testing.T) {
	want := testRegion()
	data, err := EncodeRegion(want)
	if err != nil {
		t.Fatal(err)
	}
	for _, proved := range []bool{false, true} {
		got := &RegionMap{Run: want.Run, Region: want.Region, Size: want.Size}
		if err := got.DecodeCarcinoma(data, proved); err != nil || !bytes.Equal(got.Planes[PlaneCarcinoma], want.Planes[PlaneCarcinoma]) {
			t.Errorf("got %v, %v", got.Planes[PlaneCarcinoma], err)
		}
		got.Region.Col++
		if err := got.DecodeCarcinoma(data, proved); !errors.Is(err, ErrRegionDamaged) {
			t.Errorf("another region: %v", err)
		}
		got.Region.Col--
		if err := got.DecodeCarcinoma(data[:regionHeader+sha256.Size+9], proved); !errors.Is(err, ErrRegionDamaged) {
			t.Errorf("a part of a file: %v", err)
		}
	}
}

func FuzzDecodeRegion(f *testing.F) {
	m := testRegion()
	data, err := EncodeRegion(m)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	binary.BigEndian.PutUint32(data[regionHeader+sha256.Size:], 1<<31)
	f.Add(data)
	copy(data, regionHead(earlierMagic, m))
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := DecodeRegion(data, m.Run, m.Region, m.Size)
		if err == nil && !cmp.Equal(got.Size, m.Size) {
			t.Fatal("a region of another size passed")
		}
	})
}
