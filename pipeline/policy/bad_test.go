package policy

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the wanted messages in testdata/bad.txtar")

// TestBad edits the full policy in one place, or gives a whole file, and wants
// exactly the messages that stand below. A case is
//
//	-- name --
//	text of full.yaml
//	=>
//	what stands there instead
//	-- name.want --
//	the error
func TestBad(t *testing.T) {
	path := filepath.Join("testdata", "bad.txtar")
	ar, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, f := range ar.Files {
		want[f.Name] = string(f.Data)
	}
	out := &txtar.Archive{Comment: ar.Comment}
	for _, f := range ar.Files {
		if strings.HasSuffix(f.Name, ".want") {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			got := message(t, badText(t, string(f.Data)))
			if !*update && got != want[f.Name+".want"] {
				t.Errorf("got:\n%s\nwant:\n%s", got, want[f.Name+".want"])
			}
			out.Files = append(out.Files, f, txtar.File{Name: f.Name + ".want", Data: []byte(got)})
		})
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func badText(t *testing.T, body string) string {
	old, new, edit := strings.Cut(body, "\n=>\n")
	if !edit {
		return body
	}
	return edited(t, full(t), old, strings.TrimSuffix(new, "\n"))
}

// message is the error of a policy that must have one, every part of which
// must be a Problem with a place.
func message(t *testing.T, text string) string {
	p, err := Parse("policy.yaml", []byte(text), "testdata")
	if err == nil {
		t.Fatal("got no error")
	}
	if p != nil {
		t.Error("got a policy beside the error")
	}
	placed(t, err)
	return err.Error() + "\n"
}

// placed checks that an error is made of problems, in order, each with a place
// and a text of ours.
func placed(t *testing.T, err error) {
	t.Helper()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("got %T, want joined problems", err)
	}
	last := 0
	for _, e := range joined.Unwrap() {
		var p *Problem
		if !errors.As(e, &p) {
			t.Fatalf("got %T, want *Problem: %v", e, e)
		}
		if p.Pos.Line < 1 || p.Pos.Col < 1 || p.Msg == "" || strings.Contains(p.Msg, "go-yaml") {
			t.Errorf("problem without a place or a text of ours: %+v", p)
		}
		if p.Pos.Line < last {
			t.Errorf("line %d is told after line %d", p.Pos.Line, last)
		}
		last = p.Pos.Line
	}
}
