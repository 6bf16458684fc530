package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/plain"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/stitch"
)

// segmentFlags is what `segment` can be told.
type segmentFlags struct {
	model, engine, out string
	mpp                float64
	threads            int
	json, tta          bool
}

// ttaFlag offers the test-time ensemble.
func ttaFlag(cmd *cobra.Command, tta *bool) {
	cmd.Flags().BoolVar(tta, "tta", false, "average the eight turns and mirror images: a little better, eight times the work")
}

// open makes the segmenter; its network is made for the first picture.
func (f *segmentFlags) open() (*plain.Segmenter, driver, error) {
	m, err := openModel(f.model)
	if err != nil {
		return nil, driver{}, err
	}
	d, err := openFor(f.engine, f.threads, m)
	if err != nil {
		return nil, d, err
	}
	e, err := d.engine(m)
	seg := plain.New(m, e)
	seg.TTA = f.tta
	return seg, d, err
}

func newSegment() *cobra.Command {
	var f segmentFlags
	cmd := &cobra.Command{
		Use:   "segment IMAGE… --mpp X --out DIR",
		Short: "Carcinoma probability of plain images (PNG, JPEG, TIFF)",
		Long: `Segment writes DIR/<name>.carcinoma.png for each image: 8-bit grey, probability of
carcinoma × 255, the same size as the image. What lies beyond the image's edge is
taken to be its mirror image. Images that look like nothing in the model's training are
named: the share is that of their tissue, in patches of 192 pixels at the model's scale.`,
		Example: "  slidemill segment --mpp 1.3 --out probabilities crops/*.png",
		Args:    usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !(f.mpp > 0) || f.out == "" {
				return &usageError{errors.New("--mpp, above 0, and --out are needed")}
			}
			if err := distinct(args); err != nil {
				return &usageError{err}
			}
			return segmentImages(cmd, &f, args)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.model, "model", "", "model file (default: the built-in model)")
	engineFlag(cmd, &f.engine)
	threadsFlag(cmd, &f.threads)
	fl.StringVar(&f.out, "out", "", "folder for the probability images")
	fl.Float64Var(&f.mpp, "mpp", 0, "microns per pixel of the images")
	fl.BoolVar(&f.json, "json", false, "one summary line of JSON per image")
	ttaFlag(cmd, &f.tta)
	return cmd
}

// outName is the name of an image's probability image.
func outName(path string) string {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)) + ".carcinoma.png"
}

// distinct refuses images whose results would overwrite each other.
func distinct(paths []string) error {
	seen := map[string]string{}
	for _, path := range paths {
		name := outName(path)
		if other, ok := seen[name]; ok {
			return fmt.Errorf("%s and %s would both write %s: segment them into different folders", other, path, name)
		}
		seen[name] = path
	}
	return nil
}

// segmentImages goes on after a bad image and fails at the end.
func segmentImages(cmd *cobra.Command, f *segmentFlags, paths []string) (err error) {
	seg, driver, err := f.open()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.out, 0o755); err != nil {
		return fmt.Errorf("output folder: %w", err)
	}
	defer closing(&err, seg.Close)
	failed := 0
	for _, path := range paths {
		summary, err := segmentImage(cmd.Context(), seg, path, f)
		if cmd.Context().Err() != nil {
			return cmd.Context().Err()
		}
		if err != nil {
			failed++
			fmt.Fprintf(cmd.ErrOrStderr(), "slidemill: %s: %s\n", path, cmp.Or(absence(path, err), err.Error()))
			continue
		}
		summary.Engine = segment.EngineTitle(driver.name)
		if err := summary.print(cmd, f.json); err != nil {
			return err
		}
	}
	if failed > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "slidemill: %d of %s failed\n", failed, count(len(paths), "image"))
		return errSlidesFailed
	}
	return nil
}

// imageSummary is what segment --json prints for each image.
type imageSummary struct {
	File      string             `json:"file"`
	Out       string             `json:"out"`
	Width     int                `json:"width"`
	Height    int                `json:"height"`
	MPP       float64            `json:"mpp"`
	Model     segment.ModelRef   `json:"model"`
	Engine    string             `json:"engine"`
	TTA       bool               `json:"tta,omitempty"`
	Threshold float64            `json:"threshold"`
	Fraction  float64            `json:"carcinoma_fraction"` // of the image's pixels
	Mean      float64            `json:"mean_probability"`
	Max       float64            `json:"max_probability"`
	Classes   map[string]float64 `json:"classes"`               // mean probability
	Unlike    *float64           `json:"unlike_training_share"` // of the tissue; null where the model does not know
	Seconds   float64            `json:"seconds"`
	PerMM2    float64            `json:"seconds_per_mm2"`
	Use       string             `json:"use"`
}

func (s *imageSummary) print(cmd *cobra.Command, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(s)
	}
	doubt := ""
	if s.Unlike != nil && *s.Unlike > 0 {
		doubt = fmt.Sprintf("; %.0f %% of its tissue uncertain, %s", 100**s.Unlike, stitch.Unlike)
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: carcinoma on %.1f %% of the image, highest probability %.2f%s; %.2f s per mm² → %s (research use only)\n",
		s.File, 100*s.Fraction, s.Max, doubt, s.PerMM2, s.Out)
	return err
}

func segmentImage(ctx context.Context, seg *plain.Segmenter, path string, f *segmentFlags) (*imageSummary, error) {
	started := time.Now()
	img, err := slide.ReadImage(ctx, path)
	if err != nil {
		return nil, err
	}
	planes, err := seg.Segment(ctx, img, f.mpp)
	if err != nil {
		return nil, err
	}
	s := &imageSummary{
		File: filepath.Base(path), Out: filepath.Join(f.out, outName(path)), Width: img.Rect.Dx(), Height: img.Rect.Dy(),
		MPP: f.mpp, Model: seg.Model.Ref, Threshold: seg.Model.DefaultThreshold(), Classes: map[string]float64{},
		TTA: f.tta, Use: "research use only",
	}
	s.summarise(seg.Model, planes)
	if share, ok := seg.Unlike(img, f.mpp); ok {
		s.Unlike = &share
	}
	s.Seconds = time.Since(started).Seconds()
	s.PerMM2 = s.Seconds / (float64(s.Width) * float64(s.Height) * s.MPP * s.MPP / 1e6)
	return s, writeGrey(s.Out, planes[seg.Model.Description.Carcinoma], s.Width, s.Height)
}

func (s *imageSummary) summarise(m *segment.Model, planes [][]uint8) {
	for i, plane := range planes {
		sum, above, top := 0, 0, uint8(0)
		for _, p := range plane {
			sum += int(p)
			top = max(top, p)
			if float64(p) >= s.Threshold*255 {
				above++
			}
		}
		mean := float64(sum) / 255 / float64(len(plane))
		s.Classes[m.Description.Classes[i]] = mean
		if i == m.Description.Carcinoma {
			s.Mean, s.Max, s.Fraction = mean, float64(top)/255, float64(above)/float64(len(plane))
		}
	}
}

// writeGrey writes an 8-bit grey PNG.
func writeGrey(path string, pix []uint8, w, h int) error {
	img := &image.Gray{Pix: pix, Stride: w, Rect: image.Rect(0, 0, w, h)}
	return writeTo(path, func(to io.Writer) error { return png.Encode(to, img) })
}
