package store

import (
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

func TestOrderKeys(t *testing.T) {
	id, err := pyramid.ParseSlideID(slideText)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]Kind{
		Order(id).Record(): OrderRecord,
		Order(id).End():    EndRecord,
	} {
		if key != "orders/"+slideText+"/"+string(want) {
			t.Errorf("key %s", key)
		}
		got, kind, err := ParseOrder(key)
		if err != nil || got != id || kind != want {
			t.Errorf("%s: %v %v %v", key, got, kind, err)
		}
	}
	for _, bad := range []string{"", "orders/", "orders/x/order.json", "slides/" + slideText + "/order.json", "orders/" + slideText + "/secret", "orders/" + slideText} {
		if _, _, err := ParseOrder(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
