package plan

import (
	"fmt"
	"regexp"
	"sort"
	"strings"

	"lethe/pipeline/policy"
	"lethe/transforms"
)

// Source is the schema of a source: names and types, no rows.
type Source struct {
	Tables map[string]SourceTable
}

// SourceTable is one table's columns in the order of its files.
type SourceTable struct {
	Text    bool // every column arrives as text
	Columns []SourceColumn
	// Children are those that come from the elements of the unnested array.
	Children []string
}

// SourceColumn is one column. Native is the engine's name of its type; empty
// in a text table.
type SourceColumn struct {
	Name, Native string
}

// Find returns the column of that name. Names are told apart by case here, as
// the policy does, though the engine does not.
func (t SourceTable) Find(name string) (SourceColumn, bool) {
	for _, c := range t.Columns {
		if c.Name == name {
			return c, true
		}
	}
	return SourceColumn{}, false
}

// Type is the pipeline's type of a native type; "" for one that has none.
func Type(native string) transforms.Type {
	base, _, _ := strings.Cut(native, "(")
	switch base {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT":
		return transforms.Int
	case "FLOAT", "DOUBLE", "DECIMAL":
		return transforms.Decimal
	case "VARCHAR", "UUID", "ENUM":
		return transforms.String
	case "DATE":
		return transforms.Date
	case "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE":
		return transforms.Timestamp
	case "BOOLEAN":
		return transforms.Bool
	}
	return ""
}

// Check holds a source against a policy: every column of every table must be
// listed, and every column that the policy lists must be there. All problems
// are reported.
func (s *Source) Check(p *policy.Policy) []error {
	var out []error
	for _, t := range p.Tables {
		src, ok := s.Tables[t.Name]
		if !ok {
			continue
		}
		out = append(out, src.check(p, t)...)
	}
	return out
}

func (t SourceTable) check(p *policy.Policy, table policy.Table) []error {
	var out []error
	listed := p.Listed(table.Name)
	if t.strange(listed) {
		return []error{fmt.Errorf("table %s: none of its %d columns is one that the policy lists, and their names may be values of a row, so they are not shown: "+
			"a text file needs a header line; otherwise correct `files`, or the policy", table.Name, len(t.Columns))}
	}
	seen := map[string]string{}
	for i, c := range t.Columns {
		if bad := hostile(c.Name); bad != "" {
			out = append(out, fmt.Errorf("table %s: the name of a column %s; rename it in the source, no job can read it safely", table.Name, bad))
			continue
		}
		if other, twice := seen[strings.ToLower(c.Name)]; twice {
			out = append(out, fmt.Errorf("table %s: columns %q and %q differ only in case; rename one in the source", table.Name, other, c.Name))
		}
		seen[strings.ToLower(c.Name)] = c.Name
		if _, ok := listed[c.Name]; !ok && personal(c.Name) {
			out = append(out, fmt.Errorf("table %s: column %d is new, and its name looks like a value of a row, so it is not shown: "+
				"correct the source, or list it under drop", table.Name, i+1))
		} else if !ok {
			out = append(out, fmt.Errorf("new column %s.%s: list it under columns, or under drop%s", table.Name, c.Name, t.numbered(c.Name)))
		}
	}
	return append(out, t.missing(table, listed)...)
}

// numbered is the hint for a name that the engine may have made of two: it
// numbers columns whose names differ only in case.
func (t SourceTable) numbered(name string) string {
	at := strings.LastIndexByte(name, '_')
	if at < 0 || strings.Trim(name[at+1:], "0123456789") != "" {
		return ""
	}
	for _, c := range t.Columns {
		if c.Name != name && strings.EqualFold(c.Name, name[:at]) {
			return fmt.Sprintf("; if no file has a column of that name, one has two that differ from %q only in case: rename one", c.Name)
		}
	}
	return ""
}

func (t SourceTable) missing(table policy.Table, listed map[string]policy.Listing) []error {
	head, _, _ := strings.Cut(table.Unnest, ".")
	var names []string
	for name, how := range listed {
		if _, ok := t.Find(name); !ok && how != policy.Dropped && name != head {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	var out []error
	for _, n := range names {
		out = append(out, fmt.Errorf("table %s has no column %q, which the policy names; correct the policy, or the source", table.Name, n))
	}
	return out
}

// strange says whether a table is none that the policy speaks of: a file
// without a header, whose first row was taken for one, looks like that.
func (t SourceTable) strange(listed map[string]policy.Listing) bool {
	for _, c := range t.Columns {
		if _, ok := listed[c.Name]; ok {
			return false
		}
	}
	return len(t.Columns) > 0
}

// personal says whether a name looks like an address, a number or a device of
// somebody.
func personal(name string) bool {
	return strings.Contains(name, "@") || strings.Count(name, ":") > 1 || longNumber.MatchString(name)
}

var longNumber = regexp.MustCompile(`[0-9]([ .-]?[0-9]){4}`)

// hostile says what is wrong with a column's name, "" for nothing. The name
// itself is not shown: it may be a value that ended up in a header.
func hostile(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > 63:
		return "is longer than 63 bytes"
	case strings.Contains(name, `"`):
		return "holds a double quote"
	}
	for _, r := range name {
		if r < 0x20 || r == 0x7f || r == 0xfffd || r >= 0x80 && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return "holds a control character"
		}
	}
	return ""
}
