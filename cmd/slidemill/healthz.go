package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// newHealthz is the health check of an image that holds nothing but this program.
func newHealthz() *cobra.Command {
	return &cobra.Command{
		Use:     "healthz [URL]",
		Short:   "Ask a running serve whether it is well, for health checks without curl",
		Example: "  slidemill healthz http://127.0.0.1:8080/readyz",
		Hidden:  true,
		Args:    usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			url := "http://127.0.0.1:8080/healthz"
			if len(args) > 0 {
				url = args[0]
			}
			return askHealth(cmd.Context(), url)
		},
	}
}

func askHealth(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return &usageError{err}
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, answer.Status)
	}
	return nil
}
