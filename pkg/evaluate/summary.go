package evaluate

// Summary is what evaluation keeps of an image.
//
// # Memory
//
// A summary takes less than 20 KB whatever the image's size, so a thousand slides take 20 MB; the
// images themselves can be dropped one by one.
type Summary struct {
	Name, Patient, Group string
	Columns              map[string]string
	Confusion            [][]int64 // [truth][decided] pixels
	// Carcinoma and Other count pixels by their carcinoma byte: truly carcinoma, and not.
	Carcinoma, Other [256]int64
	// Right and Wrong count pixels by the byte of the most probable class.
	Right, Wrong [256]int64
	Score        float64 // of carcinoma, see score
	GradeScore   float64 // of high grade or worse
	HighScore    float64 // of high grade alone
	HD95         float64 // of the carcinoma boundary, µm, or pixels when MPP is unknown; NaN when one side is empty
	Microns      bool    // HD95 is in microns
	PixelMM2     float64 // 0 when the scale is unknown
	Threshold    float64 // of the scheme: the image is positive from this score on
}

// scoreShare is the share of an image's pixels that its score looks at: the tenth that looks most like
// the class. A focus of carcinoma is not averaged away, and a few stray pixels do not decide.
const scoreShare = 0.1

// Summarise counts one image.
func (s Scheme) Summarise(img *Image) (*Summary, error) {
	t := s.NewTally(img)
	if err := t.Add(img); err != nil {
		return nil, err
	}
	sum := t.Summary()
	sum.HD95 = s.boundary(img, s.level())
	return sum, nil
}

// decide returns the most probable class and the class decided on: carcinoma from the threshold on,
// and below it the most probable of the others.
func (s Scheme) decide(prob [][]uint8, i int, level uint8) (best, decided int) {
	decided = -1
	for c, plane := range prob {
		if plane[i] > prob[best][i] {
			best = c
		}
		if c != s.Carcinoma && (decided < 0 || plane[i] > prob[decided][i]) {
			decided = c
		}
	}
	if prob[s.Carcinoma][i] >= level {
		decided = s.Carcinoma
	}
	return best, decided
}

func (s *Summary) count(confidence uint8, right bool) {
	if right {
		s.Right[confidence]++
	} else {
		s.Wrong[confidence]++
	}
}

// score is the mean probability of the most probable tenth of the pixels.
func score(hist [256]int64) float64 {
	total := int64(0)
	for _, n := range hist {
		total += n
	}
	want := max(int64(float64(total)*scoreShare), 1)
	sum, left := 0.0, want
	for b := 255; b >= 0 && left > 0; b-- {
		n := min(hist[b], left)
		sum += float64(n) * float64(b)
		left -= n
	}
	return sum / 255 / float64(want)
}

func add(a, b [256]int64) [256]int64 {
	for i := range a {
		a[i] += b[i]
	}
	return a
}

func newMatrix(n int) [][]int64 {
	m := make([][]int64, n)
	for i := range m {
		m[i] = make([]int64, n)
	}
	return m
}

// has says whether the truth of the image holds a class.
func (s *Summary) has(class int) bool {
	if class < 0 {
		return false
	}
	for _, n := range s.Confusion[class] {
		if n > 0 {
			return true
		}
	}
	return false
}
