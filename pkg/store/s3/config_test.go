package s3

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Config{
		"s3://slides":          {Bucket: "slides"},
		"s3://slides/":         {Bucket: "slides"},
		"s3://slides/lab/one/": {Bucket: "slides", Prefix: "lab/one"},
		"s3://slides/lab?region=mars-1&endpoint=http://127.0.0.1:9000": {
			Bucket: "slides", Prefix: "lab", Region: "mars-1", Endpoint: "http://127.0.0.1:9000"},
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", text, got, err, want)
		}
	}
	for name, text := range map[string]string{
		"nothing":            "",
		"no scheme":          "slides/lab",
		"other scheme":       "http://slides",
		"no bucket":          "s3:///lab",
		"password":           "s3://key:hunter2@slides",
		"traversal":          "s3://slides/../other",
		"unknown option":     "s3://slides?secret=hunter2",
		"endpoint's scheme":  "s3://slides?endpoint=127.0.0.1:9000",
		"endpoint's path":    "s3://slides?endpoint=http://h/p",
		"endpoint's secrets": "s3://slides?endpoint=http://key:hunter2@h",
		"broken":             "s3://sl ides/%zz",
	} {
		_, err := Parse(text)
		if err == nil {
			t.Errorf("%s: %q was accepted", name, text)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error holds the secret: %v", name, err)
		}
	}
}

// FuzzParse: what is accepted names a bucket; nothing panics.
func FuzzParse(f *testing.F) {
	f.Add("s3://slides/lab?region=mars-1")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := Parse(text); err == nil && c.Bucket == "" {
			t.Fatalf("%q: no bucket", text)
		}
	})
}
