package intake

import (
	"errors"
	"io/fs"
	"regexp"
	"strings"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
)

// ErrInternal is a fault of this program, such as a panic.
var ErrInternal = errors.New("internal error")

// ErrLost is a region over which worker after worker was lost.
var ErrLost = errors.New("workers were lost over it: look for a crash or for too little memory")

// technical begins what only a programmer needs of a reason.
const technical = " (technical: "

// Reason says why a slide has no result, for operator and pathologist: a plain sentence, what to do next,
// and behind them the technical detail. An error that is such a reason already stays as it is.
func Reason(err error) string {
	detail := err.Error()
	if strings.Contains(detail, technical) {
		return detail
	}
	if plain := plainText(err); plain != "" {
		return sentence(plain)
	}
	what, next := explain(err, detail)
	return what + " " + next + technical + detail + ")"
}

// PlainReason is a reason without the technical detail.
func PlainReason(reason string) string {
	plain, _, _ := strings.Cut(reason, technical)
	return plain
}

// ReasonDetail is the technical detail of a reason, empty where it has none.
func ReasonDetail(reason string) string {
	_, detail, _ := strings.Cut(reason, technical)
	return strings.TrimSuffix(detail, ")")
}

// What to do next.
const (
	copyAgain  = "Copy it again from the scanner; if that does not help, scan the slide again."
	orderAgain = "Order it again with `slidemill submit`."
	askForHelp = "Try it again with `slidemill dead retry`, or order it anew; if it fails again, show this to whoever looks after Slidemill."
)

// regional finds the region that an error of the segment stage begins with.
var regional = regexp.MustCompile(`^region \d+,\d+`)

// explain is the one switch from errors to what a person is told.
func explain(err error, detail string) (what, next string) {
	var format *slide.FormatError
	var unsupported *slide.UnsupportedError
	var gap *stitch.CoverageError
	switch {
	case errors.Is(err, ErrLost):
		return regional.FindString(detail) + " of the slide cannot be analysed: worker after worker broke down over it.",
			"Give the workers more memory or a smaller --region, or order the slide with --allow-partial to have the rest without that place."
	case regional.MatchString(detail):
		return regional.FindString(detail) + " of the slide cannot be analysed.",
			"Copy or scan the slide again, or order it with --allow-partial to have the rest without that place."
	case errors.As(err, &format):
		return "The file is damaged or was not copied whole.", copyAgain
	case errors.As(err, &unsupported):
		return "The file may be sound, but it is of a kind that this program cannot read.",
			"Export it from the scanner's software as SVS or tiled TIFF, or see `slidemill doctor` about OpenSlide."
	case errors.Is(err, pyramid.ErrNoScale):
		return "The scale of the slide (microns per pixel) is unknown, so nothing on it can be measured.",
			"State it in the worklist's column mpp, or order it with --mpp: 0.25 for a typical 40× scan, 0.5 for 20×."
	case errors.As(err, &gap):
		return "Parts of the result are missing or damaged in the store, and computing them again did not help.",
			"See whether the store's disk is sound and has room, then try it again with `slidemill dead retry`."
	case errors.Is(err, fs.ErrNotExist):
		return "The file is not there any more, or this machine cannot see it.",
			"See whether it was moved and whether the network drive or the bucket is there, then order it again."
	case errors.Is(err, fs.ErrPermission):
		return "This program may not read the file.", "Give its user the right to, then order the slide again."
	case errors.Is(err, store.ErrReplaced):
		return "The file was replaced by another one, or changed, while it was worked on.", orderAgain
	case errors.Is(err, store.ErrNotFound):
		return "A part of the result is gone from the store.", orderAgain
	case errors.Is(err, store.ErrTooLarge):
		return "A part of the result is too large for the store.", askForHelp
	case errors.Is(err, ErrInternal):
		return "The program failed on this slide: that is its fault, not the slide's.", askForHelp
	}
	return "The slide could not be worked on.", askForHelp
}

// plainText is the text of an error, or of one in it, that says in plain words what is wrong and what to do;
// empty where there is none.
func plainText(err error) string {
	for _, plain := range []error{slide.ErrEmpty, slide.ErrDirectory, slide.ErrNotRegular, slide.ErrText, slide.ErrDeepZoom, slide.ErrUnknown} {
		if errors.Is(err, plain) {
			return plain.Error()
		}
	}
	var refusal *Refusal
	var failure *Failure
	var overdue *Overdue
	switch {
	case errors.As(err, &overdue):
		return overdue.Error()
	case errors.As(err, &failure):
		return failure.Error()
	case errors.As(err, &refusal) && !errors.Is(err, pyramid.ErrNoScale):
		return refusal.Error()
	}
	return ""
}

// sentence begins with a capital and ends with a stop.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	text = strings.ToUpper(text[:1]) + text[1:]
	if !strings.ContainsAny(text[len(text)-1:], ".!?)") {
		text += "."
	}
	return text
}
