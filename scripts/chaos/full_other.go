//go:build unix && !linux

package main

import (
	"context"
	"errors"
)

func full(context.Context, options) error { return errors.New("small disks are made on Linux only") }
