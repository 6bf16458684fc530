package train

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/slide"
)

// Source says where labelled images lie and what their masks mean.
//
// The images of a group lie in <Root>/<Split>/<group>/image and their masks, with the same stem, in
// …/mask. An empty Split leaves that level out. A folder Root with image and mask directly in it is one
// group named "".
type Source struct {
	Root  string
	Split string
	// Groups maps a folder to the class its mask outlines; nil means EBHIGroups. With Values set it
	// only chooses the folders.
	Groups map[string]uint8
	// Values maps a mask's pixel values to classes, for masks that hold several; nil means that any
	// value above zero is the group's class.
	Values map[uint8]uint8
	// Patients maps a file's stem to its patient where the manifest does not; nil means PatientOf.
	Patients func(stem string) string
	// MaxBytes bounds the decoded data set; 0 means 4 GiB.
	MaxBytes int64
}

// Dataset is a set of labelled images in memory.
//
// # Memory
//
// A pixel takes four bytes (RGB and label). The whole of EBHI-Seg, 1279 + 359 images of 224×224, takes
// 329 MB. Load refuses a set above Source.MaxBytes before it decodes the image that would cross it.
type Dataset struct {
	Cases []Case
}

// EBHIGroups is the class map of EBHI-Seg.
func EBHIGroups() map[string]uint8 {
	return map[string]uint8{
		"normal": Benign, "polyp": Benign, "serrated-adenoma": Benign, "low-grade-in": Benign,
		"high-grade-in": HighGrade, "adenocarcinoma": Carcinoma,
	}
}

// maxImagePixels bounds one training image; larger ones belong on the slide path.
const maxImagePixels = 64 << 20

// Load reads and decodes every labelled image of the source, in the order of their paths.
func Load(ctx context.Context, src Source) (*Dataset, error) {
	pairs, err := src.pairs()
	if err != nil {
		return nil, fmt.Errorf("data set %s: %w", src.Root, err)
	}
	if err := src.checkSize(pairs); err != nil {
		return nil, fmt.Errorf("data set %s: %w", src.Root, err)
	}
	set := &Dataset{Cases: make([]Case, len(pairs))}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for i, p := range pairs {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			c, err := src.read(p)
			if err != nil {
				return fmt.Errorf("data set %s: image %s: %w", src.Root, filepath.Base(p.image), err)
			}
			set.Cases[i] = *c
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return set, nil
}

// pair is an image file with its mask file.
type pair struct{ group, image, mask string }

func (s Source) groups() map[string]uint8 {
	if s.Groups != nil {
		return s.Groups
	}
	return EBHIGroups()
}

func (s Source) pairs() ([]pair, error) {
	base := filepath.Join(s.Root, s.Split)
	if isDir(filepath.Join(base, "image")) {
		return groupPairs(base, "")
	}
	var all []pair
	entries, err := os.ReadDir(base)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if _, ok := s.groups()[e.Name()]; !ok {
			return nil, fmt.Errorf("folder %q has no class; name one for it in the class map", e.Name())
		}
		pairs, err := groupPairs(filepath.Join(base, e.Name()), e.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, pairs...)
	}
	if len(all) == 0 {
		return nil, errors.New("no images found; expected JPEG, PNG or TIFF in <group>/image beside masks of the same name in <group>/mask")
	}
	return all, nil
}

func groupPairs(dir, group string) ([]pair, error) {
	masks := map[string]string{}
	for _, path := range imageFiles(filepath.Join(dir, "mask")) {
		masks[stem(path)] = path
	}
	var pairs []pair
	for _, path := range imageFiles(filepath.Join(dir, "image")) {
		mask, ok := masks[stem(path)]
		if !ok {
			return nil, fmt.Errorf("image %s has no mask of the same name in %s", filepath.Base(path), filepath.Join(group, "mask"))
		}
		pairs = append(pairs, pair{group: group, image: path, mask: mask})
	}
	return pairs, nil
}

func imageFiles(dir string) []string {
	entries, err := fs.ReadDir(os.DirFS(dir), ".")
	if err != nil {
		return nil
	}
	var paths []string
	for _, e := range entries {
		switch strings.ToLower(filepath.Ext(e.Name())) {
		case ".jpg", ".jpeg", ".png", ".tif", ".tiff":
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	slices.Sort(paths)
	return paths
}

func stem(path string) string {
	name := filepath.Base(path)
	return strings.TrimSuffix(name, filepath.Ext(name))
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// checkSize adds up what the decoded images will take, from their headers alone.
func (s Source) checkSize(pairs []pair) error {
	limit := s.MaxBytes
	if limit == 0 {
		limit = 4 << 30
	}
	var total int64
	for _, p := range pairs {
		cfg, err := decodeConfig(p.image)
		if err != nil {
			return fmt.Errorf("image %s: %w", filepath.Base(p.image), err)
		}
		pixels := int64(cfg.Width) * int64(cfg.Height)
		if pixels <= 0 || pixels > maxImagePixels {
			return fmt.Errorf("image %s is %d×%d pixels, at most %d are accepted; cut it into smaller ones", filepath.Base(p.image), cfg.Width, cfg.Height, maxImagePixels)
		}
		if total += 4 * pixels; total > limit {
			return fmt.Errorf("the decoded images take more than %d bytes; train on fewer or raise the limit", limit)
		}
	}
	return nil
}

// isTIFF: TIFF files go through pkg/slide, which reads what scanners and libraries write.
func isTIFF(path string) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return ext == ".tif" || ext == ".tiff"
}

func decodeConfig(path string) (cfg image.Config, err error) {
	if isTIFF(path) {
		s, err := slide.Open(context.Background(), path, slide.Options{})
		if err != nil {
			return cfg, err
		}
		cfg.Width, cfg.Height = s.Info().Size().W, s.Info().Size().H
		return cfg, s.Close()
	}
	format, f, err := openPicture(path)
	if err != nil {
		return cfg, err
	}
	defer f.Close()
	return format.config(f)
}

func decode(path string) (image.Image, error) {
	if isTIFF(path) {
		return slide.ReadImage(context.Background(), path)
	}
	format, f, err := openPicture(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return format.decode(f)
}

// pictureFormat is one of the two formats of training images. They are named here, and not left to
// image.Decode: whatever else a program links may have registered another JPEG decoder there, and
// other pixels are other weights.
type pictureFormat struct {
	magic  string
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

// openPicture opens a file and finds its format by content.
func openPicture(path string) (*pictureFormat, *os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	head := make([]byte, 8)
	if _, err := io.ReadFull(f, head); err == nil {
		for _, format := range []pictureFormat{
			{"\xff\xd8\xff", jpeg.DecodeConfig, jpeg.Decode},
			{"\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode},
		} {
			if strings.HasPrefix(string(head), format.magic) {
				_, err := f.Seek(0, io.SeekStart)
				return &format, f, err
			}
		}
	}
	return nil, nil, errors.Join(errors.New("neither JPEG nor PNG"), f.Close())
}

func (s Source) read(p pair) (*Case, error) {
	img, err := decode(p.image)
	if err != nil {
		return nil, err
	}
	cfg, err := decodeConfig(p.mask)
	if err != nil {
		return nil, fmt.Errorf("mask: %w", err)
	}
	if b := img.Bounds(); cfg.Width != b.Dx() || cfg.Height != b.Dy() {
		return nil, fmt.Errorf("mask is %d×%d, image is %d×%d; they must be equal", cfg.Width, cfg.Height, b.Dx(), b.Dy())
	}
	mask, err := decode(p.mask)
	if err != nil {
		return nil, fmt.Errorf("mask: %w", err)
	}
	c := &Case{Name: stem(p.image), Group: p.group}
	c.Patient = s.patient(c.Name)
	c.RGB, c.W, c.H = rgbBytes(img)
	if c.Label, err = maskLabels(mask, s.classOf(p.group)); err != nil {
		return nil, fmt.Errorf("mask: %w", err)
	}
	c.finish()
	return c, nil
}

func (s Source) classOf(group string) func(uint8) (uint8, error) {
	if s.Values != nil {
		return func(v uint8) (uint8, error) {
			class, ok := s.Values[v]
			if !ok || class >= Classes {
				return 0, fmt.Errorf("mask value %d has no class; name one for it in the class map", v)
			}
			return class, nil
		}
	}
	class := s.groups()[group]
	return func(v uint8) (uint8, error) {
		if v == 0 {
			return Background, nil
		}
		return class, nil
	}
}

func (s Source) patient(stem string) string {
	if s.Patients != nil {
		return s.Patients(stem)
	}
	return PatientOf(stem)
}

// PatientOf reads the patient out of a name such as GT2001837-1-400-003: what stands before the first
// hyphen, without its letters if digits follow them. A name without a hyphen is its own patient.
func PatientOf(stem string) string {
	head, _, found := strings.Cut(stem, "-")
	if !found {
		return stem
	}
	if patient := strings.TrimLeft(head, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"); patient != "" {
		return patient
	}
	return head
}
