package store_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

func TestReadAllStopsAtItsLimit(t *testing.T) {
	b := mem.New()
	if err := b.Put(t.Context(), "slides/a", strings.NewReader("12345"), 5); err != nil {
		t.Fatal(err)
	}
	if data, err := store.ReadAll(t.Context(), b, "slides/a", 5); err != nil || string(data) != "12345" {
		t.Errorf("at the limit: %q, %v", data, err)
	}
	if _, err := store.ReadAll(t.Context(), b, "slides/a", 4); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("beyond the limit: %v", err)
	}
	if _, err := store.ReadAll(t.Context(), b, "slides/b", 4); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("what is not there: %v", err)
	}
}
