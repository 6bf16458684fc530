package viewer

import (
	"io"
	"net/http"
	"strconv"

	"github.com/slidemill/slidemill/pkg/store"
)

// object serves a file of the store under its own key. Only keys that the layout knows are asked for.
func (v *viewer) object(w http.ResponseWriter, r *http.Request) {
	key := store.Slides() + r.PathValue("slide") + "/" + r.PathValue("rest")
	ref, err := store.Parse(key)
	if err != nil {
		v.fail(w, r, badRequest{err})
		return
	}
	object, err := v.Bucket.Stat(r.Context(), key)
	if err != nil {
		v.fail(w, r, err)
		return
	}
	body, err := v.Bucket.Get(r.Context(), key, 0, -1)
	if err != nil {
		v.fail(w, r, err)
		return
	}
	defer body.Close()
	h := w.Header()
	h.Set("Content-Type", store.MediaType(key))
	h.Set("Content-Length", strconv.FormatInt(object.Size, 10))
	h.Set("Cache-Control", cacheControl(ref.Kind))
	if _, err := io.Copy(w, body); err != nil {
		v.Log.Debug("object was not taken whole", "path", r.URL.Path, "error", err)
	}
}

// cacheControl lets browsers keep tiles for good: equal keys hold equal bytes.
func cacheControl(k store.Kind) string {
	switch k {
	case store.PyramidTile, store.ProbabilityTile, store.OverlayTile:
		return "private, max-age=31536000, immutable"
	}
	return "no-cache"
}
