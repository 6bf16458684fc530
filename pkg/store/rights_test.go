package store

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// fits is what an S3 server does with a pattern.
func fits(pattern, key string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !strings.HasPrefix(key, head) {
		return false
	}
	if key = key[len(head):]; !star {
		return key == ""
	}
	for i := range len(key) + 1 {
		if fits(rest, key[i:]) {
			return true
		}
	}
	return false
}

// everyKey is a key of each kind.
func everyKey() map[Kind]string {
	slide, run := pyramid.SlideID{0xab}, pyramid.RunID{0xcd}
	keys := map[Kind]string{OrderRecord: Order(slide).Record(), BegunRecord: Order(slide).Begun(), EndRecord: Order(slide).End()}
	for kind := range shapes {
		keys[kind] = Ref{Kind: kind, Slide: slide, Run: run, Tile: pyramid.Tile{Level: 7, Col: 3, Row: 4}, Region: pyramid.Region{Col: 1, Row: 2}}.Key()
	}
	return keys
}

// TestRightsOfEveryKey holds the patterns against the layout: what each role may do with a key of each kind,
// written down here a second time. r is read, w write, d delete.
func TestRightsOfEveryKey(t *testing.T) {
	const rows = `
		slide.json           tile:rw  segment:r   stitch:r  serve:r
		pyramid.dzi          tile:rw  segment:r   stitch:r  serve:r
		pyramid_files        tile:rw  segment:r   stitch:r  serve:r
		pyramid.szi          tile:rw  segment:r   stitch:r  serve:r
		pyramid-head.szi     tile:rwd segment:r   stitch:r  serve:r
		thumbnail.jpeg       tile:w   segment:    stitch:   serve:r
		tissue.png           tile:rw  segment:    stitch:   serve:r
		plan.json            tile:rw  segment:r   stitch:r  serve:r
		regions              tile:    segment:rw  stitch:r  serve:r
		quarantine           tile:    segment:rwd stitch:r  serve:r
		probability.dzi      tile:    segment:    stitch:rw serve:r
		probability_files    tile:    segment:    stitch:rw serve:r
		overlay.dzi          tile:    segment:    stitch:rw serve:r
		overlay_files        tile:    segment:    stitch:rw serve:r
		probability.szi      tile:    segment:    stitch:rw serve:r
		overlay.szi          tile:    segment:    stitch:rw serve:r
		mask.tiff            tile:    segment:    stitch:rw serve:r
		contours.geojson     tile:    segment:    stitch:rw serve:r
		preview.png          tile:    segment:    stitch:rw serve:r
		report.json          tile:    segment:    stitch:rw serve:r
		report.html          tile:    segment:    stitch:rw serve:r
		run.json             tile:    segment:    stitch:rw serve:r
		order.json           tile:    segment:    stitch:   serve:rwd
		begun.json           tile:    segment:    stitch:   serve:rwd
		end.json             tile:r   segment:r   stitch:r  serve:rwd`
	want := map[string]string{}
	for row := range strings.Lines(strings.TrimSpace(rows)) {
		cells := strings.Fields(row)
		for _, cell := range cells[1:] {
			role, right, _ := strings.Cut(cell, ":")
			want[cells[0]+" "+role] = right
		}
	}
	keys := everyKey()
	for kind, key := range keys {
		for _, role := range []Role{Tiler, Segmenter, Stitcher, Server} {
			right, known := want[string(kind)+" "+string(role)]
			if !known {
				t.Errorf("%s: nobody decided what %s may do with it", kind, role)
			}
			if got := rightOn(role, key); got != right {
				t.Errorf("%s may %q with %s, want %q", role, got, key, right)
			}
		}
	}
	if len(want) != 4*len(keys) {
		t.Errorf("%d decisions for %d kinds", len(want), len(keys))
	}
}

func rightOn(role Role, key string) (text string) {
	var all Right
	for _, g := range Grants(role) {
		if fits(g.Pattern, key) {
			all |= g.Right
		}
	}
	for i, letter := range "rwd" {
		if all&(1<<i) != 0 {
			text += string(letter)
		}
	}
	return text
}

// A worker of all roles has the rights of all, and none on orders but to see that one was cancelled.
func TestRightsOfWorker(t *testing.T) {
	for kind, key := range everyKey() {
		letters := map[rune]bool{}
		for _, role := range []Role{Tiler, Segmenter, Stitcher} {
			for _, letter := range rightOn(role, key) {
				letters[letter] = true
			}
		}
		if got := rightOn(Worker, key); len(got) != len(letters) {
			t.Errorf("%s: a worker may %q, its roles %s", kind, got, fmt.Sprint(letters))
		}
	}
}
