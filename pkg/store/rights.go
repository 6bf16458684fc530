package store

import (
	"slices"
	"strings"
)

// Role is who works on the store: the text of `--roles`, or "serve" for the server and for the commands of
// people. A worker of several roles has the rights of all.
type Role string

// The roles, and Worker for a process that has all but the server's.
const (
	Tiler     Role = "tile"
	Segmenter Role = "segment"
	Stitcher  Role = "stitch"
	Server    Role = "serve"
	Worker    Role = "worker"
)

// Roles are those that a site makes a user for.
func Roles() []Role { return []Role{Server, Tiler, Segmenter, Stitcher, Worker} }

// Right is what a role may do with objects.
type Right uint8

// Rights. Names may be listed by all of them: keys hold identities and numbers only.
const (
	Read   Right = 1 << iota // and ask whether an object is there
	Write                    // make and replace
	Delete                   // remove
)

// duties says which role needs what, kind by kind, but the server's. A kind that is not named here no worker may
// touch.
var duties = map[Kind]map[Role]Right{
	SlideManifest:  {Tiler: Read | Write, Segmenter: Read, Stitcher: Read},
	PyramidDZI:     {Tiler: Read | Write, Segmenter: Read, Stitcher: Read},
	PyramidTile:    {Tiler: Read | Write, Segmenter: Read, Stitcher: Read},
	PyramidArchive: {Tiler: Read | Write, Segmenter: Read, Stitcher: Read},
	PyramidHead:    {Tiler: Read | Write | Delete, Segmenter: Read, Stitcher: Read},
	Thumbnail:      {Tiler: Write},
	Tissue:         {Tiler: Read | Write},

	Plan:               {Tiler: Read | Write, Segmenter: Read, Stitcher: Read},
	Region:             {Segmenter: Read | Write, Stitcher: Read},
	Quarantine:         {Segmenter: Read | Write | Delete, Stitcher: Read},
	ProbabilityDZI:     {Stitcher: Read | Write},
	ProbabilityTile:    {Stitcher: Read | Write},
	ProbabilityArchive: {Stitcher: Read | Write},
	OverlayDZI:         {Stitcher: Read | Write},
	OverlayTile:        {Stitcher: Read | Write},
	OverlayArchive:     {Stitcher: Read | Write},
	Mask:               {Stitcher: Read | Write},
	Contours:           {Stitcher: Read | Write},
	Preview:            {Stitcher: Read | Write},
	Report:             {Stitcher: Read | Write},
	ReportHTML:         {Stitcher: Read | Write},
	RunManifest:        {Stitcher: Read | Write},

	OrderRecord: {},
	BegunRecord: {},
	EndRecord:   {Tiler: Read, Segmenter: Read, Stitcher: Read}, // whether it was cancelled
}

// Grant is a right on all keys that a pattern fits: * stands for any text, also with slashes.
type Grant struct {
	Pattern string
	Right   Right
}

// Grants are the rights of a role, and no others.
func Grants(role Role) (grants []Grant) {
	if role == Server { // it keeps the ledger; it shows, verifies and exports what slides have, and changes none of it
		return []Grant{{ordersFolder + "*", Read | Write | Delete}, {slidesFolder + "*", Read}}
	}
	sum := map[string]Right{}
	for kind, needs := range duties {
		right := needs[role]
		if role == Worker {
			right = needs[Tiler] | needs[Segmenter] | needs[Stitcher]
		}
		sum[kind.pattern()] |= right &^ Delete
		sum[kind.exactly()] |= right & Delete
	}
	for pattern, right := range sum {
		if right != 0 {
			grants = append(grants, Grant{pattern, right})
		}
	}
	slices.SortFunc(grants, func(a, b Grant) int { return strings.Compare(a.Pattern, b.Pattern) })
	return grants
}

// pattern fits every key of the kind, and of those whose name begins with the same word: a pyramid's
// descriptor, its tiles and its archive go together, and policies are bounded in bytes. Ids are not told from
// other text, as wildcards cannot; what else it fits is no key of the layout.
func (k Kind) pattern() string {
	word := string(k)
	if i := strings.IndexAny(word, "._-"); i >= 0 {
		word = word[:i]
	}
	return k.folder() + word + "*"
}

// exactly fits the keys of the kind alone.
func (k Kind) exactly() string {
	if s := shapes[k]; s.tile || s.region {
		return k.folder() + string(k) + "/*" + s.ext
	}
	return k.folder() + string(k)
}

func (k Kind) folder() string {
	switch {
	case k == OrderRecord || k == BegunRecord || k == EndRecord:
		return ordersFolder + "*/"
	case shapes[k].inRun:
		return slidesFolder + "*/" + runsFolder + "*/"
	}
	return slidesFolder + "*/"
}
