package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/jobs/jetstream"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/retry"
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

// rightsFlags is what `rights s3` can be told.
type rightsFlags struct {
	store, role, user string
	limit             int
	apply             bool
}

func newRightsS3() *cobra.Command {
	var f rightsFlags
	cmd := &cobra.Command{
		Use:   "s3 --store s3://BUCKET/PREFIX",
		Short: "A policy of the bucket, or with --role one for that role's user",
		Long: `S3 prints a bucket policy that names the roles' users (versitygw, Ceph, AWS), like
deploy/s3-policy.json. With --role it prints the policy of one user, which names nobody
(MinIO, AWS); with --role and --user the bucket policy of that role alone.

With --apply it does not print the policy of the bucket but gives it to the bucket, with the
key of the bucket's owner from the environment. A bucket that is not there is made, a server
that does not answer yet is waited for. The roles' users must be there already.`,
		Example: `  slidemill rights s3 --store s3://pathology/results > policy.json
  slidemill rights s3 --store s3://pathology/results --user 'arn:aws:iam::123456789012:user/slidemill-ROLE'
  slidemill rights s3 --store s3://pathology/results --role segment
  slidemill rights s3 --store s3://pathology/results --apply`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := f.policy()
			if err != nil {
				return &usageError{err}
			}
			if f.apply {
				return f.give(cmd, text)
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), text)
			return err
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.store, "store", "", "s3://bucket/prefix")
	fl.StringVar(&f.role, "role", "", "serve, tile, segment, stitch or worker")
	fl.StringVar(&f.user, "user", "", "how the server calls a role's user, with ROLE for the role: its access key, or on AWS its ARN (default slidemill-ROLE)")
	fl.BoolVar(&f.apply, "apply", false, "give the bucket the policy instead of printing it")
	fl.IntVar(&f.limit, "limit", 0, "bytes of the largest bucket policy that the server takes (default: 3800, versitygw on ext4; 20480 of users with ARNs)")
	return cmd
}

func (f *rightsFlags) policy() (string, error) {
	at, err := s3.Parse(f.store)
	if err != nil {
		return "", fmt.Errorf("--store: %w", err)
	}
	c := s3.PolicyConfig{Bucket: at.Bucket, Prefix: at.Prefix, User: f.user, Limit: f.limit}
	role := store.Role(f.role)
	switch {
	case role != "" && f.apply:
		return "", errors.New("--apply gives the bucket the policy of all roles: leave --role away")
	case role != "" && !slices.Contains(store.Roles(), role):
		return "", errors.New("--role " + f.role + ": want serve, tile, segment, stitch or worker")
	case role != "" && f.user == "":
		return s3.UserPolicy(c, role), nil
	case role != "":
		text := s3.RolePolicy(c, role)
		return text, c.CheckSize(text)
	}
	if err := c.Check(); err != nil {
		return "", fmt.Errorf("--user: %w with --role", err)
	}
	text := s3.BucketPolicy(c)
	return text, c.CheckSize(text)
}

// applyPatience is how long a server that starts beside this process may take until it answers.
const applyPatience = time.Minute

// give gives the bucket its policy, which replaces an earlier one.
func (f *rightsFlags) give(cmd *cobra.Command, text string) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), applyPatience)
	defer cancel()
	config, err := s3.Parse(f.store)
	if err != nil {
		return err
	}
	config.Create = true
	var bucket *s3.Bucket
	log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
	err = await(ctx, log, retry.Retryable, func() (err error) { bucket, err = s3.Open(ctx, config); return err })
	if err == nil {
		err = bucket.SetPolicy(ctx, text)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "bucket %s has the policy of %d bytes: each role its own rights\n", config.Bucket, len(text))
	return err
}
