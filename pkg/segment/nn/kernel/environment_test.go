package kernel

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestEnvironmentForcesVariant runs this test binary again with SLIDEMILL_KERNEL set; the child prints
// its choice.
func TestEnvironmentForcesVariant(t *testing.T) {
	if os.Getenv("SLIDEMILL_KERNEL_CHILD") != "" {
		v, err := Choice()
		fmt.Printf("choice %s, error %v\n", v, err)
		return
	}
	want := map[string]string{"sse": "choice " + best().String() + ", error environment SLIDEMILL_KERNEL: unknown kernel"}
	for _, v := range Available() {
		want[v.String()] = fmt.Sprintf("choice %s, error <nil>", v)
	}
	for name, line := range want {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestEnvironmentForcesVariant$")
		cmd.Env = append(os.Environ(), "SLIDEMILL_KERNEL_CHILD=1", "SLIDEMILL_KERNEL="+name)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), line) {
			t.Errorf("%s: %v\n%s\nwant %q", name, err, out, line)
		}
	}
}
