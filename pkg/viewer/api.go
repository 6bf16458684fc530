package viewer

import (
	"encoding/json"
	"net/http"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

// slideView is what the slide page needs to know.
type slideView struct {
	Manifest json.RawMessage `json:"manifest"`
	Runs     []pyramid.RunID `json:"runs"`
}

func (v *viewer) slide(r *http.Request) (any, error) {
	id, err := pyramid.ParseSlideID(r.PathValue("slide"))
	if err != nil {
		return nil, badRequest{err}
	}
	var view slideView
	if err := v.readJSON(r.Context(), store.Slide(id).Manifest(), &view.Manifest); err != nil {
		return nil, err
	}
	view.Runs, err = v.runs(r.Context(), id)
	return view, err
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
