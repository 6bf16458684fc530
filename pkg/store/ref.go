package store

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Ref is a key taken apart. It is comparable; fields that the kind does not use are zero.
type Ref struct {
	Kind   Kind
	Slide  pyramid.SlideID
	Run    pyramid.RunID
	Tile   pyramid.Tile
	Region pyramid.Region
}

// InRun reports whether the object belongs to a run rather than to the slide as such.
func (r Ref) InRun() bool { return shapes[r.Kind].inRun }

// Key spells the key; Parse reads it back.
func (r Ref) Key() string {
	s := shapes[r.Kind]
	at := Slide(r.Slide).Prefix()
	if s.inRun {
		at = Slide(r.Slide).Run(r.Run).Prefix()
	}
	at += string(r.Kind)
	switch {
	case s.tile:
		at += "/" + r.Tile.String() + s.ext
	case s.region:
		at += "/" + r.Region.String() + s.ext
	}
	return at
}

// Parse reads a key that Key spelled. Anything else, a foreign file in the bucket included, is an
// error.
func Parse(key string) (Ref, error) {
	ref, err := parse(key)
	if err == nil && ref.Key() != key {
		err = fmt.Errorf("want %s", ref.Key())
	}
	if err != nil {
		return Ref{}, fmt.Errorf("key %.200q: %w", key, err)
	}
	return ref, nil
}

func parse(key string) (ref Ref, err error) {
	rest, ok := strings.CutPrefix(key, slidesFolder)
	if !ok {
		return ref, fmt.Errorf("does not begin with %s", slidesFolder)
	}
	id, rest, _ := strings.Cut(rest, "/")
	if ref.Slide, err = pyramid.ParseSlideID(id); err != nil {
		return ref, err
	}
	rest, inRun := strings.CutPrefix(rest, runsFolder)
	if inRun {
		id, rest, _ = strings.Cut(rest, "/")
		if ref.Run, err = pyramid.ParseRunID(id); err != nil {
			return ref, err
		}
	}
	kind, rest, _ := strings.Cut(rest, "/")
	ref.Kind = Kind(kind)
	s, ok := shapes[ref.Kind]
	if !ok || s.inRun != inRun {
		return ref, fmt.Errorf("holds nothing called %.40q", kind)
	}
	return ref, ref.parseCell(s, strings.TrimSuffix(rest, s.ext))
}

// parseCell reads what follows the folder of a tile or region.
func (r *Ref) parseCell(s shape, text string) (err error) {
	if s.tile {
		level, cell, _ := strings.Cut(text, "/")
		if r.Tile.Level, err = parseNumber(level); err != nil {
			return err
		}
		r.Tile.Col, r.Tile.Row, err = parsePair(cell)
	}
	if s.region {
		r.Region.Col, r.Region.Row, err = parsePair(text)
	}
	return err
}

func parsePair(text string) (col, row int, err error) {
	c, r, _ := strings.Cut(text, "_")
	if col, err = parseNumber(c); err == nil {
		row, err = parseNumber(r)
	}
	return col, row, err
}

// parseNumber reads a level, column or row: 31 bits, which holds every slide there can be and fits
// an int everywhere.
func parseNumber(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("number %.20q: want decimal digits", text)
	}
	return int(n), nil
}
