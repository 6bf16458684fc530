package tiff

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Config says what a written file tells about itself.
type Config struct {
	// MPP is the scale of level 0, written as pixels per centimetre. The zero value writes none.
	MPP pyramid.MPP
	// Description is the first directory's ImageDescription. It must hold nothing of a patient.
	Description string
	// Software names the program, such as "slidemill 1.0". Empty writes none.
	Software string
}

// LevelConfig is the layout of one level. The first level added is the full image; every further one
// is marked as a reduced copy of it.
type LevelConfig struct {
	Size        pyramid.Size
	Tile        int // side of a tile, a multiple of 16
	Samples     int // per pixel: 1 grey, 3 colour, 4 colour with alpha
	Photometric Photometric
	Compression Compression
	// Subsampling of the chroma of YCbCr JPEG, such as {2, 2} for 4:2:0. Zero means {1, 1}.
	Subsampling [2]int
	// Predictor says that the caller has differenced the samples (predictor 2) before compressing.
	Predictor bool
	// Sparse allows tiles that are never written. Without it Close reports them: a hole in a mask
	// must never look whole.
	Sparse bool
}

// Writer streams a tiled BigTIFF. Tiles are appended in the order they come; the directories follow
// at the end and the header is patched last, so a file whose Close did not succeed has no directory
// and opens nowhere. WriteTile is safe for concurrent use; the other methods are not.
//
// # Memory
//
// Twelve bytes per tile for offsets and sizes (a 100-gigapixel level of 256-pixel tiles: 18 MB) and
// one write buffer. Tiles pass through.
type Writer struct {
	mu     sync.Mutex
	dst    io.WriteSeeker
	buf    *bufio.Writer
	at     uint64 // bytes written so far, which is where the next one goes
	cfg    Config
	levels []*writtenLevel
	err    error // the first write error; nothing is written after it
	closed bool
}

// writtenLevel is what the writer remembers of a level.
type writtenLevel struct {
	LevelConfig
	cols, rows int
	offsets    []uint64
	counts     []uint32
}

// headerSize is the size of a BigTIFF header; the offset of the first directory is its last 8 bytes.
const (
	headerSize       = 16
	firstOffsetAt    = 8
	maxWriterTiles   = 1 << 28 // 3 GB of offsets: beyond any slide, a caller's mistake
	writerBufferSize = 256 << 10
)

// NewWriter starts a file at dst's beginning. dst need not be empty only if the caller truncates it.
func NewWriter(dst io.WriteSeeker, cfg Config) (*Writer, error) {
	if cfg.MPP.Known() {
		if err := cfg.MPP.Validate(); err != nil {
			return nil, fmt.Errorf("write tiff: %w", err)
		}
	}
	w := &Writer{dst: dst, buf: bufio.NewWriterSize(dst, writerBufferSize), cfg: cfg}
	// "II", version 43, offsets of 8 bytes, and a first directory that Close fills in.
	w.append([]byte{'I', 'I', 43, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	return w, w.err
}

// AddLevel adds a level and gives its number, counting from 0. Levels may be added at any time before
// Close, finest first.
func (w *Writer) AddLevel(cfg LevelConfig) (level int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := cfg.validate(); err != nil {
		return 0, fmt.Errorf("write tiff: level %d: %w", len(w.levels), err)
	}
	if n := len(w.levels); n > 0 && cfg.Size.Pixels() > w.levels[n-1].Size.Pixels() {
		return 0, fmt.Errorf("write tiff: level %d of %s is larger than the one before", n, cfg.Size)
	}
	if cfg.Subsampling == [2]int{} {
		cfg.Subsampling = [2]int{1, 1}
	}
	l := &writtenLevel{LevelConfig: cfg, cols: pyramid.CeilDiv(cfg.Size.W, cfg.Tile), rows: pyramid.CeilDiv(cfg.Size.H, cfg.Tile)}
	l.offsets = make([]uint64, l.cols*l.rows)
	l.counts = make([]uint32, l.cols*l.rows)
	w.levels = append(w.levels, l)
	return len(w.levels) - 1, nil
}

func (c LevelConfig) validate() error {
	switch {
	case c.Size.Empty():
		return fmt.Errorf("size %s", c.Size)
	case c.Tile < 16 || c.Tile%16 != 0 || c.Tile > maxTileSide:
		return fmt.Errorf("tile side %d: want a multiple of 16 up to %d (TIFF 6.0 page 67)", c.Tile, maxTileSide)
	case c.Samples != 1 && c.Samples != 3 && c.Samples != 4:
		return fmt.Errorf("%d samples per pixel: want 1, 3 or 4", c.Samples)
	case (c.Samples == 1) != (c.Photometric == BlackIsZero || c.Photometric == WhiteIsZero):
		return fmt.Errorf("photometric %d with %d samples", c.Photometric, c.Samples)
	}
	cols, rows := int64(pyramid.CeilDiv(c.Size.W, c.Tile)), int64(pyramid.CeilDiv(c.Size.H, c.Tile))
	if cols > maxWriterTiles || rows > maxWriterTiles || cols*rows > maxWriterTiles {
		return fmt.Errorf("%d by %d tiles are more than %d", cols, rows, maxWriterTiles)
	}
	return nil
}

// ErrTileTwice marks a tile that is written a second time.
var ErrTileTwice = errors.New("tile is already written")

// WriteTile appends one encoded tile. It keeps no reference to data. An error of the underlying
// writer sticks: every later call and Close report it.
func (w *Writer) WriteTile(level, col, row int, data []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.writeTile(level, col, row, data); err != nil {
		return fmt.Errorf("write tiff tile %d/%d_%d: %w", level, col, row, err)
	}
	return nil
}

func (w *Writer) writeTile(level, col, row int, data []byte) error {
	if w.closed {
		return errors.New("the writer is closed")
	}
	if level < 0 || level >= len(w.levels) {
		return fmt.Errorf("there are %d levels", len(w.levels))
	}
	l := w.levels[level]
	if col < 0 || row < 0 || col >= l.cols || row >= l.rows {
		return fmt.Errorf("the level has %d by %d tiles", l.cols, l.rows)
	}
	if len(data) == 0 || int64(len(data)) > maxTileBytes {
		return fmt.Errorf("%d bytes of data", len(data))
	}
	i := row*l.cols + col
	if l.offsets[i] != 0 {
		return ErrTileTwice
	}
	at := w.at
	w.append(data)
	if w.err == nil {
		l.offsets[i], l.counts[i] = at, uint32(len(data))
	}
	return w.err
}

// append writes to the end of the file, unless an earlier write went wrong.
func (w *Writer) append(data []byte) {
	if w.err != nil {
		return
	}
	n, err := w.buf.Write(data)
	w.at += uint64(n)
	w.err = err
}

// Close writes the directories and makes the file valid. It does not close the underlying file.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	if err := w.finish(); err != nil {
		return fmt.Errorf("write tiff: %w", err)
	}
	return nil
}

func (w *Writer) finish() error {
	if w.err != nil {
		return w.err
	}
	if len(w.levels) == 0 {
		return errors.New("no level was added")
	}
	for i, l := range w.levels {
		if n := l.missing(); n > 0 && !l.Sparse {
			return fmt.Errorf("level %d: %d of %d tiles were not written", i, n, len(l.offsets))
		}
	}
	first := w.directories()
	if w.err != nil {
		return w.err
	}
	if err := w.buf.Flush(); err != nil {
		return err
	}
	return w.patchHeader(first)
}

func (l *writtenLevel) missing() (n int) {
	for _, o := range l.offsets {
		if o == 0 {
			n++
		}
	}
	return n
}

// patchHeader puts the offset of the first directory into the header, and leaves the file position
// at the end.
func (w *Writer) patchHeader(first uint64) error {
	if _, err := w.dst.Seek(firstOffsetAt, io.SeekStart); err != nil {
		return err
	}
	if _, err := w.dst.Write(order.AppendUint64(nil, first)); err != nil {
		return err
	}
	_, err := w.dst.Seek(0, io.SeekEnd)
	return err
}
