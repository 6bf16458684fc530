package evaluate

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Columns are properties of images or patients, read from a CSV: scanner, site, stain batch, age, sex.
type Columns struct {
	Names  []string // without the key
	key    string   // "image" or "patient"
	values map[string]map[string]string
}

// maxColumnRows bounds a CSV of properties.
const maxColumnRows = 1 << 20

// ReadColumns reads a CSV whose first line names the columns, one of them "image" (a file name, with or
// without its ending) or "patient". A key that comes twice is an error.
func ReadColumns(r io.Reader) (*Columns, error) {
	c, err := readColumns(csv.NewReader(r))
	if err != nil {
		return nil, fmt.Errorf("columns: %w", err)
	}
	return c, nil
}

func readColumns(in *csv.Reader) (*Columns, error) {
	head, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("first line: %w", err)
	}
	head = slices.Clone(head)
	head[0] = strings.TrimPrefix(head[0], "\ufeff") // spreadsheets write a byte order mark
	c := &Columns{values: map[string]map[string]string{}}
	at := -1
	for _, key := range []string{"image", "patient"} {
		if i := slices.Index(head, key); i >= 0 && at < 0 {
			at, c.key = i, key
		}
	}
	if at < 0 {
		return nil, errors.New(`no column is named "image" or "patient"`)
	}
	for i, name := range head {
		if i != at {
			c.Names = append(c.Names, name)
		}
	}
	for line := 2; ; line++ {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return c, nil
		}
		if err != nil {
			return nil, err
		}
		if line > maxColumnRows {
			return nil, fmt.Errorf("more than %d lines", maxColumnRows)
		}
		if err := c.add(head, row, at); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
}

func (c *Columns) add(head, row []string, at int) error {
	key := c.normal(row[at])
	if _, twice := c.values[key]; twice {
		return fmt.Errorf("%s %q comes twice", c.key, row[at])
	}
	values := map[string]string{}
	for i, name := range head {
		if i != at && row[i] != "" {
			values[name] = row[i]
		}
	}
	c.values[key] = values
	return nil
}

// normal drops the ending of an image's file name.
func (c *Columns) normal(key string) string {
	if c.key != "image" {
		return key
	}
	for _, ending := range []string{".jpg", ".jpeg", ".png", ".tif", ".tiff", ".svs"} {
		if cut, ok := strings.CutSuffix(key, ending); ok {
			return cut
		}
	}
	return key
}

// Of are the properties of an image; nil when the CSV does not know it.
func (c *Columns) Of(image, patient string) map[string]string {
	if c.key == "patient" {
		return c.values[patient]
	}
	return c.values[c.normal(image)]
}
