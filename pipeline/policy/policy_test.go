package policy

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// full is the fixture that has every key of the grammar.
func full(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "full.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// edited replaces the one occurrence of old.
func edited(t testing.TB, text, old, new string) string {
	t.Helper()
	if n := strings.Count(text, old); n != 1 {
		t.Fatalf("%q stands %d times in the fixture, want once", old, n)
	}
	return strings.Replace(text, old, new, 1)
}

func parsed(t testing.TB, text string) *Policy {
	t.Helper()
	p, err := Parse("policy.yaml", []byte(text), "testdata")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLoad(t *testing.T) {
	p, err := Load(filepath.Join("testdata", "full.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if p.Person() == nil || p.Person().Name != "accounts" {
		t.Errorf("person table: got %v, want accounts", p.Person())
	}
	if got := p.Column(Ref{"accounts", "sex"}).Finest; got != "source" {
		t.Errorf("finest 0: got %q, want its own name, source", got)
	}
	d := p.Dataset("artificial-walkers")
	if got := d.By[0].String(); got != "age@10y" {
		t.Errorf("key without a level: got %s, want the column's finest, age@10y", got)
	}
	if got, want := p.Budget.LifetimeDelta.String(), "1e-8"; got != want {
		t.Errorf("delta: got %s, want %s", got, want)
	}
	if got, want := p.Table("measures").Time.ZoneColumn.String(), "accounts.timezone"; got != want {
		t.Errorf("zone: got %s, want %s", got, want)
	}
	if p.Measure("weight") == nil || p.Measure("systolic") != nil || p.Measure("age") != nil {
		t.Error("measures: want weight, and neither systolic (no bounds) nor age")
	}
}

func TestLoadMissing(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml")); err == nil {
		t.Error("got no error for a file that does not exist")
	}
}

// What YAML would turn into booleans, nulls and dates stays what was written.
func TestScalarsStayText(t *testing.T) {
	p := parsed(t, full(t))
	for _, e := range p.Admit.Exclude {
		want := []string{"true"}
		if e.Column.Column == "country" {
			want = []string{"no", "null"}
		}
		if !slices.Equal(e.Values, want) {
			t.Errorf("exclude %s: got %q, want %q", e.Column, e.Values, want)
		}
	}
}

func TestLabels(t *testing.T) {
	p := parsed(t, full(t))
	for name, want := range map[string]string{
		"bmi_band":    "<18.5 | 18.5-<25 | 25-<30 | 30+ | unknown",
		"bp_category": "optimal | normal | high-normal | grade 1 | grade 2 | grade 3 | unknown",
		"season":      "winter | spring | summer | autumn | unknown",
		"weekday":     "workday | weekend | unknown",
		"daypart":     "00-05 | 06-11 | 12-17 | 18-23 | unknown",
		"weight":      "",
	} {
		if got := strings.Join(p.Domain(Key{Name: name}), " | "); got != want {
			t.Errorf("domain of %s: got %s, want %s", name, got, want)
		}
	}
	if got := p.Domain(Key{Name: "sex", Level: "source"}); !slices.Equal(got, []string{"F", "M", "unknown"}) {
		t.Errorf("domain of sex: got %q", got)
	}
}

func TestListed(t *testing.T) {
	p := parsed(t, full(t))
	for table, want := range map[string]map[string]Listing{
		"accounts": {
			"account_id": Named, "timezone": Named, "erasure_requested_at": Named, "is_test": Named, "country": Named,
			"email": Dropped, "phone": Dropped, "name": Dropped, "signup ip": Dropped,
			"birth_date": Published, "postal_code": Published, "sex": Published, "Employment": Published, "height": Published,
		},
		"measures": {
			"userid": Named, "date": Named, "type": Named, "measures": Named, "created": Named,
			"value": Named, "unit": Named, "deep_s": Named, "total_s": Named,
		},
		"consents":   {"account_id": Named, "decided_at": Named, "purpose": Named, "status": Named},
		"objections": {"account_id": Named, "scope": Named, "lifted_at": Named},
		"devices":    {"account_id": Named, "household_id": Named},
	} {
		got := p.Listed(table)
		for column, l := range want {
			if got[column] != l {
				t.Errorf("%s.%s: got %q, want %q", table, column, got[column], l)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: got %d listed columns, want %d: %v", table, len(got), len(want), got)
		}
	}
}

// A source without accounts is possible where every rule that needs them is off.
func TestNoPersonTable(t *testing.T) {
	p, err := Parse("fitbit.yaml", []byte(`
policy: fitbit
version: 1
population: volunteers
zone: UTC
tables:
  steps: {files: 'steps/*.csv', account: Id, rows: many, time: {column: day, type: date}}
admit:
  consent: {none: true, why: given on paper}
  objection: {none: true, why: no such table}
  erasure: {none: true, why: no such table}
  minimum_age: {none: true, why: adults by recruitment}
  exclude: {none: true, why: nobody}
floors: {k: 11, l: 2, model: distinct, suppressed: 10%, unusable_over: 25%}
budget:
  lifetime: {epsilon: 12, delta: 1e-8}
  per_year: {epsilon: 4}
  delta_split: {conversion: 50%, selection: 40%, sampler: 10%}
`), "")
	if err != nil {
		t.Fatal(err)
	}
	if p.Person() != nil {
		t.Errorf("person table: got %s, want none", p.Person().Name)
	}
	if got := p.Admit.Off["minimum_age"]; got != "adults by recruitment" {
		t.Errorf("reason: got %q", got)
	}
	if p.Unit != "account" || p.Budget.Retries != 1 {
		t.Errorf("defaults: got unit %s, retries %d", p.Unit, p.Budget.Retries)
	}
}
