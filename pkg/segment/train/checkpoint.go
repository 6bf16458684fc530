package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/gob"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// checkpoint is everything that the rest of a run depends on, at the end of an epoch.
type checkpoint struct {
	Recipe  string // hash of recipe and data: another run's checkpoint is refused
	Epoch   int    // epochs done
	Trainer []byte
	Average []float32
	Steps   int // of the average
	Best    []float32
	History []Record
}

// checkpointMagic opens the file; the hash of the rest closes it.
const checkpointMagic = "slidemill checkpoint 1\n"

// maxCheckpoint bounds what is read: weights, moments and averages of the largest network, ten times over.
const maxCheckpoint = 1 << 30

func (c *checkpoint) write(path string) error {
	var buf bytes.Buffer
	buf.WriteString(checkpointMagic)
	if err := gob.NewEncoder(&buf).Encode(c); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	sum := sha256.Sum256(buf.Bytes())
	buf.Write(sum[:])
	return writeFile(path, buf.Bytes())
}

func readCheckpoint(path string) (*checkpoint, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxCheckpoint {
		return nil, fmt.Errorf("checkpoint %s is %d bytes; none is larger than %d", path, info.Size(), maxCheckpoint)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	body, ok := bytes.CutPrefix(data, []byte(checkpointMagic))
	if !ok || len(body) < sha256.Size {
		return nil, fmt.Errorf("checkpoint %s: not a checkpoint of this version", path)
	}
	end := len(data) - sha256.Size
	if sum := sha256.Sum256(data[:end]); !bytes.Equal(sum[:], data[end:]) {
		return nil, fmt.Errorf("checkpoint %s is damaged; delete it to start over", path)
	}
	c := new(checkpoint)
	if err := gob.NewDecoder(bytes.NewReader(body[:len(body)-sha256.Size])).Decode(c); err != nil {
		return nil, fmt.Errorf("checkpoint %s: %w", path, err)
	}
	return c, nil
}

// writeFile replaces a file in one step: a reader sees the old one or the new one, also after a crash.
func writeFile(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err = os.Chmod(f.Name(), 0o644); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
