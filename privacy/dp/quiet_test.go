package dp

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/differential-privacy/go/v3/noise"
)

// The library logs. A child process makes it do so, with and without a draw of
// ours before it, and the parent looks for files.
func TestTheLibraryWritesNoFiles(t *testing.T) {
	if role := os.Getenv("LETHE_QUIET_CHILD"); role != "" {
		if role == "draws" {
			if _, err := Noise(charged(t, calibrated(t, "d", 1, 1, 1, 5e8)), "d", []int64{0}); err != nil {
				t.Fatal(err)
			}
		}
		noise.ToNoise(noise.Kind(99)) // warns
		return
	}
	for _, role := range []string{"draws", "control"} {
		temp := t.TempDir()
		child := exec.Command(os.Args[0], "-test.run=^TestTheLibraryWritesNoFiles$")
		child.Env = append(os.Environ(), "LETHE_QUIET_CHILD="+role, "TMPDIR="+temp)
		out, err := child.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", role, err, out)
		}
		var logs []string
		entries, err := os.ReadDir(temp)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), "Test") { // the child's own t.TempDir
				logs = append(logs, e.Name())
			}
		}
		if quiet := role == "draws"; quiet != (len(logs) == 0) {
			t.Errorf("%s: found files %v", role, logs)
		}
	}
}
