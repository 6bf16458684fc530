//go:build !((linux || darwin) && (amd64 || arm64) && !static)

package ort

import "errors"

func loadAPI(string) (*api, string, error) {
	return nil, "", errors.New("this build cannot load libraries")
}
