package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/segment/train"
	"github.com/slidemill/slidemill/pkg/segment/train/labelled"
	"github.com/slidemill/slidemill/pkg/slide"
)

// labelledHelp is the part of the help texts that says how labelled data lie in a folder.
const labelledHelp = `The data lie in DIR/train and DIR/val, split by patient, in one of two ways.

Plain images (JPEG, PNG, TIFF), one folder per kind, masks of the same name beside:
  DIR/val/adenocarcinoma/image/P7-1.png
  DIR/val/adenocarcinoma/mask/P7-1.png       white is what the folder's name says

Slides, each with its annotations beside it:
  DIR/val/P7-1.svs
  DIR/val/P7-1.geojson                       QuPath: File, Export objects as GeoJSON
  DIR/val/P7-1.xml                           or ASAP
  DIR/val/P7-1-mask.png                      or a mask (PNG, TIFF) of any size

Annotation classes such as Tumor, Carcinoma, High-grade dysplasia, Benign, Normal, Stroma,
Ignore are known, and mask values 0 background, 1 benign, 2 high-grade, 3 or 255 carcinoma.
Others go into --classes FILE, one line each, like "Lesion A,carcinoma" or "mask 7,ignore";
classes of training are background, benign, high-grade, carcinoma and ignore. What lies
beside all outlines is ignored unless --outside says that slides were outlined completely.
A slide without annotations is refused; an empty one says that nothing is there.

The patient is what stands before the first hyphen of a name; or --patients CSV (columns
image, patient), or --patient-pattern REGEXP.`

// labelledFlags say where labelled data lie and what they mean.
type labelledFlags struct {
	data, classes, patients, pattern, outside string
	slideMPP                                  float64
}

func (f *labelledFlags) flags(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.data, "data", "", "folder with train and val, see above")
	fl.StringVar(&f.classes, "classes", "", "file that says what annotations' classes mean")
	fl.StringVar(&f.patients, "patients", "", "CSV with the columns image and patient")
	fl.StringVar(&f.pattern, "patient-pattern", "", "regular expression whose first group is the patient of a name")
	fl.StringVar(&f.outside, "outside", "ignore", "class beside all outlines on a slide: ignore, background or benign")
	fl.Float64Var(&f.slideMPP, "slide-mpp", 0, "microns per pixel of slides whose files do not say")
}

// labelledData is what a folder holds: plain images or slides.
type labelledData struct {
	cases  []train.Case
	slides []labelled.Slide
}

// load reads the images of a split, or finds its slides.
func (f *labelledFlags) load(ctx context.Context, split string) (*labelledData, error) {
	folder, err := f.folder(split)
	if err != nil {
		return nil, err
	}
	d := &labelledData{}
	if d.slides, err = folder.Slides(ctx); err != nil || len(d.slides) > 0 {
		return d, err
	}
	set, err := train.Load(ctx, train.Source{Root: f.data, Split: split, Groups: folder.Classes.Groups()})
	if err != nil {
		return nil, fmt.Errorf("%w; `--help` says how data are laid out", err)
	}
	d.cases = set.Cases
	for i := range d.cases {
		if d.cases[i].Patient, err = folder.Patients.Of(d.cases[i].Name); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (f *labelledFlags) folder(split string) (_ *labelled.Folder, err error) {
	folder := &labelled.Folder{Root: f.data, Split: split, Classes: labelled.DefaultClasses(), MPP: f.slideMPP}
	if folder.Outside, err = labelled.ParseClass(f.outside); err != nil {
		return nil, &usageError{fmt.Errorf("--outside: %w", err)}
	}
	if err := f.checkData(split); err != nil {
		return nil, err
	}
	if f.classes != "" {
		if err := reading("--classes", f.classes, func(r *os.File) (err error) { folder.Classes, err = labelled.ReadClasses(r); return err }); err != nil {
			return nil, err
		}
	}
	switch {
	case f.patients != "" && f.pattern != "":
		return nil, &usageError{errors.New("--patients and --patient-pattern exclude each other")}
	case f.patients != "":
		return folder, reading("--patients", f.patients, func(r *os.File) (err error) { folder.Patients, err = labelled.ReadPatients(r); return err })
	case f.pattern != "":
		if folder.Patients, err = labelled.PatientsByPattern(f.pattern); err != nil {
			return nil, &usageError{err}
		}
	}
	return folder, nil
}

// checkData refuses a folder that is not there, or that is not laid out.
func (f *labelledFlags) checkData(split string) error {
	if err := checkNamed("--data", f.data, true, "name the folder of the labelled images or slides; `--help` says how they are laid out"); err != nil {
		return err
	}
	if st, err := os.Stat(filepath.Join(f.data, split)); err != nil || !st.IsDir() {
		return &usageError{fmt.Errorf("--data %s: there is no folder %s in it: name the folder that holds it; `--help` says how data are laid out", f.data, split)}
	}
	return nil
}

// reading opens a file that a flag names and reads it.
func reading(flag, path string, read func(*os.File) error) error {
	if err := checkNamed(flag, path, false, "name the file that is meant"); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return &usageError{err}
	}
	defer f.Close()
	if err := read(f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// images are the data as training images, cut out of slides at a scale.
func (d *labelledData) images(ctx context.Context, mpp float64) ([]train.Case, error) {
	if len(d.slides) == 0 {
		return d.cases, nil
	}
	return labelled.Cut{MPP: mpp}.Cases(ctx, d.slides)
}

// hash names the data: the pixels and labels of images, the files of slides and annotations.
func (d *labelledData) hash(ctx context.Context) (string, error) {
	if len(d.slides) == 0 {
		return train.DataHash(d.cases), nil
	}
	h := sha256.New()
	for _, s := range d.slides {
		for _, path := range []string{s.Path, s.Annotation + s.Mask} {
			sum, err := slide.Hash(ctx, path, nil)
			if err != nil {
				return "", fmt.Errorf("hash data: %w", err)
			}
			fmt.Fprintf(h, "%s %s %x\n", s.Patient, filepath.Base(path), sum)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// String counts the data for people.
func (d *labelledData) String() string {
	if len(d.slides) > 0 {
		return count(len(d.slides), "slide")
	}
	return count(len(d.cases), "image")
}

// stem is a path without its ending.
func stem(path string) string { return strings.TrimSuffix(path, filepath.Ext(path)) }
