package judge

import (
	"bytes"
	"slices"

	"github.com/slidemill/slidemill/pkg/evaluate"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/train"
)

// classesOf maps the classes of labelled data to those of a model: by meaning for carcinoma and
// high-grade dysplasia, by name for the others, and what a model does not tell apart goes to its first
// class that is neither. Ignored pixels stay ignored.
func classesOf(d *segment.Description) [256]uint8 {
	var to [256]uint8
	for i := range to {
		to[i] = evaluate.Ignore
	}
	names := train.ClassNames()
	for c := range train.Classes {
		at := slices.Index(d.Classes, names[c])
		if at < 0 || at == d.Carcinoma || at == d.HighGrade {
			at = restOf(d)
		}
		to[c] = uint8(at)
	}
	to[train.Carcinoma], to[train.HighGrade] = uint8(d.Carcinoma), evaluate.Ignore
	if d.HighGrade >= 0 {
		to[train.HighGrade] = uint8(d.HighGrade)
	}
	return to
}

// restOf is the first class that is neither carcinoma nor high-grade dysplasia.
func restOf(d *segment.Description) int {
	at := 0
	for at == d.Carcinoma || at == d.HighGrade {
		at++
	}
	return at
}

// truth is labels in the model's classes.
func (j *Judge) truth(labels []uint8) []uint8 {
	to := classesOf(j.View.meaning(&j.Model.Description))
	out := make([]uint8, len(labels))
	for i, l := range labels {
		out[i] = to[l]
	}
	return out
}

func holds(labels []uint8, class uint8) bool { return bytes.IndexByte(labels, class) >= 0 }
