package judge

import (
	"context"
	"errors"
	"fmt"
	"image"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/evaluate"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/plain"
	"github.com/slidemill/slidemill/pkg/segment/train"
)

// Judge is one model at work on labelled data. Model and Engine are required; the zero value of the
// rest is what the model says of itself.
type Judge struct {
	Model     *segment.Model
	Engine    segment.Engine // computes calibrated probabilities
	Threshold float64        // 0 means the model's
	View      View           // which classes are told apart
	Ensemble  bool           // average over the eight turns and mirror images
	Workers   int            // images at once; 0 means one per processor
	// Change, when set, alters a copy of each image first: the test of robustness.
	Change func(rgb []uint8)
	// Columns are further properties of an image, for the breakdown. It may be nil.
	Columns func(image, patient string) map[string]string
	// Progress is told how many images are done, never concurrently with itself. It may be nil.
	Progress func(done, total int)
}

// Verdict is what a model made of labelled data.
type Verdict struct {
	Summaries []*evaluate.Summary
	LeftOut   int     // images whose truth the model has no class for
	MM2       float64 // area that was judged
	// Detected is where carcinoma was called on slides, for FROC; none for plain images.
	Detected []evaluate.DetectedSlide
}

// negatives are the groups on which every carcinoma pixel is false.
func negatives() []string { return []string{"normal", "polyp", NegativeGroup} }

// NegativeGroup is the group of slides without carcinoma, PositiveGroup of those with it.
const (
	NegativeGroup = "negative"
	PositiveGroup = "carcinoma"
)

// Scheme is how the model's classes are judged.
func (j *Judge) Scheme() evaluate.Scheme {
	d := j.View.meaning(&j.Model.Description)
	s := evaluate.Scheme{
		Classes: d.Classes, Carcinoma: d.Carcinoma, HighGrade: d.HighGrade,
		Threshold: j.Threshold, Negatives: negatives(),
	}
	if s.Threshold == 0 {
		s.Threshold = j.Model.DefaultThreshold()
	}
	return s
}

// Images judges plain images at a scale in microns per pixel. Images of classes that the model does not
// know are left out and counted.
//
// # Memory
//
// Each worker holds one network for a window, and the probabilities of one image.
func (j *Judge) Images(ctx context.Context, cases []train.Case, mpp float64) (*Verdict, error) {
	scheme := j.Scheme()
	if err := scheme.Validate(); err != nil {
		return nil, err
	}
	known, v := j.known(cases)
	if len(known) == 0 {
		return nil, errors.New("no image to judge: the model has no class for any of them")
	}
	v.Summaries = make([]*evaluate.Summary, len(known))
	var next, done atomic.Int64
	var telling sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	for range min(j.workers(), len(known)) {
		group.Go(func() (err error) {
			seg := plain.New(j.Model, j.Engine)
			defer func() { err = errors.Join(err, seg.Close()) }()
			for i := int(next.Add(1)) - 1; i < len(known); i = int(next.Add(1)) - 1 {
				if v.Summaries[i], err = j.image(ctx, seg, known[i], mpp); err != nil {
					return fmt.Errorf("judge %s: %w", known[i].Name, err)
				}
				if n := done.Add(1); j.Progress != nil {
					telling.Lock()
					j.Progress(int(n), len(known))
					telling.Unlock()
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, c := range known {
		v.MM2 += float64(c.W) * float64(c.H) * mpp * mpp / 1e6
	}
	return v, nil
}

func (j *Judge) workers() int {
	if j.Workers > 0 {
		return j.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// known are the cases whose every class the model can name.
func (j *Judge) known(cases []train.Case) ([]*train.Case, *Verdict) {
	v := &Verdict{}
	var known []*train.Case
	for i := range cases {
		if j.Scheme().HighGrade < 0 && holds(cases[i].Label, train.HighGrade) {
			v.LeftOut++
			continue
		}
		known = append(known, &cases[i])
	}
	return known, v
}

func (j *Judge) image(ctx context.Context, seg *plain.Segmenter, c *train.Case, mpp float64) (*evaluate.Summary, error) {
	rgb := c.RGB
	if j.Change != nil {
		rgb = append([]uint8(nil), rgb...)
		j.Change(rgb)
	}
	planes, err := j.segment(ctx, seg, picture(rgb, c.W, c.H), mpp)
	if err != nil {
		return nil, err
	}
	img := &evaluate.Image{
		Name: c.Name, Patient: c.Patient, Group: c.Group, W: c.W, H: c.H, MPP: mpp,
		Truth: j.truth(c.Label), Prob: j.View.planes(&j.Model.Description, planes),
	}
	if j.Columns != nil {
		img.Columns = j.Columns(c.Name, c.Patient)
	}
	return j.Scheme().Summarise(img)
}

// segment computes the probabilities of a picture, averaged over its turns if that is wanted.
func (j *Judge) segment(ctx context.Context, seg *plain.Segmenter, img *image.RGBA, mpp float64) ([][]uint8, error) {
	if !j.Ensemble {
		return seg.Segment(ctx, img, mpp)
	}
	return ensemble(img, 0, func(turned *image.RGBA) ([][]uint8, error) { return seg.Segment(ctx, turned, mpp) })
}

// picture makes an image of interleaved RGB.
func picture(rgb []uint8, w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		copy(img.Pix[4*i:4*i+3], rgb[3*i:3*i+3])
		img.Pix[4*i+3] = 255
	}
	return img
}
