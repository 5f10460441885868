package duck_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"lethe/pipeline"
	"lethe/pipeline/duck"
	"lethe/pipeline/policy"
)

var (
	sizes   = flag.String("sizes", "", "accounts to bench a night of 30 days with, e.g. 100000,300000,1000000; none by default")
	benchIn = flag.String("bench-data", "", "folder for the bench's source tables, kept and used again; default a temporary one")
)

// TestNightBench prints, for each size, what a whole night costs (every
// dataset of the sample policy over four weeks: charge, admission, unlinking,
// cleaning, bounding, noise and delivery) beside a baseline in the same run:
// the same joins, admission filter and GROUP BY in plain DuckDB SQL, without
// unlinking, cleaning of copies, bounding and noise. Each side is a process of
// its own, so that its memory is its own. The baseline shares one table of
// admitted people over its queries, as the pipeline does. "baseline, UTC days"
// is the same without civil days: it answers a simpler question, for less.
func TestNightBench(t *testing.T) {
	if *sizes == "" {
		t.Skip("give -sizes to run the bench")
	}
	fmt.Println("accounts   rows        | night: CPU s, MiB | baseline: CPU s, MiB, ratio | baseline, UTC days: CPU s, MiB, ratio")
	for _, s := range strings.Split(*sizes, ",") {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("size %q is not a number", s)
		}
		source := population(t, n)
		night, plain, utc := side(t, "night", source), side(t, "plain", source), side(t, "utc", source)
		fmt.Printf("%-10d %-12d| %11.1f %5d | %13.1f %5d %6.2f | %23.1f %5d %6.2f\n", n, rows(t, source), night.cpu, night.peak,
			plain.cpu, plain.peak, night.cpu/plain.cpu, utc.cpu, utc.peak, night.cpu/utc.cpu)
	}
}

// population makes the source tables of a size, once.
func population(t *testing.T, n int) string {
	dir := *benchIn
	if dir == "" {
		dir = t.TempDir()
	}
	source := filepath.Join(dir, fmt.Sprintf("population-%d", n))
	if _, err := os.Stat(source); err == nil {
		return source
	}
	cmd := exec.Command("go", "run", "./testdata/population", "-out", source, "-accounts", strconv.Itoa(n), "-days", "30", "-first-day", "2026-03-02", "-minute-accounts", "0")
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make the population: %v\n%s", err, out)
	}
	return source
}

// rows is the size of the source's large tables, from the generator's layout.
func rows(t *testing.T, source string) int64 {
	e, err := duck.Open(duck.Options{Source: source})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var sum int64
	for _, table := range []string{"activity", "sleep", "measures"} {
		n, err := e.Count(context.Background(), "SELECT count(*) FROM read_parquet('"+source+"/"+table+"/*/*.parquet')")
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}

type cost struct {
	cpu  float64
	peak int64
}

// side runs one side in a process of its own.
func side(t *testing.T, which, source string) cost {
	cmd := exec.Command(os.Args[0], "-test.run", "^TestNightSide$")
	cmd.Env = append(os.Environ(), "NIGHT_SIDE="+which, "NIGHT_SOURCE="+source)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", which, err, out)
	}
	use := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return cost{cmd.ProcessState.UserTime().Seconds() + cmd.ProcessState.SystemTime().Seconds(), use.Maxrss / 1024}
}

// TestNightSide is one side of the bench.
func TestNightSide(t *testing.T) {
	switch source := os.Getenv("NIGHT_SOURCE"); os.Getenv("NIGHT_SIDE") {
	case "night":
		night(t, source)
	case "plain":
		plain(t, source, func(sql string) string { return sql })
	case "utc":
		local := regexp.MustCompile(`timezone\(a\.timezone, timezone\('UTC', (\w+)\)\)`)
		plain(t, source, func(sql string) string { return local.ReplaceAllString(sql, "$1") })
	default:
		t.Skip("runs as a part of TestNightBench")
	}
}

func night(t *testing.T, source string) {
	text, err := os.ReadFile("../../testdata/policies/sample.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Parse("bench.yaml", []byte(strings.ReplaceAll(string(text), "window: 7d", "window: 28d")), "../../testdata/policies")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	sum, err := pipeline.Run(context.Background(), pipeline.Options{Policy: p, Workspace: filepath.Join(dir, "workspace"), Book: pipeline.Book{Folder: filepath.Join(dir, "ledger"), New: true},
		Engine: duck.Options{Source: source}, Date: time.Date(2026, 4, 3, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range sum.Outcomes {
		if o.Err != nil {
			t.Errorf("%s: %v", o.Dataset, o.Err)
		}
	}
}

func plain(t *testing.T, source string, edit func(string) string) {
	e, err := duck.Open(duck.Options{Source: source, Threads: runtime.NumCPU()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	files, err := filepath.Glob("testdata/baseline/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no baseline: %v", err)
	}
	sort.Strings(files)
	for _, f := range files {
		sql, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Plain(context.Background(), edit(strings.ReplaceAll(string(sql), "SOURCE", source))); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
	}
}
