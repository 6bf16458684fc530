package main

import (
	"bytes"
	"errors"
	"testing"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
	"github.com/slidemill/slidemill/pkg/store/szi"
)

// TestTakePyramidBack: an archive goes only if none of its tiles can be read, as the slide's file may not be at hand.
func TestTakePyramidBack(t *testing.T) {
	id := pyramid.SlideID{7}
	key := store.Slide(id).PyramidArchive()
	for name, c := range map[string]struct {
		spoil func([]byte) []byte
		stays bool
	}{
		"a byte of a tile": {func(b []byte) []byte { b[120] ^= 1; return b }, true},
		"cut short":        {func(b []byte) []byte { return b[:len(b)-30] }, false},
	} {
		t.Run(name, func(t *testing.T) {
			inner := mem.New()
			u, err := szi.Create(t.Context(), inner, key, szi.Image{Folder: szi.Folder(key), Format: "jpeg", Descriptor: []byte("<Image/>")})
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(u.Add(pyramid.Tile{}, bytes.Repeat([]byte("x"), 99)), u.Commit()); err != nil {
				t.Fatal(err)
			}
			data, err := store.ReadAll(t.Context(), inner, key, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			data = c.spoil(data)
			if err := inner.Put(t.Context(), key, bytes.NewReader(data), int64(len(data))); err != nil {
				t.Fatal(err)
			}
			if err := (harm{slide: true}).takeBack(t.Context(), szi.New(inner), id); err != nil {
				t.Fatal(err)
			}
			if _, err := inner.Stat(t.Context(), key); (err == nil) != c.stays {
				t.Errorf("the archive: %v", err)
			}
		})
	}
}

// TestTakeBackTheOrdersRun: an order is closed if its own run was taken back, and left alone if another was.
func TestTakeBackTheOrdersRun(t *testing.T) {
	id, own, other := pyramid.SlideID{7}, pyramid.RunID{1}, pyramid.RunID{2}
	for run, want := range map[pyramid.RunID]string{own: intake.Failed, other: stitch.Done} {
		b := mem.New()
		ledger := intake.Ledger{Bucket: b}
		for _, r := range []pyramid.RunID{own, other} {
			if err := b.Put(t.Context(), store.Slide(id).Run(r).Manifest(), bytes.NewReader([]byte("{}")), 2); err != nil {
				t.Fatal(err)
			}
		}
		if err := ledger.Enter(t.Context(), intake.Entry{Slide: id, Run: own, File: "s.svs"}); err != nil {
			t.Fatal(err)
		}
		if err := (harm{runs: []pyramid.RunID{run}}).takeBack(t.Context(), b, id); err != nil {
			t.Fatal(err)
		}
		judge := intake.Judge{Ledger: ledger}
		got, err := judge.LookAt(t.Context(), []pyramid.SlideID{id})
		if err != nil {
			t.Fatal(err)
		}
		if got[0].State != want {
			t.Errorf("run %v taken back: the order is %s, want %s", run, got[0].State, want)
		}
	}
}
