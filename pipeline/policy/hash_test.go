package policy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
	"pgregory.net/rapid"
)

// The order of a map, the layout and the comments have no meaning.
func TestHashInvariance(t *testing.T) {
	text := full(t)
	want := parsed(t, text).Hash
	rapid.Check(t, func(rt *rapid.T) {
		var doc yaml.Node
		if err := yaml.Load([]byte(text), &doc); err != nil {
			rt.Fatal(err)
		}
		shuffle(rt, &doc)
		out, err := yaml.Dump(&doc, yaml.WithIndent(rapid.IntRange(2, 6).Draw(rt, "indent")))
		if err != nil {
			rt.Fatal(err)
		}
		p, err := Parse("shuffled.yaml", out, "testdata")
		if err != nil {
			rt.Fatalf("shuffled policy: %v\n%s", err, out)
		}
		if p.Hash != want {
			rt.Errorf("got hash %s, want %s", p.Hash, want)
		}
	})
}

func shuffle(rt *rapid.T, n *yaml.Node) {
	n.HeadComment, n.LineComment, n.FootComment = "", "", ""
	if n.Kind == yaml.MappingNode {
		if rapid.Bool().Draw(rt, "block") {
			n.Style &^= yaml.FlowStyle
		}
		pairs := make([][2]*yaml.Node, len(n.Content)/2)
		for i := range pairs {
			pairs[i] = [2]*yaml.Node{n.Content[2*i], n.Content[2*i+1]}
		}
		n.Content = n.Content[:0]
		for _, p := range rapid.Permutation(pairs).Draw(rt, "order") {
			n.Content = append(n.Content, p[0], p[1])
		}
	}
	for _, c := range n.Content {
		shuffle(rt, c)
	}
}

// The form that is hashed is written down here: whoever changes it gives every
// policy another hash, and every plan that names one.
func TestHashForm(t *testing.T) {
	p := parsed(t, full(t))
	form := p.canonical()
	for _, line := range []string{
		`"budget"."lifetime_delta"="1e-8"`,
		`"columns"."accounts.height"."measure"."bounds"="[\"120\", \"210\"]"`,
		`"datasets"."cardio"."cohort"."features"."0000"."laplace"="2"`,
		`"ladders"."age"."levels"="[\"1y\", \"5y\", \"10y\"]"`,
		`"tables"."measures"."time"."zone_column"="accounts.timezone"`,
	} {
		if !strings.Contains(form, "\n"+line+"\n") {
			t.Errorf("canonical form lacks %s", line)
		}
	}
	if !strings.HasPrefix(form, "lethe policy 1\n\"admit\".") || strings.Contains(form, "testdata") {
		t.Errorf("canonical form begins %.60q", form)
	}
	if got, want := p.Hash, "405a174c98abe016ae7cacca79964365b86d3f82df4dca3e16c149a359e8c37e"; got != want {
		t.Errorf("hash of full.yaml: got %s, want %s", got, want)
	}
}

// Spellings of one meaning have one hash.
func TestHashSameMeaning(t *testing.T) {
	text := full(t)
	want := parsed(t, text).Hash
	for _, e := range [][2]string{
		{"# Every key", "# No key"},
		{"unit: account\n", "\n"},
		{"retries: 1", "retries: 1 # the default"},
		{"suppressed: 10%", "suppressed: 0.1"},
		{"sampler: 0.1", "sampler: 10%"},
		{"finest: 0", "finest: source"},
		{"by: [age@10y, sex, region@departement]", "by: [age, sex@0, region@departement]"},
		{"delta: 1e-8", "delta: 0.00000001"},
		{"step: 0.1, unit", "step: 0.10, unit"},
		{"purpose: health-research, latest_by", "purpose: 'health-research', latest_by"},
		{"contribute: {value: mean, groups: 1}", "contribute: {}"},
		{", per: window, use", ", use"},
	} {
		if got := parsed(t, edited(t, text, e[0], e[1])).Hash; got != want {
			t.Errorf("%q instead of %q: got hash %s, want %s", e[1], e[0], got, want)
		}
	}
}

// Another meaning has another hash, down to the bytes of a public table.
func TestHashOtherMeaning(t *testing.T) {
	text := full(t)
	seen := map[string]string{parsed(t, text).Hash: "the policy itself"}
	for _, e := range [][2]string{
		{"version: 3", "version: 4"},
		{"retries: 1", "retries: 0"},
		{"retries: 1", "retries: 1\n  demo: true"},
		{"otherwise: clamp", "otherwise: drop"},
		{"conflict: last", "conflict: refuse"},
		{"laplace: 2}", "laplace: 3}"},
		{"settle: 7d", "settle: 8d"},
		{"weights: [1, 2, 3]", "weights: [1, 3, 2]"},
		{"codes: [F, M]", "codes: [M, F]"},
		{"where: {type: [9]}", "where: {type: [9, 10]}"},
		{"[no, \"null\"]", "[no]"},
		{"season: north", "season: south"},
		{"expect: [2016-03-01, 2016-06-01]", "expect: [2016-03-01, 2016-06-02]"},
		{"why: ages are banded", "why: ages are coarse"},
	} {
		got := parsed(t, edited(t, text, e[0], e[1])).Hash
		if was := seen[got]; was != "" {
			t.Errorf("%q has the hash of %s", e[1], was)
		}
		seen[got] = e[1]
	}
}

func TestHashOfTables(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	before, err := Load(filepath.Join(dir, "full.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if want := parsed(t, full(t)).Hash; before.Hash != want {
		t.Errorf("in another folder: got hash %s, want %s", before.Hash, want)
	}
	path := filepath.Join(dir, "communes.csv")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), "870000", "870001", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	after, err := Load(filepath.Join(dir, "full.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if before.Hash == after.Hash {
		t.Error("a changed public table left the hash as it was")
	}
}

// A link out of the policy's folder is not followed.
func TestTableEscapes(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "outside.csv")
	if err := os.WriteFile(outside, []byte("a;b\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "jobs.csv")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "jobs.csv")); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(filepath.Join(dir, "full.yaml")); err == nil || !strings.Contains(err.Error(), "escapes") {
		t.Errorf("got %v, want the link refused", err)
	}
}
