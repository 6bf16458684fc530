package main

import (
	"image"
	_ "image/jpeg" // the decoders of the real images
	_ "image/png"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/net/nettest"
)

// realImages finds a few photographs below a folder: every eleventh of the first hundred.
func realImages(folder string) (paths []string, err error) {
	if folder == "" {
		return nil, nil
	}
	seen := 0
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // an absent folder holds no images
		}
		if filepath.Ext(path) != ".jpg" || d.IsDir() {
			return nil
		}
		if seen%11 == 0 {
			paths = append(paths, path)
		}
		if seen++; seen > 33 {
			return fs.SkipAll
		}
		return nil
	})
	return paths, err
}

// planes fills an input with an image, repeated as needed, each channel normalised as in training on
// natural images.
func planes(path string, s net.Shape) (nettest.Planes, error) {
	file, err := os.Open(path)
	if err != nil {
		return nettest.Planes{}, err
	}
	defer file.Close()
	img, _, err := image.Decode(file)
	if err != nil {
		return nettest.Planes{}, err
	}
	p, size := nettest.New(s), img.Bounds().Size()
	mean, sd := [3]float64{0.485, 0.456, 0.406}, [3]float64{0.229, 0.224, 0.225}
	for y := range s.H {
		for x := range s.W {
			r, g, b, _ := img.At(x%size.X, y%size.Y).RGBA()
			for c, v := range [3]uint32{r, g, b} {
				p.Set(c, y, x, float64(float32((float64(v>>8)/255-mean[c])/sd[c])))
			}
		}
	}
	return p, nil
}
