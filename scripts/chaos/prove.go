//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/dir"
	"github.com/slidemill/slidemill/scripts/site"
)

// regionSide is small, so that a small slide has many regions.
const regionSide = 256

func parameters() segment.Parameters { return segment.Parameters{Region: regionSide} }

// base is a slide and what an undisturbed run on one machine made of it. A round uses copies that differ in
// some bytes behind the picture: other identities, the same pixels.
type base struct {
	file []byte
	want map[string][sha256.Size]byte // by key, identities taken out
	sums stitch.Sums
}

// copy writes the slide under an identity of the round's own.
func (b *base) copy(file string, round int) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return err
	}
	return os.WriteFile(file, fmt.Appendf(bytes.Clone(b.file), "round %010d", round), 0o640)
}

// makeBase draws a slide and runs it undisturbed: no queue elsewhere, no object store, one process. Its pyramid
// is an archive, as it is in an object store.
func makeBase(ctx context.Context, s *site.Site, work string, i int) (*base, error) {
	mill := filepath.Join(work, "bin", "slidemill")
	file := filepath.Join(work, fmt.Sprintf("base-%d.tiff", i))
	size := []string{"2400x1800", "1700x2300", "2900x1300"}[i%3]
	if out, err := exec.CommandContext(ctx, mill, "synth", "--out", file, "--size", size, "--seed", fmt.Sprint(11+i)).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("synth: %w\n%s", err, out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	b := &base{file: data}
	undisturbed := filepath.Join(work, fmt.Sprintf("undisturbed-%d.tiff", i))
	if err := b.copy(undisturbed, -1); err != nil {
		return nil, err
	}
	results := filepath.Join(work, fmt.Sprintf("undisturbed-%d", i))
	cmd := exec.CommandContext(ctx, mill, "run", "--json", "--pack", "--region", fmt.Sprint(regionSide), "--data", results, undisturbed)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("undisturbed run: %w\n%s", err, complaints.Bytes())
	}
	var report stitch.Report
	if err := json.Unmarshal(out, &report); err != nil {
		return nil, err
	}
	if report.CarcinomaMM2 == 0 {
		return nil, errors.New("the slide has no carcinoma: equal masks would prove little")
	}
	slide, err := pyramid.ParseSlideID(report.Slide.ID)
	if err != nil {
		return nil, err
	}
	run, err := pyramid.ParseRunID(report.Run.ID)
	if err != nil {
		return nil, err
	}
	bucket, err := dir.Open(filepath.Join(results, "store"))
	if err != nil {
		return nil, err
	}
	b.sums = report.SHA256
	b.want, err = digest(ctx, bucket, identity{slide, run, report.Slide.SHA256})
	return b, err
}

// identity is what two equal slides differ in.
type identity struct {
	slide  pyramid.SlideID
	run    pyramid.RunID
	sha256 string
}

var uuid = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`) // lesions are named after their run

// strip takes the identities out of an object's bytes. All have a fixed length, so offsets in a TIFF stay.
func (id identity) strip(data []byte) []byte {
	for _, text := range []string{id.sha256, id.slide.String(), id.run.String()} {
		data = bytes.ReplaceAll(data, []byte(text), bytes.Repeat([]byte("x"), len(text)))
	}
	return uuid.ReplaceAll(data, []byte("lesion"))
}

// digest sums every object of a slide, but for those that hold seconds or sums of what holds identities.
// Regions are proved by their own checksums.
func digest(ctx context.Context, b store.Bucket, id identity) (map[string][sha256.Size]byte, error) {
	sums := map[string][sha256.Size]byte{}
	for o, err := range b.List(ctx, store.Slide(id.slide).Prefix()) {
		if err != nil {
			return nil, err
		}
		ref, err := store.Parse(o.Key)
		if err != nil {
			continue // the ledger's
		}
		switch ref.Kind {
		case store.Report, store.ReportHTML, store.RunManifest, store.Region:
			continue
		}
		data, err := store.ReadAll(ctx, b, o.Key, 1<<30)
		if err != nil {
			return nil, err
		}
		key := string(id.strip([]byte(o.Key)))
		sums[key] = sha256.Sum256(id.strip(data))
	}
	return sums, nil
}

// prove checks everything that a round promises.
func (s *storm) prove(ctx context.Context, bucket store.Bucket, orders []order) error {
	var errs []error
	for _, o := range orders {
		if err := s.proveSlide(ctx, bucket, o); err != nil {
			errs = append(errs, fmt.Errorf("slide %s: %w", o.Slide, err))
		}
	}
	for path, n := range s.proxy.Puts("/run.json") {
		if n > 1 {
			errs = append(errs, fmt.Errorf("published %d times: %s", n, path))
		}
	}
	for _, name := range s.site.Names() {
		if s.site.Process(name).PID() == 0 {
			errs = append(errs, fmt.Errorf("%s ended by itself:\n%s", name, s.site.Process(name).Tail(20)))
		}
	}
	return errors.Join(append(errs, s.proveQueue(ctx))...)
}

func (s *storm) proveSlide(ctx context.Context, bucket store.Bucket, o order) error {
	desk := &intake.Desk{Bucket: bucket}
	report, err := desk.Report(ctx, o.Order)
	if err != nil {
		return err
	}
	if report.SHA256 != o.base.sums {
		return fmt.Errorf("sums %+v, undisturbed %+v", report.SHA256, o.base.sums)
	}
	if lost, err := lostRegions(ctx, bucket, o); err != nil || lost > 0 {
		return fmt.Errorf("%d regions lost, %w", lost, err)
	}
	got, err := digest(ctx, bucket, identity{o.Slide, o.Run, fmt.Sprintf("%x", o.SHA256)})
	if err != nil {
		return err
	}
	for key, want := range o.base.want {
		if got[key] != want {
			return fmt.Errorf("%s has other bytes than undisturbed", key)
		}
	}
	for key := range got {
		if _, ok := o.base.want[key]; !ok {
			return fmt.Errorf("%s is there, but not after an undisturbed run", key)
		}
	}
	return nil
}

// lostRegions counts the planned regions that are not in the store, or fail their checksum.
func lostRegions(ctx context.Context, bucket store.Bucket, o order) (lost int, err error) {
	keys := store.Slide(o.Slide).Run(o.Run)
	data, err := store.ReadAll(ctx, bucket, keys.Plan(), 1<<28)
	if err != nil {
		return 0, err
	}
	plan, err := segment.DecodePlan(data)
	if err != nil {
		return 0, err
	}
	for _, r := range plan.Regions {
		data, err := store.ReadAll(ctx, bucket, keys.Region(r), 1<<28)
		if err == nil {
			_, err = segment.DecodeRegion(data, plan.Run, r, plan.RegionSize(r))
		}
		if err != nil {
			lost++
		}
	}
	return lost, nil
}

// proveQueue checks that nothing is dead, and that nothing is left once late deliveries are over.
func (s *storm) proveQueue(ctx context.Context) error {
	queue, err := s.site.Queue(ctx)
	if err != nil {
		return err
	}
	defer queue.Close()
	for {
		dead, err := queue.Dead(ctx)
		if err != nil {
			return err
		}
		if len(dead) > 0 {
			var reasons []string
			for _, d := range dead {
				reasons = append(reasons, d.Job.ID+": "+d.Reason)
			}
			return fmt.Errorf("%d dead:\n%s", len(dead), strings.Join(reasons, "\n"))
		}
		depths, err := queue.Depths(ctx)
		if err != nil {
			return err
		}
		if len(busy(depths)) == 0 {
			return nil
		}
		if !sleep(ctx, 200*time.Millisecond) {
			return fmt.Errorf("jobs that nobody takes: %v", busy(depths))
		}
	}
}
