package duck

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lethe/pipeline/plan"
	"lethe/transforms"
)

// relation is the SQL that opens the files of a glob, giving flat columns. Text
// tables give text, of the columns asked for; describing one asks for none and
// gets what the headers show. The files are named one by one: those that were
// looked at, and no other, are read.
func (e *Engine) relation(s plan.Scan, glob string) (string, error) {
	files, err := e.files(glob)
	if err != nil {
		return "", fmt.Errorf("table %s: %w", s.Table, err)
	}
	return e.relationOf(s, files), nil
}

func (e *Engine) relationOf(s plan.Scan, files []string) string {
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = filepath.Join(e.source, literally(f))
	}
	path := "[" + quoteAll(paths) + "]"
	switch s.Format {
	case "csv":
		return "read_csv(" + path + e.csvOptions(s) + ")"
	case "json":
		return e.jsonRelation(s, path)
	}
	return "read_parquet(" + path + ", hive_partitioning = true)"
}

// literally keeps DuckDB from reading a file's name as a glob.
func literally(path string) string {
	return strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]").Replace(path)
}

func (e *Engine) csvOptions(s plan.Scan) string {
	out := ", header = true, skip = 0, comment = '', all_varchar = true, strict_mode = true, quote = '\"', escape = '\"', delim = " + transforms.Literal(s.CSV.Separator)
	if len(s.CSV.Nulls) > 0 {
		out += ", nullstr = [" + quoteAll(s.CSV.Nulls) + "]"
	}
	return out
}

// jsonRelation reads the columns asked for as text. Of one array of objects,
// found at a path of keys, each element makes a row and its parent's columns
// repeat.
func (e *Engine) jsonRelation(s plan.Scan, path string) string {
	if len(s.Columns) == 0 {
		// every object is looked at: a key that one alone has must be listed too
		return "read_json(" + path + ", sample_size = -1, maximum_sample_files = 1000000, map_inference_threshold = -1, field_appearance_threshold = 0)"
	}
	var columns, inner, outer, fields []string
	for _, c := range s.Columns {
		name := transforms.Ident(c)
		if slices.Contains(s.Children, c) {
			fields = append(fields, name+" VARCHAR")
			outer = append(outer, "u."+name+" AS "+name)
			continue
		}
		columns = append(columns, name+": 'VARCHAR'")
		inner, outer = append(inner, name), append(outer, name)
	}
	if s.Unnest != "" {
		keys := strings.Split(s.Unnest, ".")
		typ := "STRUCT(" + strings.Join(fields, ", ") + ")[]"
		if len(fields) == 0 {
			typ = "JSON[]"
		}
		for i := len(keys) - 1; i > 0; i-- {
			typ = "STRUCT(" + transforms.Ident(keys[i]) + " " + typ + ")"
		}
		columns = append(columns, transforms.Ident(keys[0])+": "+transforms.Literal(typ))
		inner = append(inner, "unnest("+unnested(s.Unnest)+") AS u")
	}
	from := "read_json(" + path + ", columns = {" + strings.Join(columns, ", ") + "})"
	return "(SELECT " + strings.Join(outer, ", ") + " FROM (SELECT " + strings.Join(inner, ", ") + " FROM " + from + "))"
}

// unnested is the SQL of the array at a path of keys.
func unnested(path string) string {
	keys := strings.Split(path, ".")
	for i := range keys {
		keys[i] = transforms.Ident(keys[i])
	}
	return strings.Join(keys, ".")
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
