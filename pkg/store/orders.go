package store

import (
	"fmt"
	"strings"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// The second tree of the store holds what was ordered. It is apart from slides/ because its files hold
// what no key, log or URL may: the name of the file and the accession. Nothing serves them as they are.
//
//	orders/
//	  targets.json                            how long orders may take
//	  <slide>/
//	    order.json                            what was ordered, under which name, for which accession
//	    begun.json                            when work on it was seen to begin
//	    end.json                              how it ended, where no run.json says so: refused, failed, cancelled
const ordersFolder = "orders/"

// Kinds of one order.
const (
	OrderRecord Kind = "order.json"
	BegunRecord Kind = "begun.json"
	EndRecord   Kind = "end.json"
)

// Orders is the prefix of every order, to list.
func Orders() string { return ordersFolder }

// Targets is how long orders of each priority may take.
func Targets() string { return ordersFolder + "targets.json" }

// OrderKeys names what is kept of one slide's order.
type OrderKeys struct{ id pyramid.SlideID }

// Order names what is kept of the slide's order.
func Order(id pyramid.SlideID) OrderKeys { return OrderKeys{id} }

// Record is what was ordered.
func (o OrderKeys) Record() string { return o.file(OrderRecord) }

// Begun is when work on it was seen to begin.
func (o OrderKeys) Begun() string { return o.file(BegunRecord) }

// End is how it ended without a result.
func (o OrderKeys) End() string { return o.file(EndRecord) }

func (o OrderKeys) file(k Kind) string { return ordersFolder + o.id.String() + "/" + string(k) }

// ParseOrder reads a key that OrderKeys spelled.
func ParseOrder(key string) (id pyramid.SlideID, kind Kind, err error) {
	rest, ok := strings.CutPrefix(key, ordersFolder)
	slide, name, _ := strings.Cut(rest, "/")
	if id, err = pyramid.ParseSlideID(slide); err == nil {
		kind = Kind(name)
		if !ok || kind != OrderRecord && kind != BegunRecord && kind != EndRecord {
			err = fmt.Errorf("holds nothing called %.40q", name)
		}
	}
	if err != nil {
		return pyramid.SlideID{}, "", fmt.Errorf("key %.200q: %w", key, err)
	}
	return id, kind, nil
}
