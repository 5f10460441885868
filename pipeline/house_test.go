package pipeline

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The house rules: what stands where, who may import whom, and what no file may do. Each rule is a function over parsed
// files, so that a file that breaks it can be given to it too.

// mayImport lists, for each package, which of ours it may import: the table of the design.
//
// Beyond its words: a draw of the ledger and its price (ledger.Draw, dp.Calibrate) are the specs that plan is made of; a
// file of the ledger is what deliver stages; door turns an error of pipeline and policy into an exit code.
var mayImport = map[string][]string{
	"privacy/budget":    {},
	"privacy/ledger":    {"privacy/budget"},
	"privacy/dp":        {"privacy/budget", "privacy/ledger"},
	"privacy/recode":    {},
	"privacy/risk":      {},
	"privacy/synth":     {"privacy/budget", "privacy/dp"},
	"transforms/ladder": {},
	"transforms":        {"transforms/ladder"},
	"pipeline/policy":   {"privacy/budget", "transforms/ladder"},
	"pipeline/plan":     {"pipeline/policy", "transforms", "transforms/ladder", "privacy/budget", "privacy/dp", "privacy/ledger", "privacy/recode"},
	"pipeline/duck":     {"pipeline/plan", "pipeline/policy", "transforms"},
	"pipeline/release":  {"privacy/budget", "privacy/ledger"},
	"pipeline/gate":     {"pipeline/plan", "pipeline/release", "privacy/recode", "privacy/risk"},
	"pipeline/deliver":  {"pipeline/plan", "pipeline/gate", "pipeline/release", "privacy/ledger"},
	"pipeline/request":  {"pipeline/policy", "pipeline/plan", "privacy/ledger"},
	"pipeline": {"pipeline/policy", "pipeline/plan", "pipeline/duck", "pipeline/gate", "pipeline/release", "pipeline/deliver",
		"pipeline/request", "privacy/budget", "privacy/ledger", "privacy/dp", "privacy/recode", "privacy/risk", "transforms", "transforms/ladder"},
	"jobs/door":    {"pipeline", "pipeline/policy", "privacy/budget"},
	"jobs/nightly": {"jobs/door", "pipeline", "pipeline/**", "privacy/**", "transforms/**"},
	"jobs/request": {"jobs/door", "pipeline", "pipeline/**", "privacy/**", "transforms/**"},
	"jobs/audit":   {"jobs/door", "pipeline/release", "pipeline/policy", "privacy/ledger", "privacy/budget"},
}

// soleImporters are the only packages that may see a library.
var soleImporters = map[string]string{
	"github.com/google/differential-privacy/": "privacy/dp",
	"github.com/duckdb/":                      "pipeline/duck",
}

// source is one parsed file; path is relative to the repository.
type source struct {
	path string
	ast  *ast.File
	text []byte
	fset *token.FileSet
}

func (s source) folder() string { return filepath.ToSlash(filepath.Dir(s.path)) }
func (s source) test() bool     { return strings.HasSuffix(s.path, "_test.go") }
func (s source) lines() int     { return bytes.Count(s.text, []byte("\n")) }

func (s source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.path, s.fset.Position(n.Pos()).Line)
}

func (s source) imports() []string {
	var out []string
	for _, i := range s.ast.Imports {
		path, _ := strconv.Unquote(i.Path.Value)
		out = append(out, path)
	}
	return out
}

// rule says what is wrong with a file.
type rule func(source) []string

var rules = map[string]rule{
	"imports of our own packages":     ownImports,
	"libraries with one importer":     libraries,
	"names of packages":               packageNames,
	"size of files":                   fileSize,
	"texts of the engine":             engineTexts,
	"randomness, logs and exits":      forbidden,
	"exported names have a doc":       documented,
	"production sets no key or seed":  noSeed,
	"ledger.Draw before dp, in order": drawThenNoise,
}

// TestHouse holds every rule over every file of the repository.
func TestHouse(t *testing.T) {
	for _, file := range parseAll(t, "..") {
		for name, r := range rules {
			for _, problem := range r(file) {
				t.Errorf("%s: %s", name, problem)
			}
		}
	}
	for _, problem := range topLevel(t, "..") {
		t.Errorf("top level: %s", problem)
	}
}

// TestHouseRulesBite gives every rule a file that breaks it.
func TestHouseRulesBite(t *testing.T) {
	long := "package plan\n" + strings.Repeat("\n", 500)
	for name, broken := range map[string][2]string{
		"imports of our own packages":     {"privacy/dp/x.go", `package dp; import _ "lethe/transforms"`},
		"libraries with one importer":     {"pipeline/plan/x.go", `package plan; import _ "github.com/duckdb/duckdb-go/v2/mapping"`},
		"names of packages":               {"pipeline/util/x.go", `package util`},
		"size of files":                   {"pipeline/plan/x.go", long},
		"texts of the engine":             {"pipeline/duck/x.go", `package duck; func f() error { return errors.New(mapping.ResultError(&r)) }`},
		"randomness, logs and exits":      {"pipeline/plan/x.go", `package plan; import "math/rand/v2"; var x = rand.Int()`},
		"exported names have a doc":       {"pipeline/plan/x.go", `package plan; func Naked() {}`},
		"production sets no key or seed":  {"jobs/nightly/x.go", `package main; var o = duck.Options{Key: k}`},
		"ledger.Draw before dp, in order": {"pipeline/x.go", `package pipeline; func f() { addNoise(m, p, x); token.Draw() }`},
	} {
		if len(rules[name](parseText(t, broken[0], broken[1]))) == 0 {
			t.Errorf("%s: the broken file passes", name)
		}
	}
	if len(rules) != 9 {
		t.Errorf("%d rules, 9 have a broken file", len(rules))
	}
	dir := t.TempDir()
	os.Mkdir(filepath.Join(dir, "scripts"), 0o755)
	if len(topLevel(t, dir)) == 0 {
		t.Error("top level: a folder that is not of the house passes")
	}
}

func parseAll(t *testing.T, root string) []source {
	t.Helper()
	var out []source
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		if d.IsDir() && rel != "." && (strings.HasPrefix(d.Name(), ".") || rel == "workspace") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		out = append(out, parseText(t, filepath.ToSlash(rel), string(text)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 100 {
		t.Fatalf("found %d files, the repository has more", len(out))
	}
	return out
}

func parseText(t *testing.T, path, text string) source {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return source{path, file, []byte(text), fset}
}

// production says whether a file is of the program: what lies in testdata serves tests.
func (s source) production() bool {
	return !s.test() && !strings.HasPrefix(s.path, "testdata/") && !strings.Contains(s.path, "/testdata/")
}

func ownImports(s source) []string {
	if !s.production() {
		return nil
	}
	allowed, known := mayImport[s.folder()]
	if !known {
		return []string{s.path + ": the table of packages does not have " + s.folder()}
	}
	var out []string
	for _, path := range s.imports() {
		ours, ok := strings.CutPrefix(path, "lethe/")
		if !ok || slices.Contains(allowed, ours) {
			continue
		}
		below := slices.ContainsFunc(allowed, func(a string) bool {
			parent, wild := strings.CutSuffix(a, "**")
			return wild && strings.HasPrefix(ours, parent)
		})
		if !below {
			out = append(out, fmt.Sprintf("%s: %s may not import %s", s.path, s.folder(), ours))
		}
	}
	return out
}

func libraries(s source) []string {
	var out []string
	for _, path := range s.imports() {
		for library, only := range soleImporters {
			if strings.HasPrefix(path, library) && s.folder() != only {
				out = append(out, fmt.Sprintf("%s imports %s, which is %s's alone", s.path, path, only))
			}
		}
	}
	return out
}

func packageNames(s source) []string {
	var out []string
	for _, part := range append(strings.Split(s.folder(), "/"), s.ast.Name.Name) {
		if slices.Contains([]string{"util", "utils", "common", "base", "helper", "helpers", "manager", "managers"}, part) {
			out = append(out, fmt.Sprintf("%s: %s says nothing", s.path, part))
		}
	}
	return out
}

func fileSize(s source) []string {
	if s.production() && s.lines() >= 450 {
		return []string{fmt.Sprintf("%s has %d lines: a file holds one idea", s.path, s.lines())}
	}
	return nil
}

// engineTexts: DuckDB's texts quote values of rows. They may be sorted by their first words or compared with "", and go
// nowhere else. Nor may anything come of the driver for database/sql, whose errors are those texts.
func engineTexts(s source) []string {
	if s.folder() != "pipeline/duck" {
		return nil
	}
	var out []string
	fine := map[ast.Node]bool{}
	ast.Inspect(s.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "kindOf" || id.Name == "prepareFault") {
				for _, a := range n.Args {
					fine[a] = true
				}
			}
			if name := selected(n.Fun, "mapping", "bindings"); speaks(name) && !fine[n] {
				out = append(out, fmt.Sprintf("%s: %s's text may quote a row; only its kind may leave", s.at(n), name))
			}
		case *ast.BinaryExpr:
			if empty, ok := n.Y.(*ast.BasicLit); ok && empty.Value == `""` && (n.Op == token.EQL || n.Op == token.NEQ) {
				fine[n.X] = true
			}
		}
		return true
	})
	for _, path := range s.imports() {
		if s.production() && (path == "database/sql" || path == "github.com/duckdb/duckdb-go/v2") {
			out = append(out, s.path+" imports "+path+", whose errors quote rows")
		}
	}
	return append(out, openMessage(s)...)
}

// selected is the name of x.Name where x is one of the packages.
func selected(e ast.Expr, packages ...string) string {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if id, ok := sel.X.(*ast.Ident); ok && slices.Contains(packages, id.Name) {
		return sel.Sel.Name
	}
	return ""
}

func speaks(name string) bool {
	return strings.HasSuffix(name, "Error") || strings.HasSuffix(name, "ErrorMessage") || strings.HasSuffix(name, "ErrorDataMessage")
}

// openMessage: the text that OpenExt fills is looked at by nobody.
func openMessage(s source) []string {
	var out []string
	uses := 0
	ast.Inspect(s.ast, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Name == "msg" {
			uses++
		}
		return true
	})
	if strings.HasSuffix(s.path, "duck/engine.go") && uses > 2 {
		out = append(out, s.path+": the engine's message is used")
	}
	return out
}

func forbidden(s source) []string {
	if !s.production() {
		return nil
	}
	var out []string
	for _, path := range s.imports() {
		switch {
		case path == "math/rand" || path == "math/rand/v2":
			out = append(out, s.path+" imports "+path+": surrogates and noise come from crypto/rand")
		case path == "log" || path == "log/slog" || path == "github.com/golang/glog":
			out = append(out, s.path+" imports "+path+": a library returns errors and logs nothing")
		case path == "unsafe" && s.folder() != "pipeline/duck":
			out = append(out, s.path+" imports unsafe: only the engine's chunks are read in place")
		}
	}
	ast.Inspect(s.ast, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && !strings.HasPrefix(s.path, "jobs/") {
			if selected(call.Fun, "os") == "Exit" || selected(call.Fun, "fmt") == "Println" || selected(call.Fun, "fmt") == "Printf" {
				out = append(out, s.at(n)+": only programs in jobs exit and print")
			}
		}
		if fn, ok := n.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			out = append(out, s.at(n)+": init registers what nobody sees")
		}
		return true
	})
	return out
}

func documented(s source) []string {
	if !s.production() {
		return nil
	}
	var out []string
	for _, d := range s.ast.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) && !conventional(d) {
				out = append(out, s.at(d)+": "+d.Name.Name+" has no doc")
			}
		case *ast.GenDecl:
			out = append(out, undocumentedSpecs(s, d)...)
		}
	}
	return out
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	t := d.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	id, ok := t.(*ast.Ident)
	return ok && id.IsExported()
}

// conventional are methods whose meaning the standard library gives.
func conventional(d *ast.FuncDecl) bool {
	return d.Recv != nil && slices.Contains([]string{"Error", "Unwrap", "Is", "String", "MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText"}, d.Name.Name)
}

func undocumentedSpecs(s source, d *ast.GenDecl) []string {
	var out []string
	grouped := d.Doc != nil
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Name.IsExported() && d.Doc == nil && spec.Doc == nil {
				out = append(out, s.at(spec)+": type "+spec.Name.Name+" has no doc")
			}
		case *ast.ValueSpec:
			// In a list of constants a neighbour's words and type serve for those below it.
			if spec.Doc != nil || spec.Comment != nil || spec.Type != nil {
				grouped = true
			}
			if spec.Names[0].IsExported() && !grouped {
				out = append(out, s.at(spec)+": "+spec.Names[0].Name+" has no doc")
			}
		}
	}
	return out
}

// noSeed: the key of the surrogates is a field for tests. No production code sets it, by name or by place.
func noSeed(s source) []string {
	if !s.production() {
		return nil
	}
	var out []string
	ast.Inspect(s.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			if selected(n.Type, "duck") != "Options" {
				return true
			}
			for _, e := range n.Elts {
				kv, named := e.(*ast.KeyValueExpr)
				if !named || kv.Key.(*ast.Ident).Name == "Key" {
					out = append(out, s.at(n)+": sets the surrogates' key")
				}
			}
		case *ast.AssignStmt:
			for _, l := range n.Lhs {
				if sel, ok := l.(*ast.SelectorExpr); ok && sel.Sel.Name == "Key" && (s.folder() == "pipeline" || strings.HasPrefix(s.path, "jobs/")) {
					out = append(out, s.at(n)+": sets a field Key")
				}
			}
		}
		return true
	})
	return out
}

// drawThenNoise: where one function does both, DRAW is recorded before noise is made.
func drawThenNoise(s source) []string {
	if !s.production() || s.folder() != "pipeline" {
		return nil
	}
	var out []string
	for _, d := range s.ast.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		drawn := false
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Draw" {
				drawn = true
			}
			if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "addNoise" && !drawn {
				out = append(out, s.at(n)+": noise before DRAW")
			}
			return true
		})
	}
	return out
}

// topLevel: the house has these rooms and no other; what the ignore file names is of one machine.
func topLevel(t *testing.T, root string) []string {
	t.Helper()
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	rooms := []string{"pipeline", "transforms", "privacy", "jobs", "notebooks", "testdata", "go.mod", "go.sum", "README.md", "workspace"}
	var out []string
	for _, e := range entries {
		if !slices.Contains(rooms, e.Name()) && !strings.HasPrefix(e.Name(), ".") && !strings.HasSuffix(e.Name(), ".test") && !strings.HasSuffix(e.Name(), ".prof") {
			out = append(out, e.Name()+" is not of the house")
		}
	}
	return out
}
