package main

import (
	"context"
	"errors"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// slideNames says in help texts how a slide may be called. intake.Ledger.Find decides.
const slideNames = `A SLIDE is the path or the name of its file, its id, or the first 4 digits of that or more. An
ACCESSION is all slides of the case.`

// findOrders are the orders that the arguments mean, or an error about the first that means none or cannot
// be told from others.
func findOrders(ctx context.Context, l intake.Ledger, args []string) ([]intake.Line, error) {
	return find(ctx, args, l.FindOrders)
}

// findEvery is findOrders for who only looks: a name of several orders means them all.
func findEvery(ctx context.Context, l intake.Ledger, args []string) ([]intake.Line, error) {
	return find(ctx, args, func(ctx context.Context, text string) ([]intake.Line, error) {
		found, err := l.FindOrders(ctx, text)
		if many := new(intake.Ambiguous); errors.As(err, &many) {
			return many.Lines, nil
		}
		return found, err
	})
}

func find(ctx context.Context, args []string, one func(context.Context, string) ([]intake.Line, error)) (all []intake.Line, err error) {
	seen := map[pyramid.SlideID]bool{}
	for _, text := range args {
		found, err := one(ctx, text)
		if err != nil {
			return nil, err
		}
		for _, line := range found {
			if !seen[line.Slide] && !line.At.IsZero() {
				seen[line.Slide] = true
				all = append(all, line)
			}
		}
	}
	return all, nil
}
