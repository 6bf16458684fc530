package judge

import (
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/train"
)

// View is which of a model's classes are told apart.
type View int

// Views. Models with different classes are compared by what they share.
const (
	AllClasses   View = iota // the model's own
	ThreeClasses             // the rest, high-grade dysplasia, carcinoma
	TwoClasses               // the rest, carcinoma; images with high-grade dysplasia are left out
)

// Shared is the finest view that two models have in common.
func Shared(a, b *segment.Model) View {
	da, db := &a.Description, &b.Description
	same := len(da.Classes) == len(db.Classes) && da.Carcinoma == db.Carcinoma && da.HighGrade == db.HighGrade
	for i := 0; same && i < len(da.Classes); i++ {
		same = da.Classes[i] == db.Classes[i]
	}
	switch {
	case same:
		return AllClasses
	case da.HighGrade >= 0 && db.HighGrade >= 0:
		return ThreeClasses
	}
	return TwoClasses
}

// meaning is what the classes of a view mean, as a description that stands for the model's.
func (v View) meaning(d *segment.Description) *segment.Description {
	names := train.ClassNames()
	switch v {
	case ThreeClasses:
		return &segment.Description{Classes: []string{"rest", names[train.HighGrade], names[train.Carcinoma]}, HighGrade: 1, Carcinoma: 2}
	case TwoClasses:
		return &segment.Description{Classes: []string{"rest", names[train.Carcinoma]}, HighGrade: -1, Carcinoma: 1}
	}
	if len(d.Classes) == 1 {
		return &segment.Description{Classes: []string{d.Classes[0], "other"}, HighGrade: -1, Carcinoma: 0}
	}
	return d
}

// planes turns a model's planes into the view's; what the view does not name is the rest.
func (v View) planes(d *segment.Description, planes [][]uint8) [][]uint8 {
	switch {
	case v == ThreeClasses:
		high, carcinoma := planes[d.HighGrade], planes[d.Carcinoma]
		return [][]uint8{restPlane(carcinoma, high), high, carcinoma}
	case v == TwoClasses:
		return [][]uint8{restPlane(planes[d.Carcinoma]), planes[d.Carcinoma]}
	case len(planes) == 1:
		return [][]uint8{planes[0], restPlane(planes[0])}
	}
	return planes
}

// restPlane is what is left of certainty.
func restPlane(named ...[]uint8) []uint8 {
	rest := make([]uint8, len(named[0]))
	for i := range rest {
		left := 255
		for _, plane := range named {
			left -= int(plane[i])
		}
		rest[i] = uint8(max(left, 0))
	}
	return rest
}
