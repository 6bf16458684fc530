package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/jobs/jetstream"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/s3"
)

func newRights() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rights",
		Short: "What each role may do on the servers: nats, s3",
		Long: `Rights prints the configuration that gives each role (serve, tile, segment, stitch; worker
for a process of all three) the rights that it needs on NATS and in S3, and no others.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newRightsNATS(), newRightsS3())
	return cmd
}

func newRightsNATS() *cobra.Command {
	return &cobra.Command{
		Use:   "nats",
		Short: "A configuration for nats-server, with passwords from its environment (deploy/nats.conf)",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), jetstream.ServerConfig(jobs.Names{}))
			return err
		},
	}
}

func newRightsS3() *cobra.Command {
	var place, role, user string
	cmd := &cobra.Command{
		Use:   "s3 --store s3://BUCKET/PREFIX",
		Short: "A policy of the bucket, or with --role one for that role's user",
		Long: `S3 prints a bucket policy that names the roles' users (versitygw, Ceph, AWS), like
deploy/s3-policy.json. With --role it prints the policy of one user, which names nobody
(MinIO, AWS).`,
		Example: `  slidemill rights s3 --store s3://pathology/results > policy.json
  slidemill rights s3 --store s3://pathology/results --user 'arn:aws:iam::123456789012:user/slidemill-ROLE'
  slidemill rights s3 --store s3://pathology/results --role segment`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			at, err := s3.Parse(place)
			if err != nil {
				return &usageError{fmt.Errorf("--store: %w", err)}
			}
			c := s3.PolicyConfig{Bucket: at.Bucket, Prefix: at.Prefix, User: user}
			text := s3.BucketPolicy(c)
			if role != "" {
				if !slices.Contains(store.Roles(), store.Role(role)) {
					return &usageError{errors.New("--role " + role + ": want serve, tile, segment, stitch or worker")}
				}
				text = s3.UserPolicy(c, store.Role(role))
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), text)
			return err
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&place, "store", "", "s3://bucket/prefix")
	fl.StringVar(&role, "role", "", "serve, tile, segment, stitch or worker")
	fl.StringVar(&user, "user", "slidemill-ROLE", "how the server calls a role's user: its access key, or on AWS its ARN")
	return cmd
}
