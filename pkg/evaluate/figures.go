package evaluate

import "math"

// Figures are the headline numbers of a set of images. A figure that the images cannot give, such as
// an AUC without positives, is NaN.
type Figures struct {
	Images, Patients int
	Dice, IoU        float64   // carcinoma, pooled over the pixels of all images
	ImageDice        float64   // carcinoma, mean over the images that truly hold it
	ClassDice        []float64 // per class, pooled
	ClassIoU         []float64
	ClassImageDice   []float64 // per class, mean over the images that truly hold it
	HD95             float64   // median over images where both masks exist
	HD95Images       int       // how many those are
	AUC              float64   // image level: carcinoma against images with nothing above benign
	PixelAUC         float64   // carcinoma against all other pixels
	Sensitivity      float64   // image level, score at the threshold
	Specificity      float64
	HighGradeAUC     float64 // image level: high-grade dysplasia against nothing above benign, by high grade or worse
	HighGradeOnlyAUC float64 // the same by the probability of high grade alone
	FalseArea        float64 // share of the negatives' area that is called carcinoma
	FalseMM2         float64 // that area per image, NaN when the scale is unknown
	ECE              float64 // carcinoma probability, 15 bins of equal width
	ClassECE         float64 // confidence of the most probable class, 15 bins
	Brier            float64 // carcinoma probability
	levels           imageLevel
}

// imageLevel are the counts behind sensitivity and specificity.
type imageLevel struct{ tp, fn, tn, fp int }

// Figures computes every headline number of some summaries.
func (s Scheme) Figures(sums []*Summary) Figures { return s.figures(byPatient(sums, len(s.Classes))) }

// unit is a patient: what a bootstrap draws.
type unit struct {
	pool *pool
	sums []*Summary
}

// byPatient gathers summaries, patients in the order of their first image.
func byPatient(sums []*Summary, classes int) []*unit {
	var units []*unit
	index := map[string]*unit{}
	for _, sum := range sums {
		u := index[sum.Patient]
		if u == nil {
			u = &unit{pool: newPool(classes)}
			index[sum.Patient] = u
			units = append(units, u)
		}
		u.pool.add(sum)
		u.sums = append(u.sums, sum)
	}
	return units
}

// figures works on a multiset of patients.
func (s Scheme) figures(units []*unit) Figures {
	var sums []*Summary
	all := newPool(len(s.Classes))
	for _, u := range units {
		all.merge(u.pool)
		sums = append(sums, u.sums...)
	}
	f := Figures{Images: len(sums), Patients: len(units)}
	for c := range s.Classes {
		o := overlapOf(all.confusion, c)
		f.ClassDice, f.ClassIoU = append(f.ClassDice, o.Dice()), append(f.ClassIoU, o.IoU())
		f.ClassImageDice = append(f.ClassImageDice, imageDice(sums, c))
	}
	f.Dice, f.IoU, f.ImageDice = f.ClassDice[s.Carcinoma], f.ClassIoU[s.Carcinoma], f.ClassImageDice[s.Carcinoma]
	f.HD95, f.HD95Images = medianHD95(sums)
	f.PixelAUC = histogramAUC(&all.carcinoma, &all.other)
	f.ECE, f.Brier = ece(&all.carcinoma, &all.other), brier(&all.carcinoma, &all.other)
	f.ClassECE = ece(&all.right, &all.wrong)
	s.imageFigures(sums, &f)
	s.falseArea(sums, &f)
	return f
}

// pool adds up summaries.
type pool struct {
	confusion                      [][]int64
	carcinoma, other, right, wrong [256]int64
}

func newPool(classes int) *pool { return &pool{confusion: newMatrix(classes)} }

func (p *pool) add(s *Summary) {
	for i, row := range s.Confusion {
		for j, n := range row {
			p.confusion[i][j] += n
		}
	}
	p.carcinoma, p.other = add(p.carcinoma, s.Carcinoma), add(p.other, s.Other)
	p.right, p.wrong = add(p.right, s.Right), add(p.wrong, s.Wrong)
}

func (p *pool) merge(o *pool) {
	for i, row := range o.confusion {
		for j, n := range row {
			p.confusion[i][j] += n
		}
	}
	p.carcinoma, p.other = add(p.carcinoma, o.carcinoma), add(p.other, o.other)
	p.right, p.wrong = add(p.right, o.right), add(p.wrong, o.wrong)
}

func imageDice(sums []*Summary, class int) float64 {
	total, n := 0.0, 0
	for _, s := range sums {
		if s.has(class) {
			total += overlapOf(s.Confusion, class).Dice()
			n++
		}
	}
	return ratio(total, float64(n))
}

func medianHD95(sums []*Summary) (median float64, images int) {
	var all []float64
	for _, s := range sums {
		if !math.IsNaN(s.HD95) {
			all = append(all, s.HD95)
		}
	}
	return quantile(all, 0.5), len(all)
}

// imageFigures compares images by their scores. Images with high-grade dysplasia are neither
// positives nor negatives of carcinoma: whether they are carcinoma is what pathologists disagree on.
func (s Scheme) imageFigures(sums []*Summary, f *Figures) {
	var cancer, benign, high, benignGrade, highOnly, benignHigh []float64
	for _, sum := range sums {
		positive := sum.Score >= sum.Threshold
		switch {
		case sum.has(s.Carcinoma):
			cancer = append(cancer, sum.Score)
			f.levels.count(positive, true)
		case sum.has(s.HighGrade):
			high, highOnly = append(high, sum.GradeScore), append(highOnly, sum.HighScore)
		default:
			benign = append(benign, sum.Score)
			benignGrade, benignHigh = append(benignGrade, sum.GradeScore), append(benignHigh, sum.HighScore)
			f.levels.count(positive, false)
		}
	}
	f.AUC = AUC(cancer, benign)
	f.HighGradeAUC, f.HighGradeOnlyAUC = AUC(high, benignGrade), AUC(highOnly, benignHigh)
	l := f.levels
	f.Sensitivity = ratio(float64(l.tp), float64(l.tp+l.fn))
	f.Specificity = ratio(float64(l.tn), float64(l.tn+l.fp))
}

func (l *imageLevel) count(positive, truth bool) {
	switch {
	case positive && truth:
		l.tp++
	case positive:
		l.fp++
	case truth:
		l.fn++
	default:
		l.tn++
	}
}

// falseArea is how much carcinoma is drawn on images of the negative groups.
func (s Scheme) falseArea(sums []*Summary, f *Figures) {
	f.FalseArea, f.FalseMM2 = math.NaN(), math.NaN()
	var called, all int64
	images, mm2 := 0, 0.0
	for _, sum := range sums {
		if !s.negative(sum.Group) {
			continue
		}
		images++
		for t, row := range sum.Confusion {
			for p, n := range row {
				all += n
				if p == s.Carcinoma && t != s.Carcinoma {
					called += n
					mm2 += float64(n) * sum.PixelMM2
				}
			}
		}
		if sum.PixelMM2 == 0 {
			mm2 = math.NaN()
		}
	}
	if images > 0 {
		f.FalseArea, f.FalseMM2 = float64(called)/float64(all), mm2/float64(images)
	}
}

func (s Scheme) negative(group string) bool {
	for _, g := range s.Negatives {
		if g == group {
			return true
		}
	}
	return false
}
