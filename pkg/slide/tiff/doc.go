// Package tiff reads and writes the TIFF family that whole-slide images are made of: classic TIFF
// and BigTIFF, both byte orders, tiles and strips. It sits below package slide, which knows vendors;
// this package knows tags, tiles and pixels, and no vendor's habits.
//
// # Reading
//
//	file, err := tiff.Parse(readerAt, size)   // directories, bounded: walk.go, then google/tiff
//	im, err := file.Image(file.Directories[0]) // layout of one directory, checked
//	err = im.ReadTile(col, row, rgba)          // decoded into RGBA
//
// google/tiff reads the fields, but only after the walk in walk.go has shown that the directories
// end, stay inside the file and hold a bounded number of bytes. It decodes no pixels; tile.go does.
//
// # Writing
//
// A Writer streams a tiled pyramidal BigTIFF that OpenSlide, libvips, QuPath and tifffile open:
//
//	w, err := tiff.NewWriter(file, tiff.Config{MPP: mpp, Description: "…"})
//	l0, err := w.AddLevel(tiff.LevelConfig{Size: size, Tile: 256,
//		Samples: 1, Compression: tiff.Deflate, Photometric: tiff.BlackIsZero})
//	l1, err := w.AddLevel(tiff.LevelConfig{Size: size.Half(), …})
//	err = w.WriteTile(l0, col, row, encoded)   // any order, any goroutine
//	err = w.Close()                            // writes the directories; the caller closes the file
//
// The caller hands over encoded tiles: DeflateTile makes the bytes for Deflate from pixels; for JPEG a
// tile is a whole JPEG stream (what image/jpeg writes is Photometric YCbCr with Subsampling 2, 2).
// Tiles are full size, also at the right and lower edge.
package tiff
