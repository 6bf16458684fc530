package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store/blocks"
	"github.com/slidemill/slidemill/pkg/store/retry"
	"github.com/slidemill/slidemill/pkg/store/s3"
)

// openSlide opens a slide on disk, or s3://BUCKET/KEY[?endpoint=URL&region=NAME] by ranged requests.
func openSlide(ctx context.Context, name string, o slide.Options) (slide.Slide, error) {
	if !strings.HasPrefix(name, "s3://") {
		return slide.Open(ctx, name, o)
	}
	address, query, _ := strings.Cut(name, "?")
	key := path.Base(address)
	where := strings.TrimSuffix(address, "/"+key)
	if strings.Count(address, "/") < 3 || key == "" {
		return nil, &usageError{errors.New("slide: want s3://BUCKET/KEY")}
	}
	if query != "" {
		where += "?" + query
	}
	config, err := s3.Parse(where)
	if err != nil {
		return nil, &usageError{err}
	}
	bucket, err := s3.Open(ctx, config)
	if err != nil {
		return nil, err
	}
	r, err := blocks.Open(ctx, retry.New(bucket, retry.Config{}), key, 0)
	if err != nil {
		return nil, err
	}
	s, err := slide.OpenSource(ctx, slide.Source{ReaderAt: r, Closer: r, Size: r.Size()}, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	return s, nil
}
