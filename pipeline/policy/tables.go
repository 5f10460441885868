package policy

import (
	"path"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

func (r *reader) tables(n *yaml.Node) []Table {
	var out []Table
	for _, p := range r.pairs(n, "tables") {
		out = append(out, r.table(p))
	}
	if n != nil && n.Kind == yaml.MappingNode && len(out) == 0 {
		r.fail(n, "", "tables is empty")
	}
	return out
}

func (r *reader) table(p pair) Table {
	f := r.fields(p.val, "a table", "files", "csv", "unnest", "account", "rows", "time", "unique", "conflict", "received")
	t := Table{
		Name:     r.name(p.key, "table", word),
		Pos:      r.pos(p.key),
		Account:  r.account(f.need("account")),
		Many:     r.choice(f.need("rows"), "rows", "one", "many") != "one",
		Unique:   r.columnList(f.get("unique"), "unique", 1),
		Received: r.column(f.get("received"), "received"),
	}
	if len(t.Unique) == 0 {
		t.Unique = nil
	}
	t.Files, t.Format = r.files(f.need("files"))
	r.textTable(f, &t)
	t.Time = r.time(f.get("time"), t.Format)
	r.conflict(f, &t)
	return t
}

// files is a glob below the source folder; its ending names the format.
func (r *reader) files(n *yaml.Node) (glob, format string) {
	glob = r.text(n, "files")
	if glob == "" {
		return "", ""
	}
	if path.IsAbs(glob) || strings.Contains(glob, `\`) || slices.Contains(strings.Split(glob, "/"), "..") {
		r.fail(n, "name files below the source folder, with /", "files %q leaves the source folder", glob)
	}
	if _, err := path.Match(glob, ""); err != nil {
		r.fail(n, "close the bracket", "files %q is not a pattern", glob)
	}
	base := strings.TrimSuffix(glob, ".gz")
	for _, format := range []string{"parquet", "csv", "json"} {
		if strings.HasSuffix(base, "."+format) && (format != "parquet" || base == glob) {
			return glob, format
		}
	}
	r.fail(n, "end it in .parquet, .csv, .csv.gz, .json or .json.gz", "files %q does not say a format", glob)
	return glob, ""
}

// textTable reads what only CSV or only JSON has.
func (r *reader) textTable(f fields, t *Table) {
	if t.Format != "csv" && t.Format != "" {
		f.refuse("", "for "+t.Format+" files", "csv")
	}
	if t.Format != "json" && t.Format != "" {
		f.refuse("", "for "+t.Format+" files", "unnest")
	}
	t.Unnest = r.unnest(f.get("unnest"))
	t.CSV = r.csv(f.get("csv"), t.Format == "csv")
}

func (r *reader) csv(n *yaml.Node, is bool) CSV {
	var c CSV
	f := r.fields(n, "csv", "separator", "nulls")
	if is {
		c = CSV{Separator: ",", Nulls: []string{""}}
	}
	if sep := f.get("separator"); sep != nil {
		s, ok := r.scalar(sep, "separator")
		if ok && (len(s) != 1 || strings.ContainsAny(s, "\"'\r\n.0123456789-")) {
			r.fail(sep, `use one of "," ";" "|" "\t"`, "separator %q cannot separate", s)
		}
		c.Separator = s
	}
	if nulls := f.get("nulls"); nulls != nil {
		c.Nulls = []string{}
		for _, v := range r.items(nulls, "nulls") {
			if s, ok := r.scalar(v, "an entry of nulls"); ok && !slices.Contains(c.Nulls, s) {
				c.Nulls = append(c.Nulls, s)
			}
		}
	}
	return c
}

// unnest is a path of field names, `a.b`.
func (r *reader) unnest(n *yaml.Node) string {
	s, ok := r.scalar(n, "unnest")
	if !ok {
		return ""
	}
	for part := range strings.SplitSeq(s, ".") {
		if why := badColumn(part); why != "" {
			r.fail(n, "write the array's field, like measures or body.measures", "unnest %q: a field of the path %s", s, why)
			return ""
		}
	}
	return s
}

// account is a column, {constant: x} or {row: true}.
func (r *reader) account(n *yaml.Node) Account {
	if n == nil || n.Kind != yaml.MappingNode {
		return Account{Column: r.column(n, "account")}
	}
	f := r.fields(n, "account", "constant", "row")
	if len(n.Content) != 2 {
		r.fail(n, "write a column, {constant: x} or {row: true}", "account must say one thing")
		return Account{}
	}
	if row := f.get("row"); row != nil && !r.flag(row, "row") && row.Value == "false" {
		r.fail(row, "name the account's column", "account row cannot be false")
	}
	return Account{Constant: r.text(f.get("constant"), "constant"), Row: f.get("row") != nil}
}

// civil and instant are the two families of time types.
var (
	civil   = []string{"date", "local"}
	instant = []string{"instant", "epoch_s", "epoch_ms"}
)

func (r *reader) time(n *yaml.Node, format string) *Time {
	if n == nil {
		return nil
	}
	f := r.fields(n, "time", "column", "type", "zone", "format", "expect")
	t := &Time{
		Column: r.column(f.need("column"), "column"),
		Type:   r.choice(f.need("type"), "type", append(civil[:2:2], instant...)...),
		Format: r.text(f.get("format"), "format"),
	}
	if format == "parquet" {
		f.refuse("its files say the type", "for parquet files", "format")
	}
	switch {
	case slices.Contains(civil, t.Type):
		f.refuse("a zone makes a civil day of an instant", "for a civil time", "zone")
	case strings.HasPrefix(t.Type, "epoch"):
		f.refuse("an epoch is a number", "for an epoch", "format")
	}
	if t.Format != "" && !strings.Contains(t.Format, "%") {
		r.fail(f.get("format"), "write it like %Y-%m-%d %H:%M:%S", "format %q holds no field", t.Format)
	}
	t.ZoneColumn, t.Zone = r.timeZone(f.get("zone"))
	t.Expect = r.expect(f.get("expect"))
	return t
}

// timeZone is `table.column` or an IANA zone; a zone's name has no point.
func (r *reader) timeZone(n *yaml.Node) (*Ref, *time.Location) {
	if n != nil && strings.Contains(n.Value, ".") {
		return r.ref(n, "zone"), nil
	}
	return nil, r.zone(n, "zone")
}

// expect is [from, to), two civil days.
func (r *reader) expect(n *yaml.Node) *[2]time.Time {
	list := r.items(n, "expect")
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	if len(list) != 2 {
		r.fail(n, "write [first day, first day after]", "expect needs two dates")
		return nil
	}
	from, to := r.date(list[0], "expect"), r.date(list[1], "expect")
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		r.fail(n, "", "expect ends on %s, not after it starts", dateOnly(to))
	}
	return &[2]time.Time{from, to}
}

// conflict says what happens to rows of one key that are not copies.
func (r *reader) conflict(f fields, t *Table) {
	n := f.get("conflict")
	if n == nil {
		return
	}
	t.Last = r.choice(n, "conflict", "refuse", "last") == "last"
	if f.get("unique") == nil {
		r.fail(n, "name the columns of the key in unique", "conflict needs %q", "unique")
	}
	if t.Last && f.get("received") == nil {
		r.fail(n, "name the column that says when a row arrived", "conflict last needs %q", "received")
	}
}

func (r *reader) columnList(n *yaml.Node, what string, least int) []string {
	return r.list(n, what, least, func(c *yaml.Node) string { return r.column(c, "a column of "+what) })
}

// drops reads table: category: columns.
func (r *reader) drops(n *yaml.Node) []Drop {
	var out []Drop
	for _, table := range r.pairs(n, "drop") {
		name := r.name(table.key, "table", word)
		for _, cat := range r.pairs(table.val, "a table under drop") {
			out = append(out, Drop{
				Pos:      r.pos(cat.key),
				Table:    name,
				Category: r.choice(cat.key, "category", Categories...),
				Columns:  r.columnList(cat.val, "drop", 1),
			})
		}
	}
	return out
}
