package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/blocks"
	"github.com/slidemill/slidemill/pkg/store/retry"
	"github.com/slidemill/slidemill/pkg/store/s3"
)

// slidesInS3 says in help texts where a slide may lie.
const slidesInS3 = `A slide is a file, or s3://BUCKET/KEY[?endpoint=URL&region=NAME], read by range. Who reads it has the
credentials in its environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) or in the AWS tools' file.
One that is replaced while it is worked on is tried again, and fails if another slide lies there by
then: order it again.`

// readInTime says in help texts how long a slide is waited for. intake.Patience decides.
const readInTime = `A slide that does not open within 6 minutes, or of which less than 300 kB a second come for as
long, fails by name; it does not hold up the others. One that is slower than others has all its time.`

// openSlide opens a slide for a person, who hears its name with whatever goes wrong.
func openSlide(ctx context.Context, name string, o slide.Options) (slide.Slide, error) {
	s, err := slide.Remote(openObject).Open(ctx, name, o)
	if err != nil && slide.IsRemote(name) {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, err
}

// object is where a slide lies in S3.
type object struct {
	folder s3.Config
	key    string // in the folder
}

// parseObject reads s3://BUCKET/KEY[?endpoint=URL&region=NAME]. Its errors do not tell the key.
func parseObject(name string) (o object, err error) {
	u, err := url.Parse(name)
	switch {
	case err != nil || u.Fragment != "":
		return o, &usageError{errors.New("slide: no address: of the key, write # as %23, % as %25 and ? as %3F")}
	case u.Scheme != "s3" || u.Host == "":
		return o, &usageError{errors.New("slide: want a file or s3://BUCKET/KEY")}
	case strings.HasSuffix(u.Path, "/") || u.Path == "":
		return o, &usageError{errors.New("slide: want s3://BUCKET/KEY: name one object, not a folder")}
	}
	o.folder, err = s3.Parse(name)
	if err != nil {
		return o, &usageError{&nameless{text: redacted("slide: "+err.Error(), strings.Trim(u.Path, "/"))}}
	}
	o.key = path.Base(o.folder.Prefix)
	o.folder.Prefix = strings.Trim(strings.TrimSuffix(o.folder.Prefix, o.key), "/")
	return o, nil
}

// checkSources refuses command lines whose slides are neither files nor objects in S3.
func checkSources(names []string) error {
	for _, name := range names {
		if !slide.IsRemote(name) {
			continue
		}
		if _, err := parseObject(name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// openObject is a slide.Remote: the bytes of an object in S3, by ranged requests. All are of the one object that lay
// there when it was opened: once another one does, reading ends with store.ErrReplaced.
//
// # Memory
//
// Those of a blocks.Reader, about 64 MiB, from open to close. Hashing reads ahead through the same cache.
func openObject(ctx context.Context, name string) (slide.Source, error) {
	o, err := parseObject(name)
	if err != nil {
		return slide.Source{}, err
	}
	src, err := o.open(ctx)
	return src, o.nameless(err)
}

func (o object) open(ctx context.Context) (slide.Source, error) {
	bucket, err := s3.Open(ctx, o.folder)
	if err != nil {
		return slide.Source{}, err
	}
	pinned := bucket.Pin()
	r, err := blocks.Open(ctx, retry.New(pinned, retry.Config{}), o.key, 0)
	if errors.Is(err, store.ErrNotFound) {
		err = fmt.Errorf("%w: check the address, where upper and lower case differ, and the endpoint (AWS_ENDPOINT_URL)", err)
	}
	if err != nil {
		bucket.Release()
		return slide.Source{}, err
	}
	b := &objectBytes{r, pinned, o}
	return slide.Source{ReaderAt: b, Closer: b, Size: r.Size()}, nil
}

// objectBytes are the bytes of an open object.
type objectBytes struct {
	*blocks.Reader
	bucket *s3.Pinned
	object object
}

var _ intake.Versioned = (*objectBytes)(nil)

// Version implements intake.Versioned.
func (b *objectBytes) Version() string { return b.bucket.Version(b.object.key) }

// ReadAt implements io.ReaderAt.
func (b *objectBytes) ReadAt(p []byte, off int64) (int, error) {
	n, err := b.Reader.ReadAt(p, off)
	return n, b.object.nameless(err)
}

// Close implements io.Closer.
func (b *objectBytes) Close() error {
	defer b.bucket.Release()
	return b.Reader.Close()
}

// sourcePatience is how long a worker waits for an S3 server that does not answer, as long as for one that
// falls silent while it reads. A job is delivered a few times only, within seconds.
const sourcePatience = 5 * time.Minute

// patientObject is openObject for workers, who wait out trouble.
func patientObject(log *slog.Logger) slide.Remote {
	return func(ctx context.Context, name string) (src slide.Source, err error) {
		limit := time.Now().Add(sourcePatience)
		away := func(err error) bool {
			return !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) && time.Now().Before(limit)
		}
		err = await(ctx, log, away, func() (err error) { src, err = openObject(ctx, name); return err })
		return src, err
	}
}
