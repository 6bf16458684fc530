package watch

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// taken are the files of the slides that were taken.
func (s *scanner) taken() (names []string) {
	for _, one := range s.Slides() {
		names = append(names, one.File)
	}
	return names
}

// A mask beside its slide is no slide. One without a slide may be one by a strange name, and what a worklist names is
// taken.
func TestMasksAreLeftOut(t *testing.T) {
	s := newScanner(t)
	for i, name := range []string{"a.tiff", "a.mask.tiff", "b.svs", "b.MASK.TIF", "lonely.mask.tiff", "c.tiff", "c.mask.tiff", ".mask.tiff"} {
		s.picture(t, name, uint8(i))
	}
	s.worklist(t, "c.mask.tiff,C1,,1\n")
	s.look(t)
	want := []string{"a.tiff", "b.svs", "c.mask.tiff", "c.tiff", "lonely.mask.tiff"}
	if got := s.taken(); !slices.Equal(got, want) {
		t.Errorf("taken %v, want %v", got, want)
	}
	if s.Masks() != 2 || s.Ignored() != 3 { // the worklist is no slide either
		t.Errorf("%d masks, %d ignored", s.Masks(), s.Ignored())
	}
}

// A slide that was put away or archived leaves its mask behind: it is the mask still, also after a new start.
func TestMaskOutlivesItsSlide(t *testing.T) {
	s := newScanner(t)
	s.picture(t, "a.tiff", 1)
	s.picture(t, "a.mask.tiff", 2)
	s.look(t)
	if err := os.Remove(filepath.Join(s.Dir, "a.tiff")); err != nil {
		t.Fatal(err)
	}
	s.look(t)
	if got := s.taken(); !slices.Equal(got, []string{"a.tiff"}) {
		t.Errorf("taken %v", got)
	}
	var err error
	if s.Watcher, err = New(t.Context(), s.Config); err != nil {
		t.Fatal(err)
	}
	s.look(t)
	if got := s.taken(); len(got) != 0 {
		t.Errorf("taken after a new start: %v", got)
	}
}

// So it is for who asks what was never ordered, by whichever of its names the slide lay beside its mask.
func TestMaskOfOrderedIsNotMissed(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.mask.tiff"), "1")
	write(t, filepath.Join(dir, "sub/b.mask.tiff"), "2")
	write(t, filepath.Join(dir, "lonely.mask.tiff"), "3")
	got := unordered(t, dir, order{"4", "a.tiff"}.line(t), order{"5", "b.tiff", "sub/b.tiff"}.line(t))
	if !slices.Equal(got, []string{"lonely.mask.tiff"}) {
		t.Errorf("not ordered: %q", got)
	}
}
