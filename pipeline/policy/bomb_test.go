package policy

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// bombs are small texts that are expensive to read for someone who expands
// aliases, recurses without a limit or quotes the whole line in each message.
func bombs() map[string]string {
	laughs := "a0: &a0 [x]\n"
	for _, n := range []string{"1", "2", "3", "4", "5", "6", "7", "8"} {
		laughs += "a" + n + ": &a" + n + " [*a0, *a0, *a0, *a0, *a0, *a0, *a0, *a0]\n"
	}
	fill := func(s string) string { return strings.Repeat(s, (mostBytes-64)/len(s)) }
	return map[string]string{
		"laughs":        laughs,
		"too big":       fill("#") + fill("#"),
		"flow lists":    fill("["),
		"flow maps":     fill("{a: "),
		"block lists":   fill("- "),
		"keys":          fill("? "),
		"long line":     "{" + fill("a: b, ") + "}",
		"flow map":      "{" + fill("a: b,\n ") + "}",
		"flow sets":     "tables: [" + fill("{a},\n ") + "]",
		"folded":        "policy: >\n" + fill("  b\n"),
		"quoted":        "policy: '" + fill("b\n ") + "'",
		"quoted key":    "'" + fill("b\n ") + "': 1",
		"items":         "datasets:\n" + fill("- name: a\n"),
		"columns":       "columns:\n" + numbered("  a.b%d: {}\n"),
		"drops":         "drop:\n a:\n  identity:\n" + numbered("  - c%d\n") + "columns:\n" + numbered("  a.c%d: {}\n"),
		"same keys":     fill("a: b\n"),
		"long number":   "version: " + fill("9"),
		"big exponent":  "version: 1e999999999",
		"comments":      fill("# a\n"),
		"empty entries": "tables: [" + fill("a,") + "]",
		"quotes":        fill(`"\u0041" `),
		"indents":       indented(180),
		"many anchors":  fill("- &a b\n"),
		"long name":     "policy: a" + fill("b"),
	}
}

// numbered is about half a policy of different lines.
func numbered(line string) string {
	var b strings.Builder
	for i := 0; b.Len() < mostBytes/2-64; i++ {
		fmt.Fprintf(&b, line, i)
	}
	return b.String()
}

func indented(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func TestBombs(t *testing.T) {
	for name, text := range bombs() {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := Parse("bomb.yaml", []byte(text), "")
			if err == nil {
				t.Fatal("got no error")
			}
			placed(t, err)
			if len(err.Error()) > 200*(mostProblems+1)*5 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
			// Generous, for slow machines: without the limits these take minutes or all memory.
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("took %s", d)
			}
		})
	}
}

// Depth is refused where it passes the limit, whatever makes it deep.
func TestDepth(t *testing.T) {
	for _, open := range []string{"[", "{a: "} {
		shut := map[string]string{"[": "]", "{a: ": "}"}[open]
		nested := func(n int) error {
			_, err := Parse("deep.yaml", []byte("policy: "+strings.Repeat(open, n)+strings.Repeat(shut, n)), "")
			return err
		}
		if err := nested(mostDepth - 2); err == nil || strings.Contains(err.Error(), "deep:") {
			t.Errorf("%d times %q: got %v, want problems other than depth", mostDepth-2, open, err)
		}
		if err := nested(mostDepth + 1); err == nil || !strings.Contains(err.Error(), "nested more than 20 deep") {
			t.Errorf("%d times %q: got %v, want the depth refused", mostDepth+1, open, err)
		}
	}
}

// FuzzParse: no input panics, hangs or is refused without a place, and what is
// taken has a hash that reading it again gives too.
func FuzzParse(f *testing.F) {
	f.Add(full(f))
	for _, text := range bombs() {
		if len(text) < 4096 {
			f.Add(text)
		}
	}
	ar, err := txtar.ParseFile("testdata/bad.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range ar.Files {
		if old, new, edit := strings.Cut(string(c.Data), "\n=>\n"); edit {
			f.Add(strings.Replace(full(f), old, strings.TrimSuffix(new, "\n"), 1))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse("fuzz.yaml", []byte(text), "testdata")
		if (p == nil) == (err == nil) {
			t.Fatalf("got policy %v and error %v, want one of them", p, err)
		}
		if err != nil {
			placed(t, err)
			return
		}
		again, err := Parse("again.yaml", []byte(text), "testdata")
		if err != nil || again.Hash != p.Hash {
			t.Fatalf("read again: hash %s and error %v, want %s", again.Hash, err, p.Hash)
		}
		for _, d := range p.Datasets {
			for _, k := range d.By {
				if len(p.Domain(k)) == 0 {
					t.Errorf("key %s has no domain", k)
				}
			}
		}
	})
}

func TestProblemIsFound(t *testing.T) {
	_, err := Parse("p.yaml", []byte("policy: a\n"), "")
	var p *Problem
	if !errors.As(err, &p) || p.Pos.File != "p.yaml" {
		t.Errorf("got %v, want a *Problem in p.yaml", err)
	}
}
