package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
)

// secretText stands in every column that no policy lists.
const secretText = "unlisted-canary-7f3a"

// mutation changes a source's schema. column is what a message must name; "" where the name must not be shown.
type mutation struct {
	name   string
	column string
	change func(tables)
}

// more adds a column of a type to a table's every file.
func more(prefix, name string, typ arrow.DataType, value any) mutation {
	return mutation{fmt.Sprintf("%s gains %q", prefix, name), name, func(s tables) {
		for path, r := range s {
			if strings.HasPrefix(path, prefix) {
				s[path] = r.widened(name, typ, func(int) any { return value })
			}
		}
	}}
}

func moved(prefix, from, to string) mutation {
	return mutation{fmt.Sprintf("%s: %s becomes %s", prefix, from, to), to, func(s tables) {
		for path, r := range s {
			if strings.HasPrefix(path, prefix) {
				s[path] = r.renamed(from, to)
			}
		}
	}}
}

// later adds a column to one file of a table, the last of seven.
func later(table, name string, typ arrow.DataType, value any) mutation {
	m := more(table+"/day=2026-03-29", name, typ, value)
	m.name, m.column = "only the last file of "+m.name, "day=2026-03-29" // the message names the file
	return m
}

func mutations() []mutation {
	nested := arrow.StructOf(arrow.Field{Name: "first", Type: tText, Nullable: true}, arrow.Field{Name: "mail", Type: tText, Nullable: true})
	struckBy := []any{secretText, secretText}
	out := []mutation{
		more("accounts", "vo2", tFloat, 41.5),
		more("accounts", "national_id", tText, secretText),
		more("accounts", "created", tMoment, moment("2026-01-01 00:00:00")),
		more("accounts", "born", tDate, date("1980-01-01")),
		more("accounts", "premium", tBool, true),
		more("accounts", "Email", tText, secretText), // differs from a dropped column in case alone
		more("accounts", "EMAIL", tText, secretText),
		more("accounts", "SEX", tText, "F"), // from a released one
		more("accounts", "birth_Date", tDate, date("1980-01-01")),
		more("accounts", "email ", tText, secretText),
		more("accounts", "email_hash", tText, secretText),
		more("accounts", "account_id_2", tInt, int64(7)),
		more("accounts", "profile", nested, struckBy),
		more("accounts", "names", arrow.ListOf(tText), []any{secretText}),
		more("accounts", "contacts", arrow.ListOf(nested), []any{struckBy}),
		more("accounts", "имя", tText, secretText),
		more("accounts", "ѕex", tText, secretText), // Cyrillic s
		more("consents", "ip", tText, secretText),
		more("objections", "reason", tText, secretText),
		more("devices", "bluetooth", tText, secretText),
		more("activity", "gps", tText, secretText),
		more("activity", "Steps", tInt, int64(1)),
		more("sleep", "bed_partner", tText, secretText),
		more("measures", "operator", tText, secretText),
		more("environment", "wifi", tText, secretText),
		later("activity", "gps", tText, secretText),
		later("sleep", "note", nested, struckBy),
		later("measures", "Value", tInt, int64(1)),
		later("environment", "ssid", tText, secretText),
		moved("accounts", "first_name", "given_name"), // a dropped column under a new name
		moved("accounts", "email", "Email"),
		moved("accounts", "sex", "gender"), // a released one
		moved("accounts", "sex", "Sex"),
		moved("accounts", "account_id", "user_id"),
		moved("activity", "steps", "step_count"),
		moved("devices", "serial", "serial_no"),
		moved("sleep", "snoring_s", "snoring_sec"),
		{"a hive folder of its own", "owner", func(s tables) {
			for path, r := range s {
				if rest, ok := strings.CutPrefix(path, "activity/"); ok {
					day, file := filepath.Split(rest)
					delete(s, path)
					s["activity/"+strings.TrimSuffix(day, "/")+"/owner="+secretText+"/"+file] = r
				}
			}
		}},
		{"a quote in a name", "", func(s tables) {
			s["accounts.parquet"] = s["accounts.parquet"].renamed("first_name", `"; DROP TABLE x; --`)
		}},
		{"a control character in a name", "", func(s tables) {
			s["accounts.parquet"] = s["accounts.parquet"].renamed("first_name", "first\x1b[2Jname")
		}},
		{"a very long name", "", func(s tables) {
			s["accounts.parquet"] = s["accounts.parquet"].renamed("first_name", strings.Repeat("x", 64)+secretText)
		}},
	}
	return out
}

// TestPromise1UnlistedColumn: a column the policy does not list never leaves, and stops the job if the source has it.
func TestPromise1UnlistedColumn(t *testing.T) {
	t.Parallel()
	base := loadSample(t).few(60)
	saved := base.save(t, t.TempDir())
	all := mutations()
	if len(all) < 30 {
		t.Fatalf("%d mutations, want 30 or more", len(all))
	}
	for _, m := range all {
		t.Run(m.name, func(t *testing.T) {
			for _, problem := range stops(t, base, saved, m) {
				t.Error(problem)
			}
		})
	}
	t.Logf("%d mutated schemas", len(all))
}

// stops runs a mutated source and says in which way it was not stopped: with an error of the policy that names the
// column, before a ledger is made, and with nothing delivered.
func stops(t *testing.T, base tables, saved string, m mutation) []string {
	t.Helper()
	s := maps.Clone(base)
	m.change(s)
	dir := t.TempDir()
	p := parsePolicy(t, samplePolicy)
	if strings.Contains(m.name, "hive") {
		p = parsePolicy(t, samplePolicy, "activity/*/*.parquet", "activity/*/*/*.parquet")
	}
	sum, err := Run(context.Background(), options(p, s.saveChanged(t, base, saved, filepath.Join(dir, "source")), dir))
	var out []string
	problem := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	var staged *Error
	switch {
	case err == nil:
		problem("the job went on")
	case !errors.As(err, &staged) || staged.Stage != Policy && staged.Stage != Input:
		problem("stopped, but not by the policy or the source: %v", err)
	case m.column != "" && !strings.Contains(err.Error(), strings.TrimSpace(m.column)):
		problem("the message does not name %s: %v", m.column, err)
	case m.column == "" && (strings.Contains(err.Error(), "DROP") || strings.Contains(err.Error(), "\x1b") || strings.Contains(err.Error(), secretText)):
		problem("the message shows a hostile name: %v", err)
	}
	if err != nil && strings.Contains(err.Error(), secretText) {
		problem("the message shows a value")
	}
	if sum != nil && len(sum.Outcomes) > 0 && err == nil {
		problem("%d datasets had an outcome", len(sum.Outcomes))
	}
	if len(tree(filepath.Join(dir, "workspace"))) > 0 {
		problem("something was delivered")
	}
	if _, err := os.Stat(filepath.Join(dir, "ledger")); err == nil {
		problem("the ledger was opened")
	}
	return out
}

// TestPromise1Control: the same check catches a job that goes on, because the source is as the policy says, or because
// the policy lists the new column.
func TestPromise1Control(t *testing.T) {
	t.Parallel()
	base := loadSample(t).few(60)
	none := mutation{"none", "vo2", func(tables) {}}
	if got := stops(t, base, base.save(t, t.TempDir()), none); len(got) < 3 {
		t.Errorf("an unchanged source: got %v, want: went on, delivered, ledger opened", got)
	}
	// Listed, the very same column leaves: that it does not is the policy's doing.
	s := base.of(func(any) bool { return true })
	more("accounts", "nickname", tText, secretText).change(s)
	p := parsePolicy(t, samplePolicy,
		"columns:\n", "columns:\n  accounts.nickname: {category: identity, type: string, use: [quasi], ladder: nickname, finest: 0, why: control, approved: nobody}\n",
		"ladders:\n", "ladders:\n  nickname: {codes: ["+secretText+"], other: unknown}\n",
		"by: [age@30y, sex, region@zone]\n    release: [{count: subjects}]\n", "by: [nickname, sex]\n    release: [{count: subjects}]\n")
	dir := t.TempDir()
	mustRun(t, options(p, s.save(t, filepath.Join(dir, "source")), dir, "people-by-age-sex-region"))
	found := false
	for _, text := range contents(t, filepath.Join(dir, "workspace")) {
		found = found || strings.Contains(text, secretText)
	}
	if !found {
		t.Error("a listed column did not leave: the search sees nothing")
	}
}
