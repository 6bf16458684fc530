package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
	"github.com/slidemill/slidemill/pkg/slide/codec"
	"github.com/slidemill/slidemill/pkg/slide/openslide"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/s3"
)

func newDoctor() *cobra.Command {
	var p place
	var model string
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "Check that everything a run needs is there",
		Example: "  slidemill doctor --store s3://pathology/results",
		Args:    usageArgs(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return examine(cmd, &p, model) },
	}
	p.flags(cmd)
	cmd.Flags().StringVar(&model, "model", "", "model file (default: the built-in model)")
	return cmd
}

// finding is one line of the examination.
type finding struct {
	what string
	look func(ctx context.Context) (string, error)
}

func examine(cmd *cobra.Command, p *place, model string) error {
	var errs []error
	for _, f := range p.findings(model) {
		text, err := f.look(cmd.Context())
		state := "ok  "
		if err != nil {
			state, text = "FAIL", err.Error()
			errs = append(errs, fmt.Errorf("%s: %w", f.what, err))
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s  %-8s %s\n", state, f.what, text)
	}
	if len(errs) > 0 {
		return fmt.Errorf("%d checks failed", len(errs))
	}
	return nil
}

func (p *place) findings(model string) []finding {
	return []finding{
		{"machine", func(context.Context) (string, error) {
			return fmt.Sprintf("%s/%s, %d cores, %s", runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), runtime.Version()), nil
		}},
		{"kernel", func(context.Context) (string, error) {
			return fmt.Sprintf("%s (force another with SLIDEMILL_KERNEL=avx512|avx2|generic)", kernel.Variant()), nil
		}},
		{"jpeg", func(context.Context) (string, error) {
			if _, err := codec.FindTurbo(); err != nil {
				return "pure Go (" + err.Error() + ")", nil
			}
			return "libjpeg-turbo, the same pixels sooner", nil
		}},
		{"jpeg2000", func(context.Context) (string, error) {
			_, name := codec.FindJ2K()
			return name, nil
		}},
		{"openslide", func(context.Context) (string, error) {
			lib, err := openslide.Find()
			if err != nil {
				return "not in use: MIRAX, VMS, SVSLIDE, CZI and Trestle are refused (apt install libopenslide0, or " + openslide.Variable + "=PATH)", nil
			}
			return "OpenSlide " + lib.Version + " (" + lib.Path + "), for formats without a reader here", nil
		}},
		{"engines", func(context.Context) (string, error) { return engines(), nil }},
		{"model", func(context.Context) (string, error) {
			m, err := openModel(model)
			if err != nil {
				return "", err
			}
			return fmt.Sprintf("%s %s, %g µm/px, %s", m.Ref.Name, m.Ref.Version, m.Description.MPP, m.Reach()), nil
		}},
		{"store", p.lookAtStore},
		{"queue", p.lookAtQueue},
		{"clock", func(context.Context) (string, error) {
			if now := time.Now(); now.Year() < 2024 {
				return "", fmt.Errorf("the clock says %s: S3 signatures need the right time", now.Format(time.DateOnly))
			}
			return time.Now().UTC().Format(time.RFC3339), nil
		}},
	}
}

// lookAtStore writes, reads and removes a small object. A folder that is not there yet is not made for that.
func (p *place) lookAtStore(ctx context.Context) (string, error) {
	if folder := p.storeFolder(); folder != "" && !there(folder) {
		return p.storePlace() + " is not there yet and can be made", canMake(folder)
	}
	b, err := p.openStore(ctx)
	if err != nil {
		return "", err
	}
	const key, text = "slidemill-doctor", "may be removed"
	if err := b.Put(ctx, key, strings.NewReader(text), int64(len(text))); err != nil {
		return "", err
	}
	_, err = b.Stat(ctx, key)
	if err := errors.Join(err, b.Delete(ctx, key), store.Sync(ctx, b)); err != nil {
		return "", err
	}
	return p.storePlace() + " takes, keeps and removes objects", nil
}

// canMake tries with a small file whether a folder can be made in the nearest one that is there.
func canMake(folder string) error {
	parent, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	for !there(parent) && parent != filepath.Dir(parent) {
		parent = filepath.Dir(parent)
	}
	f, err := os.CreateTemp(parent, ".slidemill-doctor-*")
	if err != nil {
		return fmt.Errorf("the folder %s cannot be made: %w", folder, err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// storePlace names the store, for a person: its driver and where it is.
func (p *place) storePlace() string {
	if config, err := s3.Parse(p.store); err == nil {
		return "S3 at " + config.String()
	}
	return "the folder " + p.storeFolder()
}

func (p *place) lookAtQueue(ctx context.Context) (text string, err error) {
	if p.nats == "" {
		return "inside the process", nil
	}
	q, err := p.openQueue(ctx)
	if err != nil {
		return "", err
	}
	defer closing(&err, q.Close)
	dead, err := q.Dead(ctx)
	return fmt.Sprintf("%s answers, %s", p.nats, count(len(dead), "dead job")), err
}
