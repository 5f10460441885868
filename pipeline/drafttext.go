package pipeline

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"lethe/pipeline/plan"
	"lethe/pipeline/policy"
)

// Undecided is the word of a draft that a person must replace.
const Undecided = "DECIDE"

const draftHead = `# A first draft of a policy, made from the names and types of a source's files.
# No row was read. Every column is dropped: nothing leaves until a person says so.
# Replace every DECIDE; nightly validate shows those that are left.
policy: draft
version: 1
population: DECIDE     # name of the ledger's scope: every policy on these people shares it, for ever
zone: DECIDE           # IANA zone of the company, for example Europe/Paris

# Per table: its account column (and take that column out of drop), and whether
# an account has one row or many; exactly one table may have one. For tables in
# datasets also time, and unique where rows may come twice.
tables:
`

const draftAdmit = `
# Who may be in a dataset. A rule is given, or turned off with a reason:
# {none: true, why: no such table}.
admit:
  consent: DECIDE        # {table: consents, purpose: health-research, latest_by: decided_at, granted: [granted]}
  objection: DECIDE      # {table: objections, lifted: lifted_at}
  erasure: DECIDE        # table.column that is not empty when erasure was asked for
  minimum_age: DECIDE    # {from: table.birth_date, years: 18, unknown: refuse}
  exclude: DECIDE        # {table.is_test: [true]}

# Every column, never read. Sort them into identity, activity, physiological,
# environmental and technical; move those that are needed to columns, with their
# bounds or ladder, why, and who approved it.
drop:
`

const draftTail = `
floors: {k: 11, l: 2, model: distinct, suppressed: 10%, unusable_over: 25%}

budget:
  lifetime: {epsilon: DECIDE, delta: DECIDE}
  per_year: {epsilon: DECIDE}
  delta_split: {conversion: 50%, selection: 40%, sampler: 10%}
`

// draftText writes the draft.
func draftText(tables []policy.Table, source *plan.Source) []byte {
	var b bytes.Buffer
	b.WriteString(draftHead)
	for _, t := range tables {
		fmt.Fprintf(&b, "  %s: {files: %s, account: DECIDE, rows: DECIDE}\n", t.Name, quoted(t.Files))
	}
	b.WriteString(draftAdmit)
	for _, t := range tables {
		fmt.Fprintf(&b, "  %s:\n    technical:\n", t.Name)
		for _, c := range source.Tables[t.Name].Columns {
			if !utterable(c.Name) {
				b.WriteString("      # a column whose name no job can read safely: rename it in the source\n")
				continue
			}
			fmt.Fprintf(&b, "      - %s%s\n", quoted(c.Name), typed(c.Native))
		}
	}
	b.WriteString(draftTail)
	return b.Bytes()
}

func typed(native string) string {
	if native == "" {
		return ""
	}
	return " # " + native
}

var bare = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_/.=-]*$`)

// quoted is text as a YAML scalar.
func quoted(s string) string {
	if bare.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// utterable says whether a policy can name a column.
func utterable(name string) bool {
	return name != "" && len(name) <= 63 && !strings.Contains(name, `"`) && plainName(name)
}

func plainName(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool { return r != ' ' && !unicode.IsPrint(r) })
}
