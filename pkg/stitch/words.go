package stitch

import (
	"fmt"
	"strings"
)

// wording is how a check that did not pass is said to people: with the value where it is a number, and what
// to do.
var wording = map[string]string{
	"coverage":         "parts of the slide are not analysed: %s",
	"quality control":  "the slide's checks cannot be read: %s",
	checkScale:         "the scale of the slide is not known: areas cannot be relied on",
	"tissue_mm2":       "little or no tissue was found (%s mm²): see whether the slide is pale, or the wrong one",
	"unscanned_share":  "the scanner left out %s of the slide: see whether all tissue was scanned",
	"unreadable_share": "%s of the slide cannot be read and was not analysed: copy the file again, or scan the slide again",
	"pen_share":        "ink hides part of the slide (%s of ink and tissue): clean the glass and scan it again if it lies on tissue",
	checkBlurred:       "%s of the tissue is out of focus: scan the slide again",
	"folded_share":     "%s of the tissue is folded; it is analysed, because carcinoma can be as dark, but folds draw false alarms: look at them with care",
	"bubble_share":     "air bubbles cover %s of the tissue, which was not analysed: mount the slide again if it matters",
	"off_stain_share":  "%s of the tissue has colours that H&E does not make: see whether this is another stain; the model knows only H&E",
	checkOverruled:     "the order's scale, --mpp or the worklist's, counts and not the file's (%s): every area and the magnification that the model sees hang on it; make sure which one is right",
	checkUnlikeShare:   "%s of the tissue that was compared looks like nothing the model was trained on and is counted as uncertain",
	checkDistance:      "stain and texture of much of the tissue lie outside what the model was trained on: read with care (%s)",
}

// Words says in plain words what a check found, or nothing where it passed.
func (c Check) Words() string {
	if c.Status == CheckPassed {
		return ""
	}
	format, known := wording[c.Check]
	if !known {
		return fmt.Sprintf("%s: %s (%s)", plainName(c.Check), c.Status, value(c))
	}
	if _, number := c.Value.(float64); !number && c.Check == checkUnlikeShare {
		return "whether the tissue looks like the training images is " + value(c)
	}
	if c.Check == checkScale {
		return format
	}
	return fmt.Sprintf(format, strings.TrimSuffix(value(c), "; "+Unlike)) // which the words of the distance say already
}

// inWords gives each check its words.
func inWords(list []Check) []Check {
	for i := range list {
		list[i].Said = list[i].Words()
	}
	return list
}
