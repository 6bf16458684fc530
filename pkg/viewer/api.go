package viewer

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

// slideView is what the slide page needs to know.
type slideView struct {
	Manifest json.RawMessage `json:"manifest,omitempty"`
	Runs     []pyramid.RunID `json:"runs"`
	Order    *Entry          `json:"order,omitempty"`  // how it stands, if it was ordered of late
	Counts   string          `json:"counts,omitempty"` // the run that was ordered last, where there are several
}

func (v *viewer) slide(r *http.Request) (any, error) {
	id, err := pyramid.ParseSlideID(r.PathValue("slide"))
	if err != nil {
		return nil, badRequest{err}
	}
	orders, err := v.orders(r.Context())
	if err != nil {
		return nil, err
	}
	var view slideView
	if order, ok := orders[id]; ok {
		view.Order = &order
	}
	err = v.readJSON(r.Context(), store.Slide(id).Manifest(), &view.Manifest)
	if err != nil && (view.Order == nil || !errors.Is(err, store.ErrNotFound)) { // an order may have no pyramid yet
		return nil, err
	}
	if view.Runs, err = v.runs(r.Context(), id); err == nil && len(view.Runs) > 1 {
		view.Counts, err = v.counts(r.Context(), id, view.Order)
	}
	view.lost()
	return view, err
}

// lost says of an order that was done, and has lost its result since, what the worklist says of it: nobody is to wait.
func (s *slideView) lost() {
	there := func(run pyramid.RunID) bool { return run.String() == s.Order.Run }
	if s.Order != nil && !slices.ContainsFunc(s.Runs, there) {
		own := s.Order.own()
		s.Order = &own
	}
}

// runView is a finished run: its report and its manifest.
type runView struct {
	Report   json.RawMessage `json:"report"`
	Manifest json.RawMessage `json:"manifest"`
}

func (v *viewer) run(r *http.Request) (any, error) {
	id, err := pyramid.ParseSlideID(r.PathValue("slide"))
	if err != nil {
		return nil, badRequest{err}
	}
	run, err := pyramid.ParseRunID(r.PathValue("run"))
	if err != nil {
		return nil, badRequest{err}
	}
	var view runView
	keys := store.Slide(id).Run(run)
	if err := v.readJSON(r.Context(), keys.Manifest(), &view.Manifest); err != nil {
		return nil, err
	}
	if err := v.readJSON(r.Context(), keys.Report(), &view.Report); err != nil {
		return nil, err
	}
	return view, nil
}
