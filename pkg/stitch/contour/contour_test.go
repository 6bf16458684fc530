package contour

import (
	"errors"
	"image"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// world is a tiny mask: '#' is foreground.
func world(rows ...string) (width int, values []uint8) {
	for _, r := range rows {
		for _, c := range r {
			v := uint8(0)
			if c == '#' {
				v = 200
			}
			values = append(values, v)
		}
	}
	return len(rows[0]), values
}

func trace(t fataler, width int, values []uint8, limit int64) ([]Component, error) {
	var out []Component
	tracer, err := New(Config{Width: width, Cut: 128, Limit: limit, Emit: func(c Component) error {
		out = append(out, c)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	for y := 0; y < len(values)/width; y++ {
		if err := tracer.Row(values[y*width : (y+1)*width]); err != nil {
			return nil, err
		}
	}
	err = tracer.Close()
	if err == nil && (tracer.chains.used != 0 || tracer.held != 0) {
		t.Fatalf("%d nodes and %d bytes left over", tracer.chains.used, tracer.held)
	}
	return out, err
}

type fataler interface {
	Fatal(...any)
	Fatalf(string, ...any)
}

func vertices(r Ring) []image.Point { return slices.Collect(r.Points()) }

// TestShapes names the situations in which outlines go wrong.
func TestShapes(t *testing.T) {
	for name, c := range map[string]struct {
		rows              []string
		components, holes int
	}{
		"nothing":               {[]string{"....", "...."}, 0, 0},
		"everything":            {[]string{"####", "####"}, 1, 0},
		"one pixel":             {[]string{"...", ".#.", "..."}, 1, 0},
		"corner contact":        {[]string{"#.", ".#"}, 2, 0},
		"other corner contact":  {[]string{".#", "#."}, 2, 0},
		"hole":                  {[]string{"###", "#.#", "###"}, 1, 1},
		"hole open at a corner": {[]string{"###.", "#.#.", "##.#", "####"}, 1, 2},
		"ring that pinches out": {[]string{"###", "#.#", "##."}, 1, 1},
		"two holes at a corner": {[]string{"####", "#.##", "##.#", "####"}, 1, 2},
		"four holes in a cross": {[]string{"#####", "#.#.#", "##.##", "#.#.#", "#####"}, 1, 5},
		"island in a hole":      {[]string{"#####", "#...#", "#.#.#", "#...#", "#####"}, 2, 1},
		"island at a corner":    {[]string{"#####", "#####", "##..#", "##.##", "#####"}, 1, 1},
		"comb joined late":      {[]string{"#.#.#", "#.#.#", "#####"}, 1, 0},
		"comb joined early":     {[]string{"#####", "#.#.#", "#.#.#"}, 1, 0},
		"spiral": {[]string{
			"#######", "......#", "#####.#", "#...#.#", "#.###.#", "#.....#", "#######"}, 1, 0},
		"checkerboard": {[]string{"#.#.", ".#.#", "#.#.", ".#.#"}, 8, 0},
	} {
		t.Run(name, func(t *testing.T) {
			width, values := world(c.rows...)
			got, err := trace(t, width, values, 0)
			if err != nil {
				t.Fatal(err)
			}
			holes := 0
			for _, p := range got {
				holes += len(p.Holes)
			}
			if len(got) != c.components || holes != c.holes {
				t.Errorf("%d components with %d holes, want %d with %d", len(got), holes, c.components, c.holes)
			}
			if err := check(got, width, values); err != "" {
				t.Error(err)
			}
		})
	}
}

// TestRandomMasks compares the sweep with a flood fill over random masks of every density.
func TestRandomMasks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 24).Draw(t, "width")
		height := rapid.IntRange(1, 24).Draw(t, "height")
		share := rapid.Float64Range(0, 1).Draw(t, "share")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		values := make([]uint8, width*height)
		for i := range values {
			values[i] = uint8(rng.IntN(128))
			if rng.Float64() < share {
				values[i] += 128
			}
		}
		got, err := trace(t, width, values, 0)
		if err != nil {
			t.Fatal(err)
		}
		if problem := check(got, width, values); problem != "" {
			t.Fatal(problem)
		}
	})
}

// TestLongest compares the calipers with all pairs of vertices.
func TestLongest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 30).Draw(t, "width")
		values := rapid.SliceOfN(rapid.SampledFrom([]uint8{0, 200, 200}), width, width*20).Draw(t, "values")
		values = values[:len(values)/width*width]
		got, err := trace(t, width, values, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range got {
			var want float64
			for p := range c.Shell.Points() {
				for q := range c.Shell.Points() {
					want = max(want, math.Hypot(float64(p.X-q.X), float64(p.Y-q.Y)))
				}
			}
			if got := c.Shell.Longest(); math.Abs(got-want) > 1e-9 {
				t.Fatalf("longest %g, want %g, of %v", got, want, vertices(c.Shell))
			}
		}
	})
}

// TestLimit: a mask beyond the limit is refused instead of filling the memory.
func TestLimit(t *testing.T) {
	const width = 512
	values := make([]uint8, width*64)
	for i := range values {
		if x, y := i%width, i/width; x%2 == 0 || y == 63 { // a comb of 256 teeth, closed at the end
			values[i] = 255
		}
	}
	if _, err := trace(t, width, values, 1<<12); !errors.Is(err, ErrTooComplex) {
		t.Errorf("got %v", err)
	}
	if _, err := trace(t, width, values, 1<<16); err != nil {
		t.Error(err)
	}
}

// TestLabelsAreUsedAgain: the bookkeeping stays as small as a row, however many components pass.
func TestLabelsAreUsedAgain(t *testing.T) {
	const width, height = 64, 2000
	tracer, err := New(Config{Width: width, Cut: 1, Emit: func(Component) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	row := make([]uint8, width)
	for range height {
		for x := range row {
			row[x] = uint8(rng.IntN(2))
		}
		if err := tracer.Row(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := tracer.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(tracer.labels.parts); n > 3*width {
		t.Errorf("%d labels for rows of %d pixels", n, width)
	}
	if n := len(tracer.chains.list); n > 4*width {
		t.Errorf("%d chains for rows of %d pixels", n, width)
	}
}

func TestRefusals(t *testing.T) {
	emit := func(Component) error { return nil }
	for name, c := range map[string]Config{
		"no width": {Cut: 1, Emit: emit},
		"no cut":   {Width: 1, Emit: emit},
		"no emit":  {Width: 1, Cut: 1},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	tracer, err := New(Config{Width: 4, Cut: 1, Emit: emit})
	if err != nil {
		t.Fatal(err)
	}
	if err := tracer.Row(make([]uint8, 3)); err == nil {
		t.Error("a short row was accepted")
	}
	stop := errors.New("stop")
	tracer, _ = New(Config{Width: 1, Cut: 1, Emit: func(Component) error { return stop }})
	if err := errors.Join(tracer.Row([]uint8{1}), tracer.Close()); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

// BenchmarkTrace measures the sweep over a mask of blobs, per megapixel.
func BenchmarkTrace(b *testing.B) {
	const side = 1000
	values := make([]uint8, side*side)
	for i := range values {
		x, y := float64(i%side), float64(i/side)
		values[i] = uint8(127 + 60*math.Sin(x/17) + 60*math.Sin(y/13+x/40))
	}
	b.SetBytes(side * side)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := trace(b, side, values, 0); err != nil {
			b.Fatal(err)
		}
	}
}
