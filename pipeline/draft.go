package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"lethe/pipeline/duck"
	"lethe/pipeline/plan"
	"lethe/pipeline/policy"
)

// A Drafted is a draft of a policy and what it could not take in.
type Drafted struct {
	Text    []byte
	Tables  int
	Skipped []error // tables whose schema cannot be read
}

// Draft writes a first policy for a source: its tables, guessed from folders
// and file names, with every column dropped. It reads names and types, never a
// row. What only a person can decide says DECIDE, which no policy accepts.
func Draft(ctx context.Context, o duck.Options) (*Drafted, error) {
	tables, err := guess(o.Source)
	if err != nil {
		return nil, inputError(err)
	}
	if len(tables) == 0 {
		return nil, inputError(fmt.Errorf("source %s holds no .parquet, .csv, .csv.gz, .json or .json.gz file to draft a policy from", o.Source))
	}
	engine, err := duck.Open(o)
	if err != nil {
		return nil, inputError(err)
	}
	defer engine.Close()
	d := &Drafted{}
	source := &plan.Source{Tables: map[string]plan.SourceTable{}}
	var known []policy.Table
	for _, t := range tables {
		one, err := engine.Describe(ctx, &policy.Policy{Tables: []policy.Table{t}})
		if err != nil {
			d.Skipped = append(d.Skipped, inputError(err))
			continue
		}
		source.Tables[t.Name] = one.Tables[t.Name]
		known = append(known, t)
	}
	if len(known) == 0 {
		return nil, errors.Join(d.Skipped...)
	}
	d.Text, d.Tables = draftText(known, source), len(known)
	return d, nil
}

var endings = map[string]string{".parquet": "parquet", ".csv": "csv", ".csv.gz": "csv", ".json": "json", ".json.gz": "json"}

// ending is a file's known ending, "" for none.
func ending(name string) string {
	for _, e := range []string{".csv.gz", ".json.gz", ".parquet", ".csv", ".json"} {
		if strings.HasSuffix(name, e) {
			return e
		}
	}
	return ""
}

// guess groups the files below a folder into tables: files that lie equally
// deep in one top folder and differ in numbers alone are one table.
func guess(source string) ([]policy.Table, error) {
	groups := map[string][]string{}
	root, err := filepath.EvalSymlinks(source)
	if err != nil {
		return nil, fmt.Errorf("open source folder %s: no such folder", source)
	}
	err = filepath.WalkDir(root, func(p string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("read source folder: a folder below %s cannot be read", source)
		}
		if p != root && strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil || !entry.Type().IsRegular() || ending(entry.Name()) == "" || !plainPath(rel) {
			return nil
		}
		id := groupOf(filepath.ToSlash(rel))
		groups[id] = append(groups[id], filepath.ToSlash(rel))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return tablesOf(groups), nil
}

// plainPath says whether a path can stand in a policy as a glob.
func plainPath(p string) bool {
	return !strings.ContainsAny(p, `*?[]{}\'"`) && !strings.ContainsFunc(p, func(r rune) bool { return !unicode.IsPrint(r) })
}

var digits = regexp.MustCompile(`[0-9][0-9A-Fa-f_-]*`)

// groupOf is the folder, depth, stem and ending that a file's table goes by.
func groupOf(rel string) string {
	top, rest, deep := strings.Cut(rel, "/")
	name := path.Base(rel)
	end := ending(name)
	stem := strings.TrimSuffix(name, end)
	if !deep {
		return "\x00" + stem + "\x00" + end
	}
	stem = digits.ReplaceAllString(stem, "*")
	switch strings.Trim(stem, "*-_. ") {
	case "", "part", "data", top:
		stem = "*"
	}
	if strings.Count(rest, "/") > 0 {
		stem = "*"
	}
	return fmt.Sprintf("%s\x00%s\x00%s\x00%d", top, stem, end, strings.Count(rest, "/"))
}

func tablesOf(groups map[string][]string) []policy.Table {
	var out []policy.Table
	taken := map[string]bool{}
	var ids []string
	for id := range groups {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		files := groups[id]
		parts := strings.Split(id, "\x00")
		top, stem, end := parts[0], parts[1], parts[2]
		glob := files[0]
		if top != "" && (len(files) > 1 || strings.Contains(glob, "=") || stem == "*") {
			depth := strings.Count(strings.TrimPrefix(files[0], top+"/"), "/")
			glob = top + "/" + strings.Repeat("*/", depth) + stem + end
		}
		name := stem
		if stem == "*" {
			name = top
		}
		t := policy.Table{Name: freeName(name, taken), Files: glob, Format: endings[end], Many: true}
		t.CSV.Separator = ","
		out = append(out, t)
	}
	return out
}

var unnamed = regexp.MustCompile(`[^a-z0-9]+`)

// freeName makes a table's name of a file's.
func freeName(from string, taken map[string]bool) string {
	name := strings.Trim(unnamed.ReplaceAllString(strings.ToLower(from), "_"), "_")
	if name == "" || name[0] < 'a' {
		name = "t_" + name
	}
	name = name[:min(len(name), 50)]
	for n := 2; taken[name]; n++ {
		name = fmt.Sprintf("%s_%d", strings.TrimRight(name, "_0123456789"), n)
	}
	taken[name] = true
	return name
}
