package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/explain"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/slide/region"
	"github.com/slidemill/slidemill/pkg/viewer"
)

// explainFlags is what `explain` can be told.
type explainFlags struct {
	place
	at, out, model, method string
	run                    runChoice
	mpp                    float64
	size                   int
	options                explain.Options
	asJSON, force          bool
}

func newExplain() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain SLIDE|IMAGE --at X,Y --out WHY.png",
		Short: "Show what drove the carcinoma score of a place",
		Long: `Explain draws the tissue around a place and, beside it, which parts raised (red) and which
lowered (blue) the model's carcinoma score in a window there. It writes WHY.png and
WHY.json, which names the parts with the largest effect in level-0 pixels.

Effect means: by how many log-odds the score would fall if the part had the picture's mean
colour. saliency adds up gradients (through Gorgonia's autodiff) on the way from that
colour to the picture: seconds. occlusion covers each part in turn and looks again: a
minute or more. Where they disagree, believe occlusion. The result is the same every time.

A file is read as it is. Any other SLIDE is one of --data or --store, read as its run saw it:
by the name of its file, its id, or the first 4 digits of that or more.

` + runHelp + `

Research use only. What moved the model need not be what a pathologist would go by.`,
		Example: `  slidemill explain slide.svs --at 41250,30800 --out why.png
  slidemill explain slide.svs --at 41250,30800 --method occlusion --patch 32 --out why.png
  slidemill explain 3f2a --at 41250,30800 --out why.png
  slidemill explain crop.png --mpp 1.3 --at 112,112 --size 128 --out why.png`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			x, y, err := parsePoint(f.at)
			if err != nil {
				return &usageError{err}
			}
			if f.out == "" && !f.asJSON {
				return &usageError{errors.New("--out (or --json) is needed")}
			}
			f.options.Method = explain.Method(f.method)
			return explainPlace(cmd, &f, args[0], x, y)
		},
	}
	f.place.flags(cmd)
	fl := cmd.Flags()
	runFlag(cmd, &f.run)
	fl.StringVar(&f.at, "at", "", "the place, level-0 pixels, as X,Y")
	fl.StringVar(&f.out, "out", "", "the picture to write; the numbers go beside it as .json")
	fl.IntVar(&f.size, "size", 224, "side of the window, pixels at the model's scale")
	fl.StringVar(&f.method, "method", string(explain.Saliency), "saliency or occlusion")
	fl.IntVar(&f.options.Steps, "steps", 0, "gradients that saliency adds up (default 8)")
	fl.IntVar(&f.options.Patch, "patch", 0, "side of a part, pixels at the model's scale (default 16, for occlusion 48)")
	fl.Float64Var(&f.mpp, "mpp", 0, "microns per pixel, where the file does not say")
	fl.StringVar(&f.model, "model", "", "model file (default: the built-in model)")
	fl.BoolVar(&f.asJSON, "json", false, "the numbers as JSON on stdout")
	forceFlag(cmd, &f.force)
	return cmd
}

// parsePoint reads X,Y.
func parsePoint(text string) (x, y float64, err error) {
	a, b, ok := strings.Cut(text, ",")
	if ok {
		x, err = strconv.ParseFloat(strings.TrimSpace(a), 64)
	}
	if ok && err == nil {
		y, err = strconv.ParseFloat(strings.TrimSpace(b), 64)
	}
	if !ok || err != nil || math.IsNaN(x+y) || math.IsInf(x+y, 0) {
		return 0, 0, fmt.Errorf("--at %q: want level-0 pixels like 41250,30800", text)
	}
	return x, y, nil
}

func explainPlace(cmd *cobra.Command, f *explainFlags, path string, x, y float64) error {
	m, err := openModel(f.model)
	if err != nil {
		return err
	}
	if f.out != "" {
		if err := vacant(f.force, f.out, stem(f.out)+".json"); err != nil {
			return err
		}
	}
	canvas, err := f.canvas(cmd, m, path, canvasAt{x: x, y: y, side: f.size, mpp: f.mpp})
	if err != nil {
		return err
	}
	meter, started := newMeter(cmd.ErrOrStderr()), time.Now()
	meter.begin(path)
	f.options.Progress = func(done, total int) { meter.set("explain", "passes", int64(done), int64(total)) }
	e, err := explain.Explain(cmd.Context(), m, *canvas, f.options)
	meter.finish()
	if err != nil {
		return err
	}
	if f.out != "" {
		if err := errors.Join(writeTo(f.out, e.WritePNG), writeTo(stem(f.out)+".json", e.WriteJSON)); err != nil {
			return err
		}
	}
	if f.asJSON {
		return e.WriteJSON(cmd.OutOrStdout())
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: mean log-odds of %s %+.2f (p %.3f) around %.0f, %.0f; %s in %.1f s → %s (research use only)\n",
		path, e.Class, e.LogOdds, e.Probability, x, y, e.Method, time.Since(started).Seconds(), f.out)
	return err
}

// canvas reads a place of a file, or of a slide in the store where there is no such file.
func (f *explainFlags) canvas(cmd *cobra.Command, m *segment.Model, name string, at canvasAt) (*explain.Canvas, error) {
	ctx := cmd.Context()
	if _, err := os.Stat(name); err == nil || slide.IsRemote(name) {
		return readCanvas(ctx, m, name, at)
	}
	bucket, err := f.visitStore(ctx)
	if err != nil {
		return nil, fmt.Errorf("no file %s, and %w", name, err)
	}
	id, err := intake.Ledger{Bucket: bucket}.FindSlide(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("no file %s, and %w", name, err)
	}
	run, err := finishedRun(ctx, bucket, id, &f.run)
	if err != nil {
		return nil, fmt.Errorf("explain %s: %w", name, err)
	}
	if run.why != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: run %v%s\n", name, run, run.why)
	}
	if err := sayUnlooked(ctx, cmd.ErrOrStderr(), bucket, name, &intake.Order{Slide: id, Run: run.RunID}); err != nil {
		return nil, fmt.Errorf("explain %s: %w", name, err)
	}
	q := viewer.Question{Slide: id, Run: run.RunID, X: int(at.x), Y: int(at.y)}
	return storedCanvas(ctx, bucket, m, storedPlace{q, at.side})
}

// canvasAt is a place on a slide: level-0 pixels, and the window's side at the model's scale.
type canvasAt struct {
	x, y float64
	side int
	mpp  float64
}

// readCanvas reads the surroundings of a place. Beyond a plain picture's edge lies its mirror image, as
// for `segment`; beyond a slide's, glass.
func readCanvas(ctx context.Context, m *segment.Model, path string, at canvasAt) (_ *explain.Canvas, err error) {
	s, err := openSlide(ctx, path, slide.Options{MPP: at.mpp})
	if err != nil {
		return nil, err
	}
	defer closing(&err, s.Close)
	r, err := region.New(s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if w, h := r.Size(); at.x < 0 || at.y < 0 || at.x >= float64(w) || at.y >= float64(h) {
		return nil, &usageError{fmt.Errorf("--at %.0f,%.0f: the slide has %d×%d pixels", at.x, at.y, w, h)}
	}
	step := m.Description.MPP / r.MPP()
	frame, window, err := explain.Frame(m, at.x/step, at.y/step, at.side)
	if err != nil {
		return nil, &usageError{err}
	}
	canvas := &explain.Canvas{Window: window, Place: explain.Place{X: float64(frame.Min.X) * step, Y: float64(frame.Min.Y) * step, Step: step}}
	if v := s.Info().Vendor; v == "png" || v == "jpeg" {
		canvas.Image, err = mirrored(ctx, r, frame, step)
		return canvas, err
	}
	rgb, err := r.Read(ctx, canvas.Place.X, canvas.Place.Y, step, frame.Dx(), frame.Dy())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	canvas.Image = image.NewRGBA(image.Rect(0, 0, frame.Dx(), frame.Dy()))
	for i := range frame.Dx() * frame.Dy() {
		setPixel(canvas.Image, i, rgb[3*i:])
	}
	return canvas, nil
}

// mirrored is a rectangle of model pixels of a picture that goes on beyond its edges as in a mirror.
func mirrored(ctx context.Context, r *region.Reader, frame image.Rectangle, step float64) (*image.RGBA, error) {
	sw, sh := r.Size()
	w, h := max(1, int(math.Round(float64(sw)/step))), max(1, int(math.Round(float64(sh)/step)))
	rgb, err := r.Read(ctx, 0, 0, step, w, h)
	if err != nil {
		return nil, err
	}
	img := image.NewRGBA(image.Rect(0, 0, frame.Dx(), frame.Dy()))
	for i := range frame.Dx() * frame.Dy() {
		x, y := reflected(frame.Min.X+i%frame.Dx(), w), reflected(frame.Min.Y+i/frame.Dx(), h)
		setPixel(img, i, rgb[3*(y*w+x):])
	}
	return img, nil
}

// reflected maps a coordinate into 0..n−1, the edge pixel being doubled.
func reflected(i, n int) int {
	i = ((i % (2 * n)) + 2*n) % (2 * n)
	return min(i, 2*n-1-i)
}

// setPixel sets the i-th pixel of a picture, row by row.
func setPixel(img *image.RGBA, i int, rgb []uint8) {
	copy(img.Pix[4*i:4*i+3], rgb)
	img.Pix[4*i+3] = 255
}
