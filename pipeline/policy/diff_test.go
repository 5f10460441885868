package policy

import (
	"slices"
	"strings"
	"testing"
)

func TestDiff(t *testing.T) {
	text := full(t)
	old := parsed(t, text)
	for _, e := range []struct {
		old, new string
		want     []string
	}{
		{"# Every key", "# Any key", nil},
		{"finest: 10y", "finest: 5y", []string{
			"loosened: columns accounts.birth_date finest: 10y became 5y",
			"other: datasets artificial-walkers by: [age@10y, sex@source, season] became [age@5y, sex@source, season]"}},
		{"finest: 1}", "finest: 0}", []string{"loosened: columns accounts.Employment finest: 1 became source"}},
		{"bounds: [120, 210]", "bounds: [100, 210]", []string{
			"loosened: columns accounts.height measure bounds: [120, 210] became [100, 210]"}},
		{"bounds: [120, 210]", "bounds: [110, 200]", []string{
			"other: columns accounts.height measure bounds: [120, 210] became [110, 200]"}},
		{"epsilon: 12,", "epsilon: 13,", []string{"loosened: budget lifetime_epsilon: 12 became 13"}},
		{"per_year: {epsilon: 4}", "per_year: {epsilon: 3}", []string{"tightened: budget year_epsilon: 4 became 3"}},
		{"k: 11", "k: 5", []string{"loosened: floors k: 11 became 5"}},
		{"erasure: accounts.erasure_requested_at", "erasure: {none: true, why: manual}", []string{
			"loosened: admit erasure: removed", "loosened: admit off erasure: turned off"}},
		{"years: 18,", "years: 16,", []string{"loosened: admit minimum_age years: 18 became 16"}},
		{", accounts.country: [no, \"null\"]", "", []string{"loosened: admit exclude accounts.country: removed"}},
		{"drop:\n  accounts: {identity: [email, phone, name],", "drop:\n  accounts: {identity: [email, phone, name, iban],", []string{
			"tightened: drop accounts identity columns: [email, phone, name] became [email, phone, name, iban]"}},
		{"  activity.steps: {", "  activity.calories: {category: activity, type: int, use: [measure]}\n  activity.steps: {", []string{
			"loosened: columns activity.calories: added"}},
		{"rho: 0.0005", "rho: 0.0004", []string{"tightened: datasets steps-by-age-sex-region spend rho: 0.0005 became 0.0004"}},
		{"name: artificial-walkers", "name: walkers", []string{
			"tightened: datasets artificial-walkers: removed", "loosened: datasets walkers: added"}},
		{"panels: 8", "panels: 4", []string{"loosened: datasets cardio cohort panels: 8 became 4"}},
		{"floor: 20000", "floor: 10000", []string{"loosened: ladders fr floor: 20000 became 10000"}},
		{"never: [purchases, support]", "never: [purchases]", []string{"loosened: never: [purchases, support] became [purchases]"}},
		{"season: {from: activity, season: north}", "season: {from: activity, season: south}", []string{
			"other: variables season mode: north became south"}},
		{"retries: 1", "retries: 1\n  demo: true", []string{"other: budget demo: true added"}},
	} {
		changed := edited(t, edited(t, text, e.old, e.new), "version: 3", "version: 4")
		changes := Diff(old, parsed(t, changed))
		got := names(changes, Change.String)
		want := append(slices.Clone(e.want), "other: version: 3 became 4")
		if !slices.Equal(got, want) {
			t.Errorf("%q instead of %q: got\n  %s\nwant\n  %s", e.new, e.old, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
		// What loosens one way tightens the other way.
		for i, c := range Diff(parsed(t, changed), old)[:len(changes)] {
			if want := opposite(changes[i].Direction); c.Direction != want {
				t.Errorf("backwards: got %s, want %s", c, want)
			}
		}
	}
}

func TestDiffVersion(t *testing.T) {
	text := full(t)
	got := Diff(parsed(t, text), parsed(t, edited(t, text, "k: 11", "k: 12")))
	want := []string{"tightened: floors k: 11 became 12", "other: version: a changed policy needs a version above 3"}
	if lines := names(got, Change.String); !slices.Equal(lines, want) {
		t.Errorf("got %q, want %q", lines, want)
	}
	if got := Diff(parsed(t, text), parsed(t, text)); got != nil {
		t.Errorf("the same policy: got %v, want no change", got)
	}
}

// No difference that the hash sees is left out, whatever it is.
func TestDiffIsComplete(t *testing.T) {
	text := full(t)
	old := parsed(t, text)
	for line := range strings.Lines(text) {
		without, err := Parse("policy.yaml", []byte(strings.Replace(text, line, "", 1)), "testdata")
		if err == nil && without.Hash != old.Hash && len(Diff(old, without)) < 2 {
			t.Errorf("without %q: got %v, want a change beside the version", line, Diff(old, without))
		}
	}
}
