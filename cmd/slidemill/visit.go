package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/slidemill/slidemill/pkg/store"
)

// storeFolder is the folder of the store, or "" where the store is a network away.
func (p *place) storeFolder() string {
	if p.elsewhere() {
		return ""
	}
	return cmp.Or(strings.TrimPrefix(p.store, "dir:"), filepath.Join(p.data, "store"))
}

// visitStore is openStore for who looks at what is kept: where nothing is yet it says so, and makes nothing.
func (p *place) visitStore(ctx context.Context) (store.Bucket, error) {
	if folder := p.storeFolder(); folder != "" && !there(folder) {
		return nil, p.noData()
	}
	return p.openStore(ctx)
}

// noData says that nothing is kept where somebody looks. It is a usage error: most often the folder's name is wrong.
func (p *place) noData() error {
	if p.store != "" {
		return &usageError{fmt.Errorf("no data in %s yet: `slidemill run` and `submit` put it there; name the store of another place with --store", p.storeFolder())}
	}
	return &usageError{fmt.Errorf("no data in %s yet: `slidemill run` and `submit` put it there; name another place with --data or --store", p.data)}
}

// visit is reach for who looks or takes back: where nothing is kept yet it says so, and makes nothing. Where the store
// is elsewhere and no queue lies in the data folder, it stands for an empty one.
func (p *place) visit(ctx context.Context) (r *reached, err error) {
	if folder := p.storeFolder(); folder != "" && !there(folder) {
		return nil, cmp.Or(p.busy(), p.noData())
	}
	if p.nats != "" || there(p.data) {
		return p.reach(ctx)
	}
	brief := *p
	if brief.data, err = os.MkdirTemp("", "slidemill-"); err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	if r, err = brief.reach(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(brief.data))
	}
	closeQueue := r.close
	r.close = func() error { return errors.Join(closeQueue(), os.RemoveAll(brief.data)) }
	return r, nil
}

// busy says that another process has the data folder and has just begun.
func (p *place) busy() error {
	if !there(filepath.Join(p.data, "lock")) {
		return nil
	}
	unlock, err := lockData(p.data)
	if err != nil {
		return err
	}
	return unlock()
}
