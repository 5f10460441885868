package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lethe/pipeline/policy"
)

// TestPlans pins the explanation of every dataset of the sample policy, as the
// privacy officer reads it. The same plan gives the same text.
func TestPlans(t *testing.T) {
	p, err := policy.Load("../../" + samplePolicy)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range p.Datasets {
		if d.Unit == "household" {
			continue // not built yet
		}
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			got, path := explained(t, d.Name), filepath.Join("testdata/plans", d.Name+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("the explanation differs from %s: look at it, then go test ./jobs/nightly -run Plans -update\ngot\n%s\nwant\n%s", path, got, want)
			}
		})
	}
}

// explained is what `nightly plan` says, without the plan's hash.
func explained(t *testing.T, dataset string) string {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "plan", "--dataset", dataset)
	cmd.Args[0], cmd.Dir, cmd.Env = "nightly", "../..", []string{}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("nightly plan --dataset %s: %v", dataset, err)
	}
	text, hash, ok := strings.Cut(string(out), "\nPLAN ")
	if !ok || len(strings.TrimSpace(hash)) != 64 {
		t.Fatalf("the explanation ends with %q, want the plan's hash", hash)
	}
	return text
}
