package onnx

import (
	"bytes"
	"errors"
	"testing"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

// TestWithMetadataTouchesNothingElse: the file before the entry is the same, byte for byte, so are its
// other entries, and a second change does not add a second entry.
func TestWithMetadataTouchesNothingElse(t *testing.T) {
	n := net.UNet(net.UNetConfig{In: 3, Classes: 2, Channels: []int{8, 16}, Seed: 5})
	var file bytes.Buffer
	if err := Write(&file, n, WriteOptions{Metadata: map[string]string{"a": "1"}}); err != nil {
		t.Fatal(err)
	}
	once, err := WithMetadata(file.Bytes(), "b", "2")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(once, file.Bytes()) {
		t.Error("adding an entry changed what was there")
	}
	twice, err := WithMetadata(once, "b", "3")
	if err != nil {
		t.Fatal(err)
	}
	m, err := Read(twice, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Metadata(); len(got) != 2 || got["a"] != "1" || got["b"] != "3" {
		t.Errorf("metadata %v", got)
	}
	if len(twice) != len(once) {
		t.Errorf("%d bytes, %d before: the old entry is still there", len(twice), len(once))
	}
	back, err := WithMetadata(twice, "b", "2")
	if err != nil || !bytes.Equal(back, once) {
		t.Errorf("changing it back gives other bytes, %v", err)
	}
}

func TestWithMetadataRefusesDamage(t *testing.T) {
	var format *FormatError
	if _, err := WithMetadata([]byte{0x72, 0xff}, "a", "b"); !errors.As(err, &format) {
		t.Errorf("a cut field gives %v", err)
	}
}
