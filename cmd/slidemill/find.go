package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// slideNames says in help texts how a slide may be called. intake.Ledger.Find decides.
const slideNames = `A SLIDE is the path or the name of its file, its id, or the first 4 digits of that or more. An
ACCESSION is all slides of the case.`

// findSlides are the slides that the arguments mean, ordered or only tiled. A damaged one whose file was replaced is meant
// only where there is no other: its case and its name are those of the good one by now. See find for its error.
func findSlides(ctx context.Context, l intake.Ledger, args []string) ([]intake.Line, error) {
	return find(ctx, args, func(ctx context.Context, text string) ([]intake.Line, error) {
		found, err := l.Find(ctx, text)
		if many := new(intake.Ambiguous); errors.As(err, &many) {
			if left := intake.NotReplaced(many.Lines); len(left) == 1 {
				return left, nil
			}
		}
		return intake.NotReplaced(found), err
	})
}

// findOrders are the orders that the arguments mean. See find for its error.
func findOrders(ctx context.Context, l intake.Ledger, args []string) ([]intake.Line, error) {
	return find(ctx, args, l.FindOrders)
}

// findEvery is findOrders for who only looks: a name of several orders means them all.
func findEvery(ctx context.Context, l intake.Ledger, args []string) ([]intake.Line, error) {
	return find(ctx, args, func(ctx context.Context, text string) ([]intake.Line, error) {
		found, err := l.FindOrders(ctx, text)
		if many := new(intake.Ambiguous); errors.As(err, &many) {
			orders := slices.DeleteFunc(slices.Clone(many.Lines), func(line intake.Line) bool { return line.At.IsZero() })
			if len(orders) > 0 {
				return orders, nil
			}
		}
		return found, err
	})
}

// find lists what the arguments mean, each slide once. A name that means none, or cannot be told from others, holds
// nobody up: the error tells of every such name, and what the others mean is found beside it. Nothing is found only
// where the store fails.
func find(ctx context.Context, args []string, one func(context.Context, string) ([]intake.Line, error)) (all []intake.Line, misnamed error) {
	seen := map[pyramid.SlideID]bool{}
	for _, text := range args {
		found, err := one(ctx, text)
		if err != nil && !intake.Misnamed(err) {
			return nil, err
		}
		misnamed = errors.Join(misnamed, err)
		for _, line := range found {
			if !seen[line.Slide] {
				seen[line.Slide] = true
				all = append(all, line)
			}
		}
	}
	return all, misnamed
}

// besides adds what means no slide to how it went with those that others mean. That some slides failed was told when they
// did, and nothing is printed of it; of names it is.
func besides(err, misnamed error) error {
	if misnamed != nil && errors.Is(err, errSlidesFailed) {
		return misnamed
	}
	return errors.Join(err, misnamed)
}

// called is what a person calls a slide, with the id by which other commands find it; the id alone where it was never
// ordered.
func called(e *intake.Entry) string {
	if e.File == "" {
		return e.Slide.String()
	}
	return fmt.Sprintf("%s (%v)", e.File, e.Slide)
}
