package qc

// Status is the verdict of a check, in the report's words.
type Status string

// The verdicts.
const (
	Pass Status = "pass"
	Warn Status = "warn" // a person should look
	Fail Status = "fail" // there is nothing to analyse, or not with this stain
)

// Finding is one check of a slide, in the form of the report.
type Finding struct {
	Check  string  `json:"check"`
	Status Status  `json:"status"`
	Value  float64 `json:"value"`
}

// Side says on which side of its limits a value is bad.
type Side bool

// The sides.
const (
	Above Side = false // shares of what is wrong: bad above the limit
	Below Side = true  // how much there is of what is needed: warns below Warn, fails from Fail down
)

// Limit is a row of the table: beyond which value a check warns and fails. A limit that no value reaches
// is Never.
type Limit struct {
	Check      string
	Bad        Side
	Warn, Fail float64
	Reason     string
}

// Never is above every share.
const Never = 2.0

// The checks that this table judges: a length, an area, and shares of 1.
const (
	Scale      = "scale_um_per_px"
	TissueMM2  = "tissue_mm2"
	Unscanned  = "unscanned_share"
	Unreadable = "unreadable_share"
	PenShare   = "pen_share"
	Blurred    = "blurred_share"
	Folded     = "folded_share"
	Bubbles    = "bubble_share"
	OffStain   = "off_stain_share"
)

// Limits is the table.
func Limits() []Limit {
	return []Limit{
		{Scale, Below, 0, 0, "µm per pixel, 0 where nobody knows it: without a scale no area means anything, and the model sees another magnification"},
		{TissueMM2, Below, 0.05, 0, "mm²: the smallest useful biopsy is larger; with none there is nothing to analyse"},
		{Unscanned, Above, 0.90, Never, "of the slide: sparse scanners leave most of the glass out, but not all of it"},
		{Unreadable, Above, 0, Never, "of the slide: a scanner writes no damaged tile; one is worth a look, and is drawn as not analysed"},
		{PenShare, Above, 0.05, Never, "of ink and tissue: a dot marks a slide, a twentieth of it hides tissue"},
		{Blurred, Above, 0.20, 0.90, "of the tissue: single tiles lose focus over folds; a fifth means that the slide should be scanned again"},
		{Folded, Above, 0.05, Never, "of the tissue: folds are twice as dark and look like crowded nuclei; false alarms lie on them"},
		{Bubbles, Above, 0.01, Never, "of tissue and bubbles: below a bubble, tissue is out of focus and bent; the area is not analysed"},
		{OffStain, Above, 0.15, 0.60, "of the tissue: pigment, ink and blood reach 0.1; more is immunohistochemistry or another stain than H&E"},
	}
}

// Judge compares a value with its row.
func Judge(check string, value float64) Finding {
	for _, l := range Limits() {
		switch {
		case l.Check != check:
			continue
		case l.beyond(value, l.Fail) || l.Bad == Below && value == l.Fail:
			return Finding{check, Fail, value}
		case l.beyond(value, l.Warn):
			return Finding{check, Warn, value}
		}
		break
	}
	return Finding{check, Pass, value}
}

func (l Limit) beyond(value, limit float64) bool {
	if l.Bad == Below {
		return value < limit
	}
	return value > limit
}
