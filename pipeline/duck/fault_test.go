package duck

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"

	"lethe/pipeline/plan"
	"lethe/pipeline/policy"
	"lethe/transforms"
)

const canary = "zoe.quill@canary.example"

// TestFaultsShowNoValue provokes the engine's errors over rows that hold a
// canary. Each must come back as what was being done, a kind and a hint.
func TestFaultsShowNoValue(t *testing.T) {
	source := t.TempDir()
	_, c := start(t, Options{Source: source})
	db := unlocked(t) // its own words are the control that there was something to hide
	db.SetMaxOpenConns(1)
	for _, sql := range []string{
		"CREATE TABLE people AS SELECT '" + canary + "' AS email, 9223372036854775807 AS big, 170141183460469231731687303715884105727::HUGEINT AS huge",
		"CREATE TABLE once (email VARCHAR PRIMARY KEY)",
		"INSERT INTO once SELECT email FROM people",
		"CREATE TYPE sex AS ENUM ('F', 'M')",
	} {
		c.must(t, sql)
		if _, err := db.Exec(sql); err != nil {
			t.Fatal(err)
		}
	}
	shown := 0
	for what, sql := range map[string]string{
		"a cast to a number":         "SELECT CAST(email AS BIGINT) FROM people",
		"a cast to a date":           "SELECT CAST(email AS DATE) FROM people",
		"a cast to a stamp":          "SELECT CAST(email AS TIMESTAMP) FROM people",
		"a cast to a flag":           "SELECT CAST(email AS BOOLEAN) FROM people",
		"a cast to an enum":          "SELECT CAST(email AS sex) FROM people",
		"a cast to a UUID":           "SELECT CAST(email AS UUID) FROM people",
		"a cast to JSON":             "SELECT CAST(email AS JSON) FROM people",
		"a cast to a blob":           `SELECT CAST('\x' || email AS BLOB) FROM people`,
		"a cast to a list":           "SELECT CAST(email AS INTEGER[]) FROM people",
		"strptime":                   "SELECT strptime(email, '%Y-%m-%d') FROM people",
		"a format":                   "SELECT strftime(DATE '2026-01-01', '%' || email) FROM people",
		"a pattern":                  "SELECT regexp_matches('x', '(' || email) FROM people",
		"a time zone":                "SELECT timezone(email, TIMESTAMP '2026-01-01') FROM people",
		"error()":                    "SELECT error(email) FROM people",
		"a part of a date":           "SELECT date_part(email, DATE '2026-01-01') FROM people",
		"a copy of a key":            "INSERT INTO once SELECT email FROM people",
		"an implicit cast":           "SELECT email + 1 FROM people",
		"a comparison":               "SELECT * FROM people WHERE email = big",
		"an overflow":                "SELECT big + big FROM people",
		"a huge overflow":            "SELECT huge + huge FROM people",
		"a huge number in 64 bits":   "SELECT CAST(huge AS BIGINT) FROM people",
		"a JSON path":                "SELECT json_extract('{}', '$.' || email || '[') FROM people",
		"a constant":                 "SELECT CAST('" + canary + "' AS BIGINT)",
		"a column that is not there": `SELECT "` + canary + `" FROM people`,
		"a table that is not there":  `SELECT * FROM "` + canary + `"`,
		"bad SQL":                    "SELECT '" + canary + "' FROM FROM",
		"a file that is not there":   "SELECT * FROM read_csv('" + source + "/" + canary + "')",
		"two statements":             "SELECT '" + canary + "'; SELECT 1",
	} {
		if _, err := db.Exec(sql); err != nil && strings.Contains(err.Error(), canary) {
			shown++
		}
		checkFault(t, what, "aggregate", c.exec(context.Background(), "aggregate", sql))
	}
	if shown < 12 {
		t.Errorf("DuckDB's own words show the canary in %d cases only: the control is weak", shown)
	}
}

func checkFault(t *testing.T, what, doing string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", what)
		return
	}
	msg := err.Error()
	for _, part := range []string{canary, "zoe", "quill", "9223372036854775807", "1701411834", "CAST", "SELECT"} {
		if strings.Contains(msg, part) {
			t.Errorf("%s: the message shows %q: %s", what, part, msg)
		}
	}
	if !strings.Contains(msg, doing+": ") || !strings.Contains(msg, "; ") {
		t.Errorf("%s: the message does not say what was done and what to do: %s", what, msg)
	}
}

// TestBrokenFiles: whatever is wrong with a file, the schema or the run names
// the table or file and shows nothing of its rows.
func TestBrokenFiles(t *testing.T) {
	db := unlocked(t)
	source := t.TempDir()
	people := "SELECT '" + canary + "' AS id, '" + canary + "' AS v FROM range(20000)"
	whole := func(name string) []byte {
		write(t, db, source+"/"+name, people)
		b, err := os.ReadFile(source + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		os.Remove(source + "/" + name)
		return b
	}
	parquet, packed := whole("x.parquet"), whole("x.csv.gz")
	middle := bytes.Clone(parquet)
	for i := 4; i < 60; i++ {
		middle[i] ^= 0xa5
	}
	footer := bytes.Clone(parquet)
	for i := len(footer) - 60; i < len(footer)-8; i++ {
		footer[i] ^= 0xa5
	}
	var late strings.Builder
	for range 30000 {
		late.WriteString(canary + "," + canary + "\n")
	}
	cases := []struct {
		file, content string
		table         policy.Table
	}{
		{"cut.parquet", string(parquet[:len(parquet)/2]), parquetTable("t", "")},
		{"empty.parquet", "", parquetTable("t", "")},
		{"magic.parquet", "PAR1" + canary + "PAR1", parquetTable("t", "")},
		{"text.parquet", "id,v\n" + canary + ",1\n", parquetTable("t", "")},
		{"middle.parquet", string(middle), parquetTable("t", "")},
		{"footer.parquet", string(footer), parquetTable("t", "")},
		{"cut.csv.gz", string(packed[:len(packed)-40]), csvTable("t", "")},
		{"trailer.csv.gz", string(packed[:len(packed)-4]), csvTable("t", "")},
		{"not.csv.gz", "id,v\n" + canary + ",1\n", csvTable("t", "")},
		{"utf8.csv", "id,v\n" + canary + ",\xff\xfe\n", csvTable("t", "")},
		{"utf8late.csv", "id,v\n" + late.String() + canary + ",\xff\xfe\n", csvTable("t", "")},
		{"wide.csv", "id,v\n" + late.String() + canary + "," + canary + ",3\n", csvTable("t", "")},
		{"narrow.csv", "id,v\n" + late.String() + canary + "\n", csvTable("t", "")},
		{"quote.csv", "id,v\n" + late.String() + `"` + canary + ",1\n", csvTable("t", "")},
		{"quoted.csv", "id,v\n" + late.String() + `"` + canary + `"x,1` + "\n", csvTable("t", "")},
		{"line.csv", "id,v\n" + canary + "," + strings.Repeat(canary, 200000) + "\n", csvTable("t", "")},
		{"cut.json", `[{"id":"` + canary + `","v":1},{"id":"` + canary, jsonTable("t", "", "")},
		{"not.json", canary, jsonTable("t", "", "")},
		{"utf8.json", `[{"id":"` + canary + "\xff\",\"v\":1}]", jsonTable("t", "", "")},
		{"late.json", strings.Repeat(`{"id":"`+canary+`","v":1}`+"\n", 30000) + `{"id":` + canary + `}` + "\n", jsonTable("t", "", "")},
		{"noarray.json", `{"rows":"` + canary + `","id":1,"v":2}`, jsonTable("t", "", "rows")},
	}
	e, c := start(t, Options{Source: source})
	for _, k := range cases {
		put(t, source+"/"+k.file, k.content)
		k.table.Files = k.file
		src, err := describe(e, k.table)
		if err == nil { // the schema looks whole: the rows do not
			scan := plan.Scan{Table: "t", Format: k.table.Format, CSV: k.table.CSV, Unnest: k.table.Unnest, Children: src.Tables["t"].Children, Columns: []string{"id", "v"}}
			from, rerr := e.relation(scan, k.file)
			if rerr != nil {
				t.Fatal(rerr)
			}
			sql, _ := transforms.Read{Table: "t", Account: transforms.AccountKey{Column: "id", Type: transforms.String}, Columns: []transforms.ReadColumn{{As: "r:v", Source: "v", Type: transforms.String}}}.SQL(from)
			err = c.batches(context.Background(), "read the schema", sql, []string{"account", "v"}, func(arrow.Record) error { return nil })
			checkFault(t, k.file, "read the schema", err)
		} else {
			checkNamed(t, k.file, err)
		}
		os.Remove(source + "/" + k.file)
	}
}

func checkNamed(t *testing.T, file string, err error) {
	t.Helper()
	if msg := err.Error(); strings.Contains(msg, canary) || !strings.Contains(msg, "table t: ") || !strings.Contains(msg, "to unnest") && (!strings.Contains(msg, `"`+file+`"`) || !strings.Contains(msg, "; ")) {
		t.Errorf("%s: the message does not name the file, or shows a row: %s", file, msg)
	}
}

// TestTypesAcrossFiles: if a file changes after the schema was read, the run
// stops without showing the value that did not fit.
func TestTypesAcrossFiles(t *testing.T) {
	db := unlocked(t)
	source := t.TempDir()
	write(t, db, source+"/1.parquet", "SELECT 1::BIGINT AS id, 1::BIGINT AS v")
	e, c := start(t, Options{Source: source})
	if _, err := describe(e, parquetTable("t", "*.parquet")); err != nil {
		t.Fatal(err)
	}
	for what, query := range map[string]string{
		"a text for a number": "SELECT 2::BIGINT AS id, '" + canary + "' AS v",
		"a column less":       "SELECT '" + canary + "' AS id",
		"a huge number":       "SELECT 2::BIGINT AS id, 1701411834604692317316873037158841057::DOUBLE AS v",
	} {
		write(t, db, source+"/2.parquet", query)
		from, err := e.relation(plan.Scan{Format: "parquet"}, "*.parquet")
		if err != nil {
			t.Fatal(err)
		}
		sql := "SELECT id, v FROM " + from
		checkFault(t, what, "aggregate", c.exec(context.Background(), "aggregate", sql))
	}
}
