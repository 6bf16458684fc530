package viewer

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/slidemill/slidemill/pkg/store"
)

// object serves a file of the store under its own key, whole or in ranges. Only keys that the layout
// knows are asked for.
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
	h := w.Header()
	h.Set("Content-Type", store.MediaType(key))
	h.Set("Cache-Control", cacheControl(ref.Kind))
	body := &reader{ctx: r.Context(), bucket: v.Bucket, key: key, size: object.Size, control: http.NewResponseController(w)}
	defer body.Close()
	http.ServeContent(w, r, "", object.Modified, body)
	if body.err != nil && r.Context().Err() == nil {
		v.Log.Error("object was not served whole", "path", r.URL.Path, "error", body.err)
		panic(http.ErrAbortHandler) // the client must not take half a file for a whole one
	}
}

// writeTime is how long a client may take for one piece of an answer.
const writeTime = time.Minute

// reader reads an object of the store from wherever it was told to seek. Each piece that is read renews
// the client's time.
type reader struct {
	ctx     context.Context // of the one request that it lives in
	bucket  store.Bucket
	key     string
	size    int64
	at      int64
	body    io.ReadCloser // from at on; nil until something is read
	control *http.ResponseController
	err     error // of the store
}

var _ io.ReadSeeker = (*reader)(nil)

// Seek implements io.Seeker without asking the store.
func (r *reader) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += r.at
	case io.SeekEnd:
		off += r.size
	}
	if off < 0 {
		return 0, errors.New("seek before the beginning")
	}
	if off != r.at {
		if err := r.Close(); err != nil {
			return 0, err
		}
	}
	r.at = off
	return off, nil
}

func (r *reader) Read(p []byte) (n int, err error) {
	if r.at >= r.size {
		return 0, io.EOF
	}
	if r.body == nil {
		if r.body, r.err = r.bucket.Get(r.ctx, r.key, r.at, -1); r.err != nil {
			return 0, r.err
		}
	}
	_ = r.control.SetWriteDeadline(time.Now().Add(writeTime)) // a test's recorder has none
	n, err = r.body.Read(p)
	r.at += int64(n)
	if err != nil && (!errors.Is(err, io.EOF) || r.at < r.size) {
		r.err = err
	}
	return n, err
}

// Close lets the object go; reading on opens it again.
func (r *reader) Close() error {
	if r.body == nil {
		return nil
	}
	err := r.body.Close()
	r.body = nil
	return err
}

// cacheControl lets browsers keep tiles for good: equal keys hold equal bytes.
func cacheControl(k store.Kind) string {
	switch k {
	case store.PyramidTile, store.ProbabilityTile, store.OverlayTile:
		return "private, max-age=31536000, immutable"
	}
	return "no-cache"
}
