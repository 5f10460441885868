package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"lethe/testdata/population/generate"
)

// source generates with the program's flags into a temporary folder.
func source(t *testing.T, args ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "source")
	o, err := options(flag.NewFlagSet("population", flag.ContinueOnError), append(args, "-out", out))
	if err != nil {
		t.Fatal(err)
	}
	o.Progress = io.Discard
	if err := generate.Run(o); err != nil {
		t.Fatal(err)
	}
	return out
}

// files is every file under a folder, with its bytes.
func files(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		found[name], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func same(t *testing.T, got, want map[string][]byte) {
	t.Helper()
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s: not wanted", name)
		}
	}
	for name := range want {
		if !bytes.Equal(got[name], want[name]) {
			t.Errorf("%s: got %d bytes, want %d, or other ones", name, len(got[name]), len(want[name]))
		}
	}
}

func TestSampleIsWhatTheGeneratorGives(t *testing.T) {
	sample := files(t, "sample")
	same(t, files(t, source(t)), sample)
	size := 0
	for _, b := range sample {
		size += len(b)
	}
	if size >= 4_000_000 {
		t.Errorf("the sample has %d bytes, want less than 4,000,000", size)
	}
}

// 70,000 accounts are two chunks, so the order in which chunks and tables
// reach the files is tried too.
func TestBytesDoNotDependOnProcessors(t *testing.T) {
	args := []string{"-accounts", "70000", "-days", "1", "-seed", "3", "-minute-accounts", "5", "-zstd", "1"}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	one := files(t, source(t, args...))
	runtime.GOMAXPROCS(2)
	two := files(t, source(t, args...))
	same(t, two, one)
}

func TestAnotherSeedIsAnotherPopulation(t *testing.T) {
	a := files(t, source(t, "-accounts", "50", "-days", "1", "-zstd", "1"))
	b := files(t, source(t, "-accounts", "50", "-days", "1", "-zstd", "1", "-seed", "2"))
	if bytes.Equal(a["accounts.parquet"], b["accounts.parquet"]) {
		t.Error("seeds 1 and 2 give the same accounts")
	}
	if !bytes.Equal(a["communes.csv"], b["communes.csv"]) {
		t.Error("the public table of communes depends on the seed")
	}
}

// The smallest populations have columns without a value and tables without a
// row.
func TestSmallPopulations(t *testing.T) {
	for seed := range 8 {
		for _, n := range []string{"1", "3"} {
			source(t, "-accounts", n, "-days", "1", "-seed", fmt.Sprint(seed), "-zstd", "1")
		}
	}
}

func TestRefusals(t *testing.T) {
	here := t.TempDir()
	for _, c := range []struct {
		name string
		o    generate.Options
		want string
	}{
		{"folder exists", generate.Options{Out: here, Accounts: 1, Days: 1}, here + " exists: remove it or name another folder"},
		{"nothing given", generate.Options{}, "no folder to write to: give -out\n0 accounts: give 1 or more\n0 days: give 1 to 366"},
		{"level", generate.Options{Out: "x", Accounts: 1, Days: 1, Level: 23}, "zstd level 23: give 1 to 22, or 0 for the default"},
	} {
		c.o.Progress = io.Discard
		if err := generate.Run(c.o); err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
}
