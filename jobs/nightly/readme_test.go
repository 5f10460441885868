package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestReadme runs the README's own commands, in its order, on the built
// programs: every line of a block marked sh that starts one. The block with the
// tests is the one that runs this test.
func TestReadme(t *testing.T) {
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(repo, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var script []string
	inside := false
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "```") {
			inside = line == "```sh"
			continue
		}
		if args, is := strings.CutPrefix(line, "go run ./jobs/"); inside && is {
			script = append(script, "exec "+args)
		} else if inside && !strings.HasPrefix(line, "go test ./...") {
			t.Errorf("README.md: no test runs %q", line)
		}
	}
	if len(script) < 2 {
		t.Fatalf("README.md has %d commands, want the first one and more", len(script))
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "readme.txtar"), []byte(strings.Join(script, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	audit := filepath.Join(t.TempDir(), "audit")
	if out, err := exec.Command("go", "build", "-o", audit, "../audit").CombinedOutput(); err != nil {
		t.Fatalf("build audit: %v\n%s", err, out)
	}
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", filepath.Dir(audit)+string(filepath.ListSeparator)+env.Getenv("PATH"))
			return os.Symlink(filepath.Join(repo, "testdata"), filepath.Join(env.WorkDir, "testdata"))
		},
	})
}
