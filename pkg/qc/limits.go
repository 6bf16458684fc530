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

// Limit is a row of the table: from which value on a check warns and fails. A limit that no value reaches
// is Never.
type Limit struct {
	Check      string
	Warn, Fail float64 // values above
	Reason     string
}

// Never is above every share.
const Never = 2.0

// The checks that this table judges; values are shares of 1.
const (
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
		{Unscanned, 0.90, Never, "of the slide: sparse scanners leave most of the glass out, but not all of it"},
		{Unreadable, 0, Never, "of the slide: a scanner writes no damaged tile; one is worth a look, and is drawn as not analysed"},
		{PenShare, 0.05, Never, "of ink and tissue: a dot marks a slide, a twentieth of it hides tissue"},
		{Blurred, 0.20, 0.90, "of the tissue: single tiles lose focus over folds; a fifth means that the slide should be scanned again"},
		{Folded, 0.05, Never, "of the tissue: folds are twice as dark and look like crowded nuclei; false alarms lie on them"},
		{Bubbles, 0.01, Never, "of tissue and bubbles: below a bubble, tissue is out of focus and bent; the area is not analysed"},
		{OffStain, 0.15, 0.60, "of the tissue: pigment, ink and blood reach 0.1; more is immunohistochemistry or another stain than H&E"},
	}
}

// Judge compares a value with its row.
func Judge(check string, value float64) Finding {
	for _, l := range Limits() {
		switch {
		case l.Check != check:
			continue
		case value > l.Fail:
			return Finding{check, Fail, value}
		case value > l.Warn:
			return Finding{check, Warn, value}
		}
		break
	}
	return Finding{check, Pass, value}
}
