package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"nightly": main})
}

// TestScripts are conversations with the program, in testdata/script. Each
// starts in a folder that looks like the repository's root, and has
//
//	small DIR     write the small source, with canaries in every text column
//	policy FILE [OLD NEW]…   write testdata/small.yaml with texts replaced
func TestScripts(t *testing.T) {
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	small, err := os.ReadFile("testdata/small.yaml")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			return os.Symlink(filepath.Join(repo, "testdata"), filepath.Join(env.WorkDir, "testdata"))
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"small": func(ts *testscript.TestScript, _ bool, args []string) {
				smallSource(t, ts.MkAbs(args[0]))
			},
			"policy": func(ts *testscript.TestScript, _ bool, args []string) {
				text := string(small)
				for i := 1; i+1 < len(args); i += 2 {
					if !strings.Contains(text, args[i]) {
						ts.Fatalf("testdata/small.yaml does not hold %q", args[i])
					}
					text = strings.ReplaceAll(text, args[i], args[i+1])
				}
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
			},
			// exits CODE COMMAND…: run a command that ends with that exit code.
			"exits": exits,
		},
	})
}

// exits runs a command that must end with the given code and say a text.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	code := "exit status " + args[0]
	err := ts.Exec(args[1], args[2:]...)
	if args[0] == "0" && err == nil {
		return
	}
	if err == nil || err.Error() != code {
		ts.Fatalf("got %v, want %s", err, code)
	}
}
