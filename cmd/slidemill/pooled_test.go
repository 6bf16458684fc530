package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/slidemill/slidemill/pkg/segment/onnx"
	"github.com/slidemill/slidemill/pkg/segment/segmenttest"
)

// pooledFile writes a network with global pooling, as another program would export it.
func pooledFile(t *testing.T) string {
	t.Helper()
	var buf bytes.Buffer
	if err := onnx.Write(&buf, segmenttest.PooledNet(true), onnx.WriteOptions{Producer: "test"}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "exported.onnx")
	if err := os.WriteFile(path, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
