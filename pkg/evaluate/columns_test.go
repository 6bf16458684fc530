package evaluate

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestColumns(t *testing.T) {
	byImage, err := ReadColumns(strings.NewReader("\ufeffimage,scanner,age\na.png,S360,61\nb,,70\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"scanner", "age"}, byImage.Names); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"scanner": "S360", "age": "61"}, byImage.Of("a.jpg", "p")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"age": "70"}, byImage.Of("b", "p")); diff != "" {
		t.Error(diff)
	}
	byPatient, err := ReadColumns(strings.NewReader("site,patient\nX,7\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := byPatient.Of("a.png", "7")["site"]; got != "X" {
		t.Errorf("site %q", got)
	}
	if got := byPatient.Of("a.png", "8"); got != nil {
		t.Errorf("an unknown patient has %v", got)
	}
}

func TestColumnsRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "no key": "scanner\nA\n", "twice": "image\na.png\na.jpg\n", "ragged": "image,b\n1\n", "quote": "image\n\"a\n",
	} {
		if _, err := ReadColumns(strings.NewReader(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzReadColumns(f *testing.F) {
	f.Add("image,scanner\na.png,S\n")
	f.Add("patient\n1\n2\n")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := ReadColumns(strings.NewReader(text)); err == nil {
			c.Of("a", "b")
		}
	})
}
