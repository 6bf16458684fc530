package evaluate

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
)

// Record names what was judged, by hash: the acceptance record of a laboratory.
type Record struct {
	Model       string `json:"model"`
	ModelSHA256 string `json:"model_sha256"`
	Data        string `json:"data"`
	DataSHA256  string `json:"data_sha256"`
	// Parameters are whatever else decided the predictions: scale, test-time ensemble, temperature.
	Parameters map[string]string `json:"parameters,omitempty"`
	Program    string            `json:"program"`
	Date       string            `json:"date,omitempty"` // the caller's; empty makes the report reproducible
}

// ClassFigures are the figures of one class.
type ClassFigures struct {
	Name      string   `json:"name"`
	Dice      Interval `json:"dice"`
	IoU       Interval `json:"iou"`
	ImageDice Number   `json:"image_dice"`
}

// Subgroup is a part of the images that share a value.
type Subgroup struct {
	Column   string              `json:"column"`
	Value    string              `json:"value"`
	Images   int                 `json:"images"`
	Patients int                 `json:"patients"`
	Figures  map[string]Interval `json:"figures"`
	// TooFew warns that the subgroup has fewer than 30 patients: its figures support no claim.
	TooFew bool `json:"too_few"`
}

// minPatients is the size from which on a subgroup's figures may be claimed.
const minPatients = 30

// Report is everything that evaluation says.
type Report struct {
	Notice      string              `json:"notice"`
	Record      Record              `json:"record"`
	Scheme      Scheme              `json:"scheme"`
	Bootstrap   Bootstrap           `json:"bootstrap"`
	Images      int                 `json:"images"`
	Patients    int                 `json:"patients"`
	Figures     map[string]Interval `json:"figures"`
	Sensitivity Interval            `json:"sensitivity_wilson"`
	Specificity Interval            `json:"specificity_wilson"`
	BoundaryIn  string              `json:"hd95_unit"`
	Boundaries  int                 `json:"hd95_images"` // images where both outlines exist
	Classes     []ClassFigures      `json:"classes"`
	Confusion   [][]int64           `json:"confusion"` // [truth][decided] pixels
	Calibration []Bin               `json:"calibration"`
	Proposal    Proposal            `json:"proposal"`
	ROC         []ROCPoint          `json:"roc"`
	Subgroups   []Subgroup          `json:"subgroups"`
	FROC        *FROC               `json:"froc,omitempty"`
	Rows        []Row               `json:"rows"`
}

// notice is on every report.
const notice = "For research use only. Not for diagnosis."

// Row is one image of the report.
type Row struct {
	Name    string   `json:"name"`
	Patient string   `json:"patient"`
	Group   string   `json:"group"`
	Score   Number   `json:"score"`
	Grade   Number   `json:"grade_score"`
	Dice    []Number `json:"dice"` // per class
	HD95    Number   `json:"hd95"`
	Truth   Number   `json:"truth_share"`  // of the image that is carcinoma
	Called  Number   `json:"called_share"` // of the image that is called carcinoma
}

// Options say what a report contains.
type Options struct {
	Record      Record
	Bootstrap   Bootstrap
	Sensitivity float64  // wanted, for the proposal; 0 means 0.95
	Columns     []string // of Summary.Columns, to break down by; the group always is
}

// Judge turns summaries into a report.
func (s Scheme) Judge(sums []*Summary, o Options) (*Report, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if len(sums) == 0 {
		return nil, fmt.Errorf("nothing to judge: no images")
	}
	if o.Sensitivity == 0 {
		o.Sensitivity = 0.95
	}
	if !(o.Sensitivity > 0 && o.Sensitivity <= 1) {
		return nil, fmt.Errorf("wanted sensitivity %g: it lies above 0 and is at most 1", o.Sensitivity)
	}
	units := byPatient(sums, len(s.Classes))
	f := s.figures(units)
	r := &Report{
		Notice: notice, Record: o.Record, Scheme: s, Bootstrap: o.Bootstrap.orDefault(),
		Images: f.Images, Patients: f.Patients, BoundaryIn: unitOf(sums), Boundaries: f.HD95Images,
		Sensitivity: Wilson(f.levels.tp, f.levels.tp+f.levels.fn),
		Specificity: Wilson(f.levels.tn, f.levels.tn+f.levels.fp),
		Proposal:    s.Propose(sums, o.Sensitivity), ROC: s.roc(sums),
	}
	r.Figures, r.Classes = s.intervals(units, r.Bootstrap)
	all := newPool(len(s.Classes))
	for _, u := range units {
		all.merge(u.pool)
	}
	r.Confusion, r.Calibration = all.confusion, reliability(&all.carcinoma, &all.other)
	r.Subgroups = s.subgroups(sums, o)
	for _, sum := range sums {
		r.Rows = append(r.Rows, s.row(sum))
	}
	return r, nil
}

func unitOf(sums []*Summary) string {
	unit := "µm"
	for _, s := range sums {
		if !s.Microns {
			unit = "pixels"
		}
	}
	return unit
}

// subgroups breaks down by diagnosis and by the wanted columns; an image without a value is in none.
func (s Scheme) subgroups(sums []*Summary, o Options) []Subgroup {
	var all []Subgroup
	all = append(all, s.breakdown(sums, "group", o.Bootstrap, func(sum *Summary) string { return sum.Group })...)
	for _, column := range o.Columns {
		all = append(all, s.breakdown(sums, column, o.Bootstrap, func(sum *Summary) string { return sum.Columns[column] })...)
	}
	return all
}

func (s Scheme) breakdown(sums []*Summary, column string, b Bootstrap, of func(*Summary) string) []Subgroup {
	parts := map[string][]*Summary{}
	for _, sum := range sums {
		if v := of(sum); v != "" {
			parts[v] = append(parts[v], sum)
		}
	}
	var groups []Subgroup
	for _, value := range slices.Sorted(maps.Keys(parts)) {
		units := byPatient(parts[value], len(s.Classes))
		figures, _ := s.intervals(units, b)
		groups = append(groups, Subgroup{
			Column: column, Value: value, Images: len(parts[value]), Patients: len(units),
			Figures: figures, TooFew: len(units) < minPatients,
		})
	}
	return groups
}

func (s Scheme) row(sum *Summary) Row {
	r := Row{
		Name: sum.Name, Patient: sum.Patient, Group: sum.Group, Score: Number(sum.Score),
		Grade: Number(sum.GradeScore), HD95: Number(sum.HD95),
	}
	for c := range s.Classes {
		r.Dice = append(r.Dice, Number(overlapOf(sum.Confusion, c).Dice()))
	}
	o := overlapOf(sum.Confusion, s.Carcinoma)
	var pixels int64
	for _, row := range sum.Confusion {
		for _, n := range row {
			pixels += n
		}
	}
	r.Truth, r.Called = Number(ratio(float64(o.TP+o.FN), float64(pixels))), Number(ratio(float64(o.TP+o.FP), float64(pixels)))
	return r
}

// WriteJSON writes the whole report.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// WriteCSV writes one line per image.
func (r *Report) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	head := []string{"name", "patient", "group", "score", "grade_score", "hd95_" + r.BoundaryIn, "truth_share", "called_share"}
	for _, c := range r.Scheme.Classes {
		head = append(head, "dice "+c)
	}
	if err := out.Write(head); err != nil {
		return err
	}
	for _, row := range r.Rows {
		line := []string{row.Name, row.Patient, row.Group, field(row.Score), field(row.Grade), field(row.HD95), field(row.Truth), field(row.Called)}
		for _, d := range row.Dice {
			line = append(line, field(d))
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// field leaves what is unknown empty.
func field(n Number) string {
	if math.IsNaN(float64(n)) {
		return ""
	}
	return strconv.FormatFloat(float64(n), 'g', 6, 64)
}
