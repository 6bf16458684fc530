package slide_test

import (
	"os"
	"path/filepath"
	"testing"
)

// dataDir is a folder of the shared test data, or a skip that says where it should be.
func dataDir(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("SLIDEMILL_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	dir := filepath.Join(root, name)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("needs the test data in ../shared/data (or under SLIDEMILL_DATA): no %s", name)
	}
	return dir
}
