package slide_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/slide"
)

// elsewhere is a Remote of one slide.
type elsewhere struct {
	data []byte
	size int64 // that it claims
	open int   // sources that nobody closed
}

func (e *elsewhere) remote(_ context.Context, name string) (slide.Source, error) {
	if name != "far://away/slide.svs" {
		return slide.Source{}, fs.ErrNotExist
	}
	e.open++
	return slide.Source{ReaderAt: bytes.NewReader(e.data), Closer: e, Size: e.size}, nil
}

func (e *elsewhere) Close() error { e.open--; return nil }

// TestRemoteHash: the name of a slide does not depend on where it lies, and a part of one has none.
func TestRemoteHash(t *testing.T) {
	data := bytes.Repeat([]byte("slide"), 1<<19)
	file := writeFile(t, "x", data)
	e := &elsewhere{data: data, size: int64(len(data))}
	want, err := slide.Hash(t.Context(), file, nil)
	if err != nil {
		t.Fatal(err)
	}
	var heard int64
	for _, name := range []string{file, "far://away/slide.svs"} {
		got, err := slide.Remote(e.remote).Hash(t.Context(), name, func(n int64) { heard = n })
		n, sizeErr := slide.Remote(e.remote).Bytes(t.Context(), name)
		if err := errors.Join(err, sizeErr); err != nil || got != want || n != e.size || heard != n {
			t.Errorf("%s: %x, %d bytes, heard %d, %v", name, got, n, heard, err)
		}
	}
	e.size++
	if _, err := slide.Remote(e.remote).Hash(t.Context(), "far://away/slide.svs", nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("hash of a part: %v", err)
	}
	e.size = 0
	if _, err := slide.Remote(e.remote).Hash(t.Context(), "far://away/slide.svs", nil); !errors.Is(err, slide.ErrEmpty) {
		t.Errorf("hash of nothing: %v", err)
	}
	if e.open != 0 {
		t.Errorf("%d sources are open", e.open)
	}
}

// TestRemoteRefuses: what cannot be opened is closed, and says why.
func TestRemoteRefuses(t *testing.T) {
	dicom := append(make([]byte, 128), "DICM\x02\x00\x00\x00UL\x04\x00"...)
	for want, data := range map[string][]byte{"text file": []byte("plain text"), "DICOM slides that are no files": dicom, "empty": {}} {
		e := &elsewhere{data: data, size: int64(len(data))}
		_, err := slide.Remote(e.remote).Open(t.Context(), "far://away/slide.svs", slide.Options{})
		if err == nil || !strings.Contains(err.Error(), want) || e.open != 0 {
			t.Errorf("want %q: error %v, %d sources open", want, err, e.open)
		}
	}
	if _, err := slide.Remote(new(elsewhere).remote).Open(t.Context(), "far://away/gone", slide.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("gone: %v", err)
	}
	if _, err := slide.Remote(nil).Open(t.Context(), "far://away/slide.svs", slide.Options{}); err == nil || !strings.Contains(err.Error(), "files of this machine") {
		t.Errorf("nobody opens addresses: %v", err)
	}
}

func TestFileName(t *testing.T) {
	for name, want := range map[string]string{
		"/scans/a b.svs": "a b.svs", "x.svs": "x.svs", "/scans/what?.svs": "what?.svs",
		"s3://b/2026/x.svs": "x.svs", "s3://b/x.svs?endpoint=http://h:1": "x.svs", "s3://b/50%25%3F.svs": "50%?.svs",
		"s3://b/50%.svs?region=r": "50%.svs",
	} {
		if got := slide.FileName(name); got != want {
			t.Errorf("%s is called %q, want %q", name, got, want)
		}
	}
}
