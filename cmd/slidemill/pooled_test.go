package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/slidemill/slidemill/pkg/segment/onnx"
	"github.com/slidemill/slidemill/pkg/segment/ort"
	"github.com/slidemill/slidemill/pkg/segment/segmenttest"
)

// onnxruntimeFile is the library that the environment names or scripts/check-onnxruntime.sh keeps; empty if
// there is none.
func onnxruntimeFile() string {
	if path := os.Getenv(ort.EnvLibrary); path != "" {
		return path
	}
	cache, _ := os.UserCacheDir()
	kept, _ := filepath.Glob(filepath.Join(cache, "slidemill-peers", "node_modules", "onnxruntime-node", "bin", "napi-v*", runtime.GOOS, "x64", "libonnxruntime.so.1"))
	if len(kept) == 0 || runtime.GOARCH != "amd64" {
		return ""
	}
	return kept[0]
}

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
