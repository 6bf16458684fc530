package jobs

// Everything that has a name in the message system, the only place where the names are spelled.
// <name> is "slidemill" unless several systems share one server.
//
//	<name>_jobs                                    stream, work queue, of the subjects
//	  <name>.jobs.<lane>.tile.<slide>.<sum>         sum: 16 hex digits over source and parameters
//	  <name>.jobs.<lane>.segment.<slide>.<run>.<batch>[.<fill>]
//	  <name>.jobs.<lane>.stitch.<slide>.<run>[.<fill>]
//	    <stage>-<lane>                             its durable consumers, one per stage and lane
//	<name>_progress                                bucket: which parts of a run are finished
//	  <slide>.<run>
//	<name>_dead                                    bucket: jobs that failed for good
//	  <job id>
//	<name>_retry                                   bucket: jobs that may be published once more
//	  <job id>
//	  <stage>.<slide>                              all of a slide that was cancelled
//	<name>.events.<slide>                          news, not kept
//
// A lane is a priority, or one and a row: routine, routine-1. A job's id is what follows it. <slide> and <run> are
// hexadecimal ids: subjects hold no patient data. <fill> is there when regions that were lost are computed again.

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Names spells the names of one system. Its zero value is the system "slidemill".
type Names struct{ system string }

const (
	defaultSystem = "slidemill"
	maxSystem     = 40
)

// NewNames names the system: lower-case letters, digits and "-"; empty means "slidemill".
func NewNames(system string) (Names, error) {
	bad := func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-') }
	if len(system) > maxSystem || strings.ContainsFunc(system, bad) {
		return Names{}, fmt.Errorf("queue name %.60q: want at most %d lower-case letters, digits and hyphens", system, maxSystem)
	}
	return Names{system}, nil
}

func (n Names) String() string {
	if n.system == "" {
		return defaultSystem
	}
	return n.system
}

// Stream is the name of the stream of jobs.
func (n Names) Stream() string { return n.String() + "_jobs" }

// Progress is the name of the bucket of finished parts.
func (n Names) Progress() string { return n.String() + "_progress" }

// Dead is the name of the bucket of dead jobs.
func (n Names) Dead() string { return n.String() + "_dead" }

// Retry is the name of the bucket of jobs that may be published again.
func (n Names) Retry() string { return n.String() + "_retry" }

// AllJobs matches the subject of every job.
func (n Names) AllJobs() string { return n.String() + ".jobs.>" }

// JobsOf matches the subjects of a stage's jobs, of every priority.
func (n Names) JobsOf(s Stage) string { return fmt.Sprintf("%s.jobs.*.%s.>", n, s) }

// JobsAt matches the subjects of a stage's jobs of one lane.
func (n Names) JobsAt(s Stage, l Lane) string {
	return fmt.Sprintf("%s.jobs.%s.%s.>", n, l, s)
}

// JobsFor matches the subjects of all jobs of a slide.
func (n Names) JobsFor(slide pyramid.SlideID) string {
	return fmt.Sprintf("%s.jobs.*.*.%s.>", n, slide)
}

// Consumer is the name of the consumer of a stage's jobs of one lane.
func (Names) Consumer(s Stage, l Lane) string { return fmt.Sprintf("%s-%s", s, l) }

// Subject carries one job.
func (n Names) Subject(l Lane, id ID) string {
	return fmt.Sprintf("%s.jobs.%s.%s", n, l, id)
}

// Subjects matches those that may carry one job, whatever its lane.
func (n Names) Subjects(id ID) string { return fmt.Sprintf("%s.jobs.*.%s", n, id) }

// ParseSubject reads what Subject spells.
func (n Names) ParseSubject(subject string) (l Lane, id ID, err error) {
	rest, ok := strings.CutPrefix(subject, n.String()+".jobs.")
	lane, text, _ := strings.Cut(rest, ".")
	if !ok {
		return l, id, fmt.Errorf("subject %.120q: want %s.jobs.LANE.ID", subject, n)
	}
	if l, err = ParseLane(lane); err == nil {
		id, err = ParseID(text)
	}
	if err != nil {
		return Lane{}, ID{}, fmt.Errorf("subject %.120q: %w", subject, err)
	}
	return l, id, nil
}

// ProgressKey names a run in the bucket of finished parts.
func (Names) ProgressKey(slide pyramid.SlideID, run pyramid.RunID) string {
	return slide.String() + "." + run.String()
}

// AgainKey names all jobs of a slide and stage in the bucket of jobs that may be published again.
func (Names) AgainKey(s Stage, slide pyramid.SlideID) string { return fmt.Sprintf("%s.%s", s, slide) }

// News carries the events of one slide.
func (n Names) News(slide pyramid.SlideID) string { return fmt.Sprintf("%s.events.%s", n, slide) }

// AllNews matches the events of every slide.
func (n Names) AllNews() string { return n.String() + ".events.*" }

// ID is a job's identity, derived from its content. It is comparable; fields that the stage does not
// use are zero. String spells Job.ID.
type ID struct {
	Stage Stage
	Slide pyramid.SlideID
	Run   pyramid.RunID // segment and stitch
	Batch int           // segment
	Fill  int           // segment and stitch; 0, which is not spelled, is before any
	Sum   [8]byte       // tile: over source and parameters
}

func (id ID) String() string {
	if id.Stage == Tile {
		return fmt.Sprintf("%s.%s.%x", id.Stage, id.Slide, id.Sum[:])
	}
	text := fmt.Sprintf("%s.%s.%s", id.Stage, id.Slide, id.Run)
	if id.Stage == Segment {
		text += fmt.Sprintf(".%d", id.Batch)
	}
	if id.Fill != 0 {
		text += fmt.Sprintf(".%d", id.Fill)
	}
	return text
}

// ParseID reads what String spells.
func ParseID(text string) (ID, error) {
	id, err := parseID(strings.SplitN(text, ".", 6))
	if err == nil && id.String() != text {
		err = fmt.Errorf("want %s", id)
	}
	if err != nil {
		return ID{}, fmt.Errorf("job id %.120q: %w", text, err)
	}
	return id, nil
}

func parseID(part []string) (id ID, err error) {
	id.Stage = Stage(part[0])
	want := map[Stage]int{Tile: 3, Segment: 4, Stitch: 3}[id.Stage]
	filled := id.Stage != Tile && len(part) == want+1
	if want == 0 || len(part) != want && !filled {
		return id, fmt.Errorf("want tile.SLIDE.SUM, segment.SLIDE.RUN.BATCH or stitch.SLIDE.RUN, the last two perhaps with .FILL")
	}
	if id.Slide, err = pyramid.ParseSlideID(part[1]); err != nil {
		return id, err
	}
	if id.Stage == Tile {
		return id, parseSum(id.Sum[:], part[2])
	}
	id.Run, err = pyramid.ParseRunID(part[2])
	if err == nil && id.Stage == Segment {
		id.Batch, err = parseCount("batch", part[3])
	}
	if err == nil && filled {
		id.Fill, err = parseCount("fill", part[want])
	}
	return id, err
}

func parseCount(what, text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	if err == nil && n >= MaxParts {
		err = fmt.Errorf("%s %d: want less than %d", what, n, MaxParts)
	}
	return int(n), err
}

func parseSum(dst []byte, text string) error {
	sum, err := hex.DecodeString(text)
	if err != nil || len(sum) != len(dst) {
		return fmt.Errorf("sum %.40q: want %d hexadecimal digits", text, 2*len(dst))
	}
	copy(dst, sum)
	return nil
}
