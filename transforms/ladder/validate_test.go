package ladder

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Two values that share a label share one on every later level, and every value
// has one: drawn ladders, drawn values.
func TestNumbersNest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawNumbers(t)
		x := rapid.Float64Range(-50, 40_000).Draw(t, "x")
		y := x + rapid.Float64Range(-40, 40).Draw(t, "distance")
		same := false
		for n := range l.Levels[1:] {
			v := &l.Levels[n+1]
			at, other := v.IndexNumber(x, true), v.IndexNumber(y, true)
			if at < 0 || at >= len(v.Labels) || at == v.Unknown() && v.Name != Top {
				t.Fatalf("level %s: %v has index %d of %d labels", v.Name, x, at, len(v.Labels))
			}
			if same && at != other {
				t.Fatalf("level %s parts %v and %v, the level before does not", v.Name, x, y)
			}
			same = at == other
		}
	})
}

func drawNumbers(t *rapid.T) *Ladder {
	if rapid.Bool().Draw(t, "dates") {
		levels := rapid.SampledFrom([][]string{{"day", "month", "year"}, {"day", "week"}, {"week"}, {"month", "quarter"}, {"day", "quarter", "year"}}).Draw(t, "levels")
		from := time.Unix(rapid.Int64Range(0, 1e9).Draw(t, "from"), 0).UTC()
		to := from.AddDate(0, 0, rapid.IntRange(1, 9000).Draw(t, "days"))
		l, err := Dates("d", DatesOptions{Levels: levels, From: from, To: to})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	w := rapid.SampledFrom([]float64{0.1, 0.25, 1, 2, 7, 0.3}).Draw(t, "width")
	widths := []float64{w}
	for range rapid.IntRange(0, 3).Draw(t, "levels") {
		w = tidy(w * float64(rapid.IntRange(2, 5).Draw(t, "times")))
		widths = append(widths, w)
	}
	bottom := tidy(rapid.Float64Range(-20, 50).Draw(t, "bottom"))
	top := tidy(bottom + rapid.Float64Range(0.5, 300).Draw(t, "range"))
	l, err := Bands("b", BandsOptions{Widths: widths, Bottom: bottom, Top: top})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestTextNests(t *testing.T) {
	masks, err := Masks("m", MasksOptions{Alphabet: "alphanumeric", Length: 4, Keep: []int{3, 2, 1}})
	if err != nil {
		t.Fatal(err)
	}
	tree, err := CSV("t", strings.NewReader("a1;a;x;*\na2;a;x;*\nb1;b;x;*\nc1;c;y;*\n"))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		l := rapid.SampledFrom([]*Ladder{masks, tree}).Draw(t, "ladder")
		value := rapid.StringMatching(`[abcAZ019 é]{0,5}|[abc][12]`)
		x, y := value.Draw(t, "x"), value.Draw(t, "y")
		same := false
		for n := range l.Levels {
			at, other := l.IndexText(n, x, true), l.IndexText(n, y, true)
			if !l.Levels[n].Finite() {
				continue
			}
			if at < 0 || same && at != other {
				t.Fatalf("level %s parts %q and %q, the level before does not", l.Levels[n].Name, x, y)
			}
			same = at == other
		}
	})
}

// Each breach of a promise, made on purpose, is found.
func TestValidateFindsBreaches(t *testing.T) {
	bands := func() *Ladder {
		l, err := Bands("b", BandsOptions{Widths: []float64{5, 10}, Bottom: 0, Top: 30})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	tree := func() *Ladder {
		l, err := CSV("t", strings.NewReader("a1;a;*\na2;a;*\nb1;b;*\n"))
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	for _, test := range []struct {
		name  string
		l     *Ladder
		spoil func(l *Ladder)
	}{
		{"no top", bands(), func(l *Ladder) { l.Levels = l.Levels[:2] }},
		{"no source", bands(), func(l *Ladder) { l.Levels = l.Levels[1:] }},
		{"top with values", tree(), func(l *Ladder) { l.Levels[2].Values = map[string]int{} }},
		{"input", bands(), func(l *Ladder) { l.Input = "" }},
		{"fold of numbers", bands(), func(l *Ladder) { l.Fold = true }},
		{"shape", tree(), func(l *Ladder) { l.Shape = "[" }},
		{"name twice", bands(), func(l *Ladder) { l.Levels[2].Name = "5" }},
		{"a level without labels", bands(), func(l *Ladder) { l.Levels[1].Labels = nil }},
		{"label twice", bands(), func(l *Ladder) { l.Levels[1].Labels[1] = l.Levels[1].Labels[0] }},
		{"no unknown", bands(), func(l *Ladder) { l.Levels[1].Labels[len(l.Levels[1].Labels)-1] = "?" }},
		{"edge too many", bands(), func(l *Ladder) { l.Levels[1].Edges = append(l.Levels[1].Edges, 99) }},
		{"edges descend", bands(), func(l *Ladder) { l.Levels[1].Edges[0] = 99 }},
		{"no nesting", bands(), func(l *Ladder) { l.Levels[2].Edges[0] = 11 }},
		{"other out of range", tree(), func(l *Ladder) { l.Levels[1].Other = 9 }},
		{"index out of range", tree(), func(l *Ladder) { l.Levels[1].Values["a1"] = 9 }},
		{"key not trimmed", tree(), func(l *Ladder) { l.Levels[1].Values["a1 "] = 0 }},
		{"key missing", tree(), func(l *Ladder) { delete(l.Levels[1].Values, "a1") }},
		{"leaf with two parents", tree(), func(l *Ladder) { l.Levels[0].Values["a2"] = 0; l.Levels[1].Values["a2"] = 1 }},
		{"unknown leaves unknown", tree(), func(l *Ladder) { l.Levels[1].Other = 0 }},
		{"edges in text", tree(), func(l *Ladder) { l.Levels[1].Edges = []float64{1} }},
	} {
		if err := test.l.Validate(); err != nil {
			t.Errorf("%s: broken before it was: %v", test.name, err)
		}
		test.spoil(test.l)
		if err := test.l.Validate(); err == nil {
			t.Errorf("%s: got no error", test.name)
		}
	}
}
