package pipeline

import (
	"fmt"
	"go/ast"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lethe/pipeline/duck"
)

// orders are ways to write the same rows: in another order, and over several files whose names are in another order.
func orders(t *testing.T, s tables, root string, n int) []string {
	t.Helper()
	rng := rand.New(rand.NewPCG(11, 11))
	folders := []string{""}
	for i := range n {
		folder := fmt.Sprint(i + 1)
		for path, r := range s {
			mixed := r.shuffled(rng)
			files := 1
			if !slices.Contains([]string{"accounts.parquet", "consents.parquet", "objections.parquet"}, path) {
				files = 1 + rng.IntN(4)
			}
			for k := range files {
				part := &relation{cols: mixed.cols, rows: mixed.rows[k*len(mixed.rows)/files : (k+1)*len(mixed.rows)/files]}
				name := path
				if files > 1 {
					name = strings.TrimSuffix(path, ".parquet") + fmt.Sprintf("%d.parquet", rng.IntN(1000)*10+k)
				}
				part.save(t, filepath.Join(root, folder), name)
			}
		}
		folders = append(folders, folder)
	}
	return folders
}

// TestPromise11SameAnswers: the exact answers, and the operators' counts, do not depend on the order of rows or files,
// on threads, on shards, or on the run's random key.
func TestPromise11SameAnswers(t *testing.T) {
	t.Parallel()
	p := parsePolicy(t, smallPolicy)
	s, ids := population(rand.New(rand.NewPCG(1, 11)), 60)
	dir := s.save(t, t.TempDir())
	variants := 1
	if *long {
		variants = 30
	}
	folders := orders(t, s, dir, variants)
	other := s.of(func(any) bool { return true })
	other["activity.parquet"] = other["activity.parquet"].clone()
	other["activity.parquet"].rows[0][other["activity.parquet"].at("steps")] = int64(11)
	other.without(ids[0]).save(t, filepath.Join(dir, "other"))
	want, runs := "", 0
	for _, c := range []struct{ threads, shards int }{{1, 1}, {2, 1}, {2, 4}} {
		l := newLab(t, duck.Options{Source: dir, Threads: c.threads}, p, nil)
		for _, folder := range folders {
			got := l.answers(t, folder, c.shards).digest(t, true)
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("order %q, %d threads, %d shards: the answers are others", folder, c.threads, c.shards)
			}
			runs++
		}
		if c.threads == 1 && l.answers(t, "other", c.shards).digest(t, true) == want {
			t.Error("a source that differs in one account has the same answers: the comparison sees nothing")
		}
	}
	t.Logf("%d runs of %d datasets over %d orders of rows and files: one answer", runs, len(p.Datasets), len(folders))
}

// TestPromise11Sample: the same on the sample, in one other order of its rows, and with 1 and 4 shards.
func TestPromise11Sample(t *testing.T) {
	t.Parallel()
	p := parsePolicy(t, samplePolicy)
	rng := rand.New(rand.NewPCG(2, 11))
	some := []string{"steps-by-age-sex-region", "sleep-by-age", "pulse-by-age-bmi"}
	if *long {
		some = nil // all
	}
	mixed := tables{}
	for path, r := range loadSample(t) {
		mixed[path] = r.shuffled(rng)
	}
	want := ""
	for _, c := range []struct {
		source          string
		threads, shards int
	}{{sampleSource, 2, 1}, {sampleSource, 1, 4}, {mixed.save(t, t.TempDir()), 2, 4}} {
		l := newLab(t, duck.Options{Source: c.source, Threads: c.threads}, p, nil, some...)
		got := l.answers(t, "", c.shards).digest(t, true)
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("%d threads, %d shards: the answers are others", c.threads, c.shards)
		}
	}
}

// TestPromise11NothingSetsTheRandomness: the program has no flag for a seed or key, reads no variable but its flags', and
// two runs of the same thing draw different noise.
func TestPromise11NothingSetsTheRandomness(t *testing.T) {
	t.Parallel()
	allowed := []string{"policy", "source", "workspace", "ledger", "new-ledger", "ledger-key", "checkpoint-copy", "witness", "date", "dataset", "json", "supersede", "memory", "threads", "shards", "spill", "out", "help"}
	flag := regexp.MustCompile(`--([a-z][a-z0-9-]*)`)
	for _, command := range []string{"", "run", "plan", "validate", "init", "schema", "why", "diff", "ledger"} {
		help, err := exec.Command(nightly(t), append(strings.Fields(command), "--help")...).CombinedOutput()
		if err != nil {
			t.Errorf("%s --help: %v", command, err)
		}
		for _, m := range flag.FindAllSubmatch(help, -1) {
			if !slices.Contains(allowed, string(m[1])) {
				t.Errorf("%s has --%s: is it a way to set the randomness? if not, list it here", command, m[1])
			}
		}
	}
	for _, file := range parseAll(t, "..") {
		for _, problem := range environment(file) {
			t.Error(problem)
		}
	}
	if len(environment(parseText(t, "pipeline/x.go", `package pipeline; var seed = os.Getenv("SEED")`))) == 0 {
		t.Error("a variable that is read is not seen")
	}

	p := parsePolicy(t, smallPolicy)
	source := small(t, t.TempDir())
	var seen []string
	for range 2 {
		dir := t.TempDir()
		mustRun(t, options(p, source, dir, "steps"))
		for name, text := range contents(t, filepath.Join(dir, "workspace")) {
			if strings.HasSuffix(name, "data.arrow") {
				seen = append(seen, text)
			}
		}
	}
	if len(seen) != 2 || seen[0] == seen[1] {
		t.Error("two runs of one dataset on one source drew the same noise")
	}
}

// environment lists what a file of the program reads from its environment, but for the door's flags and terminal.
func environment(s source) []string {
	var out []string
	if !s.production() || s.folder() == "jobs/door" {
		return nil
	}
	ast.Inspect(s.ast, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && slices.Contains([]string{"Getenv", "LookupEnv", "Environ"}, selected(sel, "os", "syscall")) {
			out = append(out, s.at(n)+": reads the environment")
		}
		return true
	})
	return out
}
