package segment

import (
	"bytes"
	"errors"
	"image"
	"testing"

	"github.com/google/go-cmp/cmp"

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
// as written may pass. The bits that end flate's last byte carry nothing and may differ.
func TestRegionDamage(t *testing.T) {
	m := testRegion()
	data, err := EncodeRegion(m)
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		for bit := range 8 {
			harmed := bytes.Clone(data)
			harmed[i] ^= 1 << bit
			got, err := DecodeRegion(harmed, m.Run, m.Region, m.Size)
			if err == nil && !cmp.Equal(got, m) {
				t.Errorf("byte %d, bit %d: a damaged region passed", i, bit)
			}
			if err != nil && !errors.Is(err, ErrRegionDamaged) {
				t.Errorf("byte %d, bit %d: error %v does not say that the region is damaged", i, bit, err)
			}
		}
		if _, err := DecodeRegion(data[:i], m.Run, m.Region, m.Size); i < len(data)-6 && err == nil {
			t.Errorf("the first %d of %d bytes passed", i, len(data))
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
	got := &RegionMap{Run: want.Run, Region: want.Region, Size: want.Size}
	if err := got.DecodeCarcinoma(data); err != nil || !bytes.Equal(got.Planes[PlaneCarcinoma], want.Planes[PlaneCarcinoma]) {
		t.Errorf("got %v, %v", got.Planes[PlaneCarcinoma], err)
	}
	got.Region.Col++
	if err := got.DecodeCarcinoma(data); !errors.Is(err, ErrRegionDamaged) {
		t.Errorf("another region: %v", err)
	}
	got.Region.Col--
	if err := got.DecodeCarcinoma(data[:len(data)/2]); !errors.Is(err, ErrRegionDamaged) {
		t.Errorf("half a file: %v", err)
	}
}

func FuzzDecodeRegion(f *testing.F) {
	m := testRegion()
	data, err := EncodeRegion(m)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := DecodeRegion(data, m.Run, m.Region, m.Size)
		if err == nil && !cmp.Equal(got.Size, m.Size) {
			t.Fatal("a region of another size passed")
		}
	})
}
