package mem_test

import (
	"testing"

	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
	"github.com/slidemill/slidemill/pkg/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.Config{
		Open: func(*testing.T) store.Bucket { return mem.New() },
	})
}
