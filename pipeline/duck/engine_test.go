package duck

import (
	"compress/gzip"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"

	"lethe/pipeline/plan"
	"lethe/pipeline/policy"
	"lethe/transforms"
)

// unlocked is DuckDB as it comes: it writes the tests' sources, and is the
// control of what the lock refuses.
func unlocked(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// write makes a file of a query's rows, in the format of its name.
func write(t testing.TB, db *sql.DB, path, query string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("COPY (" + query + ") TO " + transforms.Literal(path)); err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func start(t testing.TB, o Options) (*Engine, *conn) {
	t.Helper()
	e, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	c, err := e.connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.close(); e.Close() })
	return e, c
}

func parquetTable(name, files string) policy.Table {
	return policy.Table{Name: name, Files: files, Format: "parquet", Account: policy.Account{Column: "id"}, Many: true}
}

func csvTable(name, files string) policy.Table {
	t := parquetTable(name, files)
	t.Format, t.CSV = "csv", policy.CSV{Separator: ",", Nulls: []string{""}}
	return t
}

func jsonTable(name, files, unnest string) policy.Table {
	t := parquetTable(name, files)
	t.Format, t.Unnest = "json", unnest
	return t
}

func describe(e *Engine, tables ...policy.Table) (*plan.Source, error) {
	return e.Describe(context.Background(), &policy.Policy{Tables: tables})
}

// TestLock: whatever statement found its way into the engine, it could not
// leave the source folder. Most of them work on a DuckDB as it comes.
func TestLock(t *testing.T) {
	outside, source := t.TempDir(), t.TempDir()
	db := unlocked(t)
	put(t, outside+"/secret.csv", "a\nsecret\n")
	write(t, db, outside+"/secret.parquet", "SELECT 'secret' AS a")
	write(t, db, source+"/own.parquet", "SELECT 'own' AS a")
	_, c := start(t, Options{Source: source})
	statements := []string{
		"SELECT * FROM read_text('/etc/passwd')",
		"SELECT * FROM read_csv('/etc/passwd', auto_detect = false, columns = {'a': 'VARCHAR'}, delim = '\x01')",
		"SELECT * FROM read_blob('" + outside + "/secret.csv')",
		"SELECT * FROM read_csv('" + outside + "/secret.csv')",
		"SELECT * FROM '" + outside + "/secret.parquet'",
		"SELECT * FROM read_parquet('" + source + "/../" + filepath.Base(outside) + "/secret.parquet')",
		"SELECT * FROM read_parquet(['" + source + "/own.parquet', '" + outside + "/secret.parquet'])",
		"SELECT * FROM glob('" + outside + "/*')",
		"COPY (SELECT 1) TO '" + outside + "/out.csv'",
		"COPY (SELECT 1) TO '" + outside + "/out.parquet'",
		"EXPORT DATABASE '" + outside + "/export'",
		"ATTACH '" + outside + "/new.db'",
		"CREATE TABLE x AS FROM '" + outside + "/secret.csv'",
	}
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil && !strings.Contains(s, "..") { // control
			t.Errorf("a DuckDB as it comes refuses %s: %v", s, err)
		}
		if err := c.exec(context.Background(), "test", s); err == nil {
			t.Errorf("the lock lets through %s", s)
		}
	}
	for _, s := range []string{
		"INSTALL httpfs", "LOAD httpfs", "LOAD '" + outside + "/x.duckdb_extension'", "INSTALL h3 FROM community",
		"SELECT * FROM 'https://example.invalid/x.parquet'", "SELECT * FROM read_csv('s3://bucket/x.csv')",
		"SET memory_limit = '100GB'", "SET threads = 64", "SET temp_directory = '" + outside + "'", "SET enable_external_access = true",
		"SET allowed_directories = ['/']", "SET allowed_paths = ['/etc/passwd']", "SET lock_configuration = false", "RESET lock_configuration",
		"SET GLOBAL autoload_known_extensions = true", "PRAGMA memory_limit = '100GB'", "SET TimeZone = 'Asia/Tokyo'", "SET SESSION preserve_insertion_order = true",
		"CREATE PERSISTENT SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')", "PRAGMA enable_profiling = 'json'", "PRAGMA profiling_output = '" + outside + "/p'",
	} {
		if err := c.exec(context.Background(), "test", s); err == nil {
			t.Errorf("the lock lets through %s", s)
		}
	}
	if got := c.get(t, "SELECT a FROM read_parquet('"+source+"/own.parquet')"); len(got.rows) != 1 {
		t.Error("the source itself cannot be read")
	}
}

// TestLockWritesNothing repeats the writes with nothing there before, so that a
// file that is left is the engine's.
func TestLockWritesNothing(t *testing.T) {
	outside := t.TempDir()
	_, c := start(t, Options{Source: t.TempDir()})
	for _, s := range []string{"COPY (SELECT 1) TO '" + outside + "/out.csv'", "EXPORT DATABASE '" + outside + "/export'", "ATTACH '" + outside + "/new.db'"} {
		if err := c.exec(context.Background(), "test", s); err == nil {
			t.Errorf("%s passed", s)
		}
	}
	if left, _ := os.ReadDir(outside); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

const hungry = "SELECT i, repeat('x', 200) || i AS s FROM range(400000) t(i) ORDER BY s DESC"

// TestMemory: without a spill folder memory runs out with an error and no file;
// with one the same query ends, and the folder is empty after.
func TestMemory(t *testing.T) {
	work := t.TempDir()
	t.Chdir(work)
	count := func(e *Engine, c *conn) (rows int64, err error) {
		err = c.batches(context.Background(), "sort", hungry, []string{"i", "s"}, func(r arrow.Record) error { rows += r.NumRows(); return nil })
		return rows, err
	}
	e, c := start(t, Options{Source: t.TempDir(), Memory: "40MB", Threads: 1})
	_, err := count(e, c)
	var fault *Fault
	if !errors.As(err, &fault) || fault.Kind != OutOfMemory || !strings.Contains(err.Error(), "--spill") {
		t.Errorf("got %v, want that memory ran out and what to do", err)
	}
	if left, _ := os.ReadDir(work); len(left) > 0 {
		t.Errorf("files without a spill folder: %v", left)
	}
	spill := t.TempDir()
	e, c = start(t, Options{Source: t.TempDir(), Memory: "90MB", Threads: 1, Spill: spill})
	most := 0
	var rows int64
	err = c.batches(context.Background(), "sort", hungry, []string{"i", "s"}, func(r arrow.Record) error {
		rows += r.NumRows()
		left, _ := os.ReadDir(spill)
		most = max(most, len(left))
		return nil
	})
	if err != nil || rows != 400000 {
		t.Fatalf("with a spill folder: %d rows, %v", rows, err)
	}
	if most == 0 {
		t.Error("nothing was spilled: the control is not one")
	}
	c.close()
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(spill); len(left) > 0 {
		t.Errorf("left in the spill folder: %v", left)
	}
}

func TestSpillFolder(t *testing.T) {
	source, spill := t.TempDir(), t.TempDir()
	put(t, spill+"/duckdb_temp_storage_DEFAULT-0.tmp", "alice@secret.example")
	put(t, spill+"/duckdb_temp_block-7.block", "alice@secret.example")
	e, err := Open(Options{Source: source, Spill: spill})
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(spill); len(left) > 0 {
		t.Errorf("a run that died left %v", left)
	}
	if _, err := Open(Options{Source: source, Spill: spill}); err == nil || !strings.Contains(err.Error(), "another run spills there") {
		t.Errorf("a folder that another run spills to: got %v", err)
	}
	e.Close()
	put(t, spill+"/thesis.doc", "not ours")
	if _, err := Open(Options{Source: source, Spill: spill}); err == nil || !strings.Contains(err.Error(), "thesis.doc") {
		t.Errorf("a folder with somebody's file: got %v", err)
	}
	if _, err := os.Stat(spill + "/thesis.doc"); err != nil {
		t.Error("somebody's file is gone")
	}
	if _, err := Open(Options{Source: source, Spill: spill + "/none"}); err == nil {
		t.Error("a folder that is not there was taken")
	}
}

func TestOpenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	put(t, file, "")
	pattern := filepath.Join(t.TempDir(), "so[u]rce*")
	if err := os.Mkdir(pattern, 0o755); err != nil {
		t.Fatal(err)
	}
	for what, o := range map[string]Options{
		"no folder": {Source: file}, "a pattern": {Source: pattern}, "nothing there": {Source: file + "/none"}, "a short key": {Source: t.TempDir(), Key: []byte("short")},
		"a size that is none": {Source: t.TempDir(), Memory: "much'; DROP TABLE x --"},
	} {
		if e, err := Open(o); err == nil {
			e.Close()
			t.Errorf("%s: opened", what)
		}
	}
}

// TestFiles: a table's files lie below the source folder, whichever way they
// are named.
func TestFiles(t *testing.T) {
	outside, source := t.TempDir(), filepath.Join(t.TempDir(), "it's source")
	db := unlocked(t)
	write(t, db, outside+"/secret.parquet", "SELECT 1 AS id")
	if err := os.MkdirAll(source+"/sub", 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, source+"/a,b[1]?.csv", "id\n1\n")
	put(t, source+"/a,b1x.csv", "id\n2\n")
	for name, to := range map[string]string{"link.parquet": outside + "/secret.parquet", "dir": outside, "broken.parquet": outside + "/none", "self.csv": "a,b[1]?.csv"} {
		if err := os.Symlink(to, filepath.Join(source, name)); err != nil {
			t.Fatal(err)
		}
	}
	e, _ := start(t, Options{Source: source})
	for _, glob := range []string{"../*", "/etc/passwd", "sub/../../x.parquet", "link.parquet", "*.parquet", "dir/secret.parquet", "dir/*", "*/secret.parquet",
		"broken.parquet", "sub", "none.csv", "[", ""} {
		if got, err := e.files(glob); err == nil {
			t.Errorf("files %q: got %v", glob, got)
		}
	}
	if got, err := e.files("self.csv"); err != nil || len(got) != 1 {
		t.Errorf("a link within the source: %v, %v", got, err)
	}
	got, err := describe(e, csvTable("t", `a,b\[1\]\?.csv`))
	if err != nil || len(got.Tables["t"].Columns) != 1 {
		t.Fatalf("a file with a name like a glob: %v, %v", got, err)
	}
	from, err := e.relation(plan.Scan{Format: "csv", CSV: policy.CSV{Separator: ","}}, `a,b\[1\]\?.csv`)
	if err != nil {
		t.Fatal(err)
	}
	c, _ := e.connect()
	defer c.close()
	if rows := c.get(t, "SELECT id FROM "+from); rows.text() != "id\n1\n" {
		t.Errorf("the file's name was read as a glob: %s", rows.text())
	}
}

// TestLinkAfterDescribe: a file that appears as a link after the source was
// described is refused when it would be read.
func TestLinkAfterDescribe(t *testing.T) {
	outside, source := t.TempDir(), t.TempDir()
	db := unlocked(t)
	write(t, db, outside+"/secret.parquet", "SELECT 1 AS id")
	write(t, db, source+"/a.parquet", "SELECT 1 AS id")
	e, _ := start(t, Options{Source: source})
	if _, err := describe(e, parquetTable("t", "*.parquet")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside+"/secret.parquet", source+"/b.parquet"); err != nil {
		t.Fatal(err)
	}
	if _, err := e.relation(plan.Scan{Format: "parquet"}, "*.parquet"); err == nil {
		t.Error("the link was followed")
	}
}

// TestFilesAlike: what only a later file holds is not passed over.
func TestFilesAlike(t *testing.T) {
	for what, second := range map[string]string{
		"one more column": "SELECT 1::BIGINT AS id, 2 AS v, 'alice' AS name", "one less": "SELECT 1::BIGINT AS id", "another type": "SELECT 'x' AS id, 2 AS v",
		"another name": "SELECT 1::BIGINT AS id, 2 AS w", "another case": "SELECT 1::BIGINT AS ID, 2 AS v", "a wider type": "SELECT 1::BIGINT AS id, 2::BIGINT AS v",
	} {
		for _, format := range []string{"parquet", "csv"} {
			if format == "csv" && strings.Contains(what, "type") {
				continue
			}
			source := t.TempDir()
			db := unlocked(t)
			write(t, db, source+"/1."+format, "SELECT 1::BIGINT AS id, 2 AS v")
			write(t, db, source+"/2."+format, "SELECT 2 AS v, 1::BIGINT AS id") // another order is the same table
			e, _ := start(t, Options{Source: source})
			table := parquetTable("t", "*."+format)
			if format == "csv" {
				table = csvTable("t", "*."+format)
			}
			if _, err := describe(e, table); err != nil {
				t.Errorf("the same columns in another order: %v", err)
			}
			write(t, db, source+"/3."+format, second)
			if _, err := describe(e, table); err == nil || !strings.Contains(err.Error(), "file 3 of 3") {
				t.Errorf("%s: %s: got %v, want an error that says which file", format, what, err)
			}
		}
	}
}

// TestFormats reads one table from each format, and finds the same rows.
func TestFormats(t *testing.T) {
	source := t.TempDir()
	db := unlocked(t)
	put(t, source+"/plain.csv", "id,v,note\n1,2.5,\"a,b\"\n#2,,\"\"\n3,1e2,\"say \"\"no\"\"\"\n")
	f, err := os.Create(source + "/packed.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	z.Write([]byte("id;v;note\n1;2.5;a,b\n#2;NA;NA\n3;1e2;\"say \"\"no\"\"\"\n"))
	z.Close()
	f.Close()
	put(t, source+"/array.json", `[{"id":1,"v":2.5,"note":"a,b"},{"id":"#2","v":null},{"id":3,"v":"1e2","note":"say \"no\""}]`)
	put(t, source+"/lines.json", "{\"id\":1,\"v\":2.5,\"note\":\"a,b\"}\n{\"id\":\"#2\"}\n{\"id\":3,\"v\":\"1e2\",\"note\":\"say \\\"no\\\"\"}\n")
	put(t, source+"/deep.json", `{"status":0,"body":{"zone":"x","rows":[{"id":1,"v":2.5,"note":"a,b"},{"id":"#2","v":null,"note":null},{"id":3,"v":"1e2","note":"say \"no\""}]}}`)
	write(t, db, source+"/typed.parquet", `SELECT * FROM (VALUES ('1', '2.5', 'a,b'), ('#2', NULL, NULL), ('3', '1e2', 'say "no"')) t(id, v, note)`)
	e, c := start(t, Options{Source: source})
	packed := csvTable("packed", "packed.csv.gz")
	packed.CSV = policy.CSV{Separator: ";", Nulls: []string{"NA"}}
	tables := []policy.Table{csvTable("plain", "plain.csv"), packed, jsonTable("array", "array.json", ""), jsonTable("lines", "lines.json", ""),
		jsonTable("deep", "deep.json", "body.rows"), parquetTable("typed", "typed.parquet")}
	src, err := describe(e, tables...)
	if err != nil {
		t.Fatal(err)
	}
	want := "account,r:v,r:note\n#2,,\n1,2.5,a,b\n3,100,say \"no\"\n"
	for _, p := range tables {
		have := src.Tables[p.Name]
		for _, n := range []string{"id", "v", "note"} {
			if _, ok := have.Find(n); !ok {
				t.Errorf("%s: no column %s: %v", p.Name, n, have.Columns)
			}
		}
		read := transforms.Read{Table: p.Name, Text: true, Account: transforms.AccountKey{Column: "id", Type: transforms.String},
			Columns: []transforms.ReadColumn{{As: "r:v", Source: "v", Type: transforms.Decimal}, {As: "r:note", Source: "note", Type: transforms.String}}}
		from, err := e.relation(plan.Scan{Table: p.Name, Format: p.Format, CSV: p.CSV, Unnest: p.Unnest, Children: have.Children, Columns: []string{"id", "note", "v"}}, p.Files)
		if err != nil {
			t.Fatal(err)
		}
		sql, err := read.SQL(from)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.get(t, `SELECT account, "r:v", "r:note" FROM (`+sql+")").text(); got != want {
			t.Errorf("%s: got\n%swant\n%s", p.Name, got, want)
		}
	}
}

// TestHive: the folder's value is a column, and prunes like one.
func TestHive(t *testing.T) {
	source := t.TempDir()
	db := unlocked(t)
	for _, day := range []string{"2026-03-23", "2026-03-24", "2026-03-25"} {
		write(t, db, source+"/activity/day="+day+"/part-0.parquet", "SELECT 1::BIGINT AS id, 10 AS steps")
	}
	e, c := start(t, Options{Source: source})
	src, err := describe(e, parquetTable("activity", "activity/*/*.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	if day, ok := src.Tables["activity"].Find("day"); !ok || day.Native != "DATE" {
		t.Errorf("the partition's column is %v", src.Tables["activity"])
	}
	from, err := e.relation(plan.Scan{Format: "parquet"}, "activity/*/*.parquet")
	if err != nil {
		t.Fatal(err)
	}
	read := transforms.Read{Account: transforms.AccountKey{Column: "id", Type: transforms.Int},
		Time: &transforms.ReadTime{Source: "day", Kind: "date", Native: true, From: "2026-03-24", To: "2026-03-25"}}
	sql, _ := read.SQL(from)
	if got := c.get(t, sql).text(); got != "account,at\n1,2026-03-24\n" {
		t.Errorf("got %s", got)
	}
	write(t, db, source+"/activity/day=soon/part-0.parquet", "SELECT 1::BIGINT AS id, 10 AS steps")
	if _, err := describe(e, parquetTable("activity", "activity/*/*.parquet")); err == nil {
		t.Error("a folder that is no day was taken beside days")
	}
}

// TestColumnNames: names that SQL, or the steps, use for themselves are only
// names; names that cannot be shown safely are refused by the plan.
func TestColumnNames(t *testing.T) {
	names := []string{"select", "Group", "account", "subject", "at", "arrived", "misread", "day", "x y", "it's", "a;b--", "100%", "{{.}}", "naïve", "r:x", "$1", "?", `back\slash`, "SELECT 1)"}
	source := t.TempDir()
	var fields []arrow.Field
	for _, n := range names {
		fields = append(fields, arrow.Field{Name: n, Type: arrow.PrimitiveTypes.Int64})
	}
	writeArrow(t, source+"/t.parquet", fields)
	e, c := start(t, Options{Source: source})
	src, err := describe(e, parquetTable("t", "t.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	read := transforms.Read{Account: transforms.AccountKey{Column: "account", Type: transforms.Int}}
	for i, col := range src.Tables["t"].Columns {
		if col.Name != names[i] {
			t.Errorf("column %q is described as %q", names[i], col.Name)
		}
		read.Columns = append(read.Columns, transforms.ReadColumn{As: "r:" + col.Name, Source: col.Name, Type: transforms.Int})
	}
	from, err := e.relation(plan.Scan{Format: "parquet"}, "t.parquet")
	if err != nil {
		t.Fatal(err)
	}
	sql, _ := read.SQL(from)
	got := c.get(t, sql)
	for i, n := range names {
		if got.rows[0]["r:"+n] != int64(i) {
			t.Errorf("column %q: got %v, want %d", n, got.rows[0]["r:"+n], i)
		}
	}
	for _, bad := range [][]string{{`a"b`}, {"a\nb"}, {"a\u202eb"}, {"a\u200bb"}, {"a\x00b"}, {""}, {strings.Repeat("x", 64)}, {"day", "Day"}, {"x\x1b[31m"}} {
		fields = nil
		for _, n := range bad {
			fields = append(fields, arrow.Field{Name: n, Type: arrow.PrimitiveTypes.Int64})
		}
		writeArrow(t, source+"/t.parquet", fields)
		src, err := describe(e, parquetTable("t", "t.parquet"))
		if err == nil {
			p := &policy.Policy{Tables: []policy.Table{parquetTable("t", "t.parquet")}}
			for _, n := range bad { // even a policy that lists the name
				p.Columns = append(p.Columns, policy.Column{Ref: policy.Ref{Table: "t", Column: n}})
			}
			err = errors.Join(src.Check(p)...)
		}
		if err == nil {
			t.Errorf("columns %q were taken", bad)
		} else if strings.ContainsAny(err.Error(), "\x00\x1b\u202e\u200b") {
			t.Errorf("columns %q: the message holds the character: %q", bad, err)
		}
	}
}

// writeArrow makes a Parquet file with one row, 0, 1, 2 …; DuckDB itself would
// refuse to write some names.
func writeArrow(t *testing.T, path string, fields []arrow.Field) {
	t.Helper()
	schema := arrow.NewSchema(fields, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for i := range fields {
		b.Field(i).(*array.Int64Builder).Append(int64(i))
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := pqarrow.NewFileWriter(schema, f, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(b.NewRecord()), w.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestCancel: a query stops when its context does, whenever that is.
func TestCancel(t *testing.T) {
	_, c := start(t, Options{Source: t.TempDir()})
	for _, after := range []time.Duration{0, time.Millisecond, 30 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(context.Background(), after)
		begun := time.Now()
		err := c.exec(ctx, "count", "SELECT count(*) FROM range(100000000000) t(i) WHERE hash(i) = 1")
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 5*time.Second {
			t.Errorf("after %v: got %v in %v", after, err, time.Since(begun))
		}
	}
	if got := c.get(t, "SELECT 1 AS x").text(); got != "x\n1\n" {
		t.Errorf("the connection does not go on: %s", got)
	}
}
