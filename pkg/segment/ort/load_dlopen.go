//go:build (linux || darwin) && (amd64 || arm64) && !static

package ort

import (
	"fmt"
	"unsafe"

	"github.com/ebitengine/purego"
)

// apiBase is OrtApiBase.
type apiBase struct{ getAPI, getVersion uintptr }

// loadAPI loads the library and looks its functions up.
func loadAPI(path string) (*api, string, error) {
	library, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, "", err
	}
	symbol, err := purego.Dlsym(library, "OrtGetApiBase")
	if err != nil {
		return nil, "", fmt.Errorf("is no ONNX Runtime: %w", err)
	}
	var getBase func() *apiBase
	purego.RegisterFunc(&getBase, symbol)
	base := getBase()
	if base == nil || base.getAPI == 0 || base.getVersion == 0 {
		return nil, "", fmt.Errorf("is no ONNX Runtime: it hands out no interface")
	}
	var getAPI func(version uint32) unsafe.Pointer
	var getVersion func() string
	purego.RegisterFunc(&getAPI, base.getAPI)
	purego.RegisterFunc(&getVersion, base.getVersion)
	version := getVersion()
	table := getAPI(apiVersion)
	if table == nil {
		return nil, "", fmt.Errorf("ONNX Runtime %s is too old: want 1.%d or later", version, apiVersion)
	}
	a := &api{}
	return a, version, a.bind(unsafe.Slice((*uintptr)(table), lastEntry+1))
}

// bind fills the functions in. Registering one that is missing would panic.
func (a *api) bind(table []uintptr) error {
	for _, e := range a.entries() {
		if table[e.at] == 0 {
			return fmt.Errorf("function %d of the runtime's interface is missing", e.at)
		}
		purego.RegisterFunc(e.fn, table[e.at])
	}
	return nil
}
