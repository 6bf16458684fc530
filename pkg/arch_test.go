package pkg

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/slidemill/slidemill/"

// allowed is the map of doc.go as data: which packages of ours each one may import, tests apart. An
// entry that ends in /... allows everything below it as well.
var allowed = map[string][]string{
	"pkg":                         {},
	"pkg/pyramid":                 {},
	"pkg/pyramid/shrink":          {},
	"pkg/pyramid/quadtree":        {"pkg/pyramid"},
	"pkg/store":                   {"pkg/pyramid"},
	"pkg/store/...":               {"pkg/pyramid", "pkg/store/..."},
	"pkg/jobs":                    {"pkg/pyramid"},
	"pkg/jobs/...":                {"pkg/pyramid", "pkg/jobs/..."},
	"pkg/slide":                   {"pkg/pyramid", "pkg/slide/..."},
	"pkg/slide/...":               {"pkg/pyramid", "pkg/slide/..."},
	"pkg/segment":                 {"pkg/pyramid", "pkg/qc", "pkg/segment/fingerprint", "pkg/segment/planes", "pkg/segment/net", "pkg/segment/onnx"},
	"pkg/segment/fingerprint":     {},
	"pkg/segment/fingerprint/gen": {},
	"pkg/segment/planes":          {},
	"pkg/segment/planes/gen":      {},
	"pkg/segment/net":             {},
	"pkg/segment/net/nettest":     {"pkg/segment/net"},
	"pkg/segment/onnx":            {"pkg/segment/net"},
	"pkg/segment/nn":              {"pkg/pyramid", "pkg/segment", "pkg/segment/net", "pkg/segment/nn/kernel"},
	"pkg/segment/nn/kernel":       {"pkg/segment/net"},
	"pkg/segment/nn/kernel/...":   {"pkg/segment/nn/kernel"},
	"pkg/segment/builtin":         {"pkg/segment"},
	"pkg/segment/plain":           {"pkg/pyramid", "pkg/segment", "pkg/segment/fingerprint"},
	"pkg/segment/npy":             {"pkg/segment/net"},
	"pkg/segment/ort":             {"pkg/pyramid", "pkg/segment", "pkg/segment/net", "pkg/segment/onnx"},
	"pkg/segment/train/...":       {"pkg/pyramid", "pkg/slide/...", "pkg/evaluate", "pkg/segment/..."},
	"pkg/segment/train":           {"pkg/pyramid", "pkg/slide", "pkg/evaluate", "pkg/segment/..."},
	"pkg/segment/judge":           {"pkg/pyramid", "pkg/evaluate", "pkg/segment/..."},
	"pkg/segment/explain":         {"pkg/pyramid", "pkg/segment", "pkg/segment/net", "pkg/segment/nn"},
	"pkg/qc":                      {},
	"pkg/tiler":                   {"pkg/qc", "pkg/pyramid/...", "pkg/slide/...", "pkg/store", "pkg/segment", "pkg/tiler/taps"},
	"pkg/tiler/taps":              {},
	"pkg/tiler/taps/gen":          {},
	"pkg/stitch":                  {"pkg/pyramid/...", "pkg/slide/...", "pkg/store", "pkg/segment", "pkg/segment/fingerprint", "pkg/export", "pkg/stitch/..."},
	"pkg/stitch/...":              {"pkg/pyramid/...", "pkg/segment", "pkg/stitch/..."},
	"pkg/export":                  {"pkg/pyramid", "pkg/segment", "pkg/stitch/contour"},
	"pkg/evaluate":                {"pkg/pyramid"},
	"pkg/intake":                  {"pkg/pyramid", "pkg/slide", "pkg/store", "pkg/jobs", "pkg/segment", "pkg/stitch"},
	"pkg/metrics":                 {"pkg/jobs"},
	"pkg/watch":                   {"pkg/pyramid", "pkg/slide", "pkg/jobs", "pkg/intake"},
	"pkg/summary":                 {"pkg/pyramid", "pkg/store", "pkg/intake", "pkg/stitch"},
	"pkg/viewer":                  {"pkg/pyramid", "pkg/store"},
	"pkg/synth":                   {"pkg/pyramid/...", "pkg/slide/tiff"},
	"workers":                     {"pkg/..."},
	"cmd/slidemill":               {"pkg/...", "workers"},
}

// owners are the packages that alone may import a heavy or hazardous dependency.
var owners = map[string][]string{
	"gorgonia.org/gorgonia":               {"pkg/segment/nn"},
	"gorgonia.org/tensor":                 {"pkg/segment/nn"},
	"github.com/minio/minio-go/v7":        {"pkg/store/s3"},
	"github.com/nats-io/nats.go":          {"pkg/jobs/jetstream"},
	"github.com/nats-io/nats-server":      {"pkg/jobs/jetstream"},
	"github.com/google/tiff":              {"pkg/slide/tiff"},
	"github.com/versity/versitygw":        {"scripts/s3server"}, // and tests
	"github.com/mmcloughlin/avo":          {"pkg/segment/nn/kernel/gen", "pkg/segment/planes/gen", "pkg/segment/fingerprint/gen", "pkg/tiler/taps/gen"},
	"github.com/prometheus/client_golang": {"pkg/metrics"},
	"github.com/spf13/cobra":              {"cmd/slidemill"},
	"golang.org/x/image/tiff":             {"pkg/slide/codec"}, // its LZW only: untrusted files go through pkg/slide
	"github.com/google/tiff/image":        {},                  // panics on decode
	"github.com/ebitengine/purego":        {"pkg/slide/codec", "pkg/slide/openslide", "pkg/segment/ort"},
	"github.com/ajroetker":                {"pkg/slide/codec", "pkg/slide/slidetest"}, // decoding behind j2kheader.go only: it allocates what headers say
	"google.golang.org/protobuf":          {"pkg/segment/onnx"},
}

// source is one file of ours.
type source struct {
	pkg     string // folder from the module's root
	test    bool
	file    *ast.File
	imports []string
}

func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	fset := token.NewFileSet()
	for _, root := range []string{"pkg", "workers", "cmd", "scripts"} {
		err := filepath.WalkDir(filepath.Join("..", root), func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") {
				return err
			}
			f, err := parser.ParseFile(fset, name, nil, parser.ImportsOnly|parser.ParseComments)
			if err != nil {
				return err
			}
			s := source{pkg: path.Dir(strings.TrimPrefix(filepath.ToSlash(name), "../")), test: strings.HasSuffix(name, "_test.go"), file: f}
			for _, spec := range f.Imports {
				p, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					return err
				}
				s.imports = append(s.imports, p)
			}
			out = append(out, s)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// match finds the entry for a package: its own, or the nearest one above that ends in "/...".
func match(pkg string) ([]string, bool) {
	if list, ok := allowed[pkg]; ok {
		return list, true
	}
	for dir := path.Dir(pkg); dir != "."; dir = path.Dir(dir) {
		if list, ok := allowed[dir+"/..."]; ok {
			return list, true
		}
	}
	return nil, false
}

func permits(list []string, pkg string) bool {
	return slices.ContainsFunc(list, func(entry string) bool {
		if base, ok := strings.CutSuffix(entry, "/..."); ok {
			return pkg == base || strings.HasPrefix(pkg, base+"/")
		}
		return entry == pkg
	})
}

func TestLayers(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.pkg, "scripts") || strings.HasSuffix(s.pkg, "test") {
			continue // tests, their suites and scripts may look everywhere
		}
		list, known := match(s.pkg)
		if !known {
			t.Errorf("%s is not on the map: add it to doc.go and to this test", s.pkg)
			continue
		}
		for _, p := range s.imports {
			if ours, ok := strings.CutPrefix(p, module); ok && !permits(list, ours) {
				t.Errorf("%s imports %s, against the map", s.pkg, ours)
			}
		}
	}
}

func TestOwners(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || strings.HasSuffix(s.pkg, "test") {
			continue
		}
		for _, p := range s.imports {
			for dep, who := range owners {
				if (p == dep || strings.HasPrefix(p, dep+"/")) && !slices.ContainsFunc(who, func(o string) bool { return s.pkg == o || strings.HasPrefix(s.pkg, o+"/") }) {
					t.Errorf("%s imports %s, which belongs to %v", s.pkg, p, who)
				}
			}
		}
	}
}

func TestVocabularyIsStandardLibraryOnly(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.pkg != "pkg/pyramid" && s.pkg != "pkg/segment/net" {
			continue
		}
		for _, p := range s.imports {
			if strings.Contains(p, ".") {
				t.Errorf("%s imports %s: a vocabulary uses the standard library only", s.pkg, p)
			}
		}
	}
}

// TestPackageComments: each package says what it is, once.
func TestPackageComments(t *testing.T) {
	comments := map[string]int{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		if _, seen := comments[s.pkg]; !seen {
			comments[s.pkg] = 0
		}
		if s.file.Doc != nil && len(s.file.Doc.Text()) > 40 {
			comments[s.pkg]++
		}
	}
	for pkg, n := range comments {
		if n != 1 {
			t.Errorf("%s has %d package comments, want 1", pkg, n)
		}
	}
}
