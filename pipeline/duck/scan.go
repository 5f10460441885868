package duck

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"lethe/pipeline/plan"
	"lethe/transforms"
)

// relation is the SQL that opens a table's files, giving flat columns. Text
// tables give text, of the columns asked for; describing one asks for none and
// gets what the headers show.
func (e *Engine) relation(s plan.Scan, files string) string {
	path := transforms.Literal(filepath.Join(e.source, files))
	switch s.Format {
	case "csv":
		return "read_csv(" + path + e.csvOptions(s) + ")"
	case "json":
		return e.jsonRelation(s, path)
	}
	return "read_parquet(" + path + ", hive_partitioning = true)"
}

func (e *Engine) csvOptions(s plan.Scan) string {
	out := ", header = true, all_varchar = true, strict_mode = true, quote = '\"', escape = '\"', delim = " + transforms.Literal(s.CSV.Separator)
	if len(s.CSV.Nulls) > 0 {
		out += ", nullstr = [" + quoteAll(s.CSV.Nulls) + "]"
	}
	return out
}

// jsonRelation reads the columns asked for as text. Of one array of objects,
// each element makes a row and its parent's columns repeat.
func (e *Engine) jsonRelation(s plan.Scan, path string) string {
	if len(s.Columns) == 0 {
		return "read_json(" + path + ")"
	}
	var parents, children []string
	for _, c := range s.Columns {
		if s.Unnest != "" && contains(s.Children, c) {
			children = append(children, c)
		} else {
			parents = append(parents, c)
		}
	}
	var columns, sel []string
	for _, p := range parents {
		columns = append(columns, transforms.Ident(p)+": 'VARCHAR'")
		sel = append(sel, transforms.Ident(p))
	}
	if s.Unnest == "" {
		return "read_json(" + path + ", columns = {" + strings.Join(columns, ", ") + "})"
	}
	var fields []string
	for _, c := range children {
		fields = append(fields, transforms.Ident(c)+" VARCHAR")
		sel = append(sel, "u."+transforms.Ident(c)+" AS "+transforms.Ident(c))
	}
	columns = append(columns, transforms.Ident(s.Unnest)+": "+transforms.Literal("STRUCT("+strings.Join(fields, ", ")+")[]"))
	outer := append([]string{}, parents...)
	for i := range outer {
		outer[i] = transforms.Ident(outer[i])
	}
	inner := strings.Join(append(outer, "unnest("+transforms.Ident(s.Unnest)+") AS u"), ", ")
	return "(SELECT " + strings.Join(sel, ", ") + " FROM (SELECT " + inner + " FROM read_json(" + path + ", columns = {" + strings.Join(columns, ", ") + "})))"
}

func contains(list []string, x string) bool {
	for _, y := range list {
		if x == y {
			return true
		}
	}
	return false
}

// files lists what a glob matches, below the source folder.
func (e *Engine) files(glob string) ([]string, error) {
	if !filepath.IsLocal(glob) {
		return nil, fmt.Errorf("files %q: name files below the source folder, without `..`", glob)
	}
	matches, err := filepath.Glob(filepath.Join(escape(e.source), glob))
	if err != nil {
		return nil, fmt.Errorf("files %q: it is not a glob that can be read", glob)
	}
	var out []string
	for _, m := range matches {
		real, err := filepath.EvalSymlinks(m)
		if err != nil || !strings.HasPrefix(real, e.source+string(filepath.Separator)) {
			return nil, fmt.Errorf("files %q: a match lies outside the source folder, or its link is broken", glob)
		}
		info, err := os.Stat(real)
		if err != nil || !info.Mode().IsRegular() {
			return nil, fmt.Errorf("files %q: a match is not a regular file", glob)
		}
		rel, err := filepath.Rel(e.source, m)
		if err != nil {
			return nil, fmt.Errorf("files %q: %w", glob, reason(err))
		}
		out = append(out, rel)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("files %q: no file of the source matches; check the glob and --source", glob)
	}
	return out, nil
}

func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}
