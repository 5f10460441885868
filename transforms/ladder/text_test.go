package ladder

import (
	"strings"
	"testing"
)

func TestCodes(t *testing.T) {
	for _, test := range []struct{ other, labels, stranger string }{
		{OtherRefuse, "F M unknown", Unknown},
		{OtherUnknown, "F M unknown", Unknown},
		{OtherTop, "F M other unknown", Other},
	} {
		l, err := Codes("sex", []string{"F", "M"}, test.other)
		if err != nil {
			t.Fatal(err)
		}
		v, n, err := l.Level("0")
		if err != nil || n != 0 || v.Name != Source {
			t.Fatalf(`Level("0"): got %q at %d, error %v`, v.Name, n, err)
		}
		if got := strings.Join(v.Labels, " "); got != test.labels {
			t.Errorf("%s: got labels %s, want %s", test.other, got, test.labels)
		}
		for value, want := range map[string]string{"F": "F", " M\u00a0": "M", "f": test.stranger, "X": test.stranger, "": test.stranger, Unknown: test.stranger} {
			if got := v.Labels[l.IndexText(0, value, true)]; got != want {
				t.Errorf("%s: %q: got %s, want %s", test.other, value, got, want)
			}
		}
		if got := v.Labels[l.IndexText(0, "F", false)]; got != Unknown {
			t.Errorf("%s: missing: got %s, want unknown", test.other, got)
		}
		if l.RefuseOther != (test.other == OtherRefuse) {
			t.Errorf("%s: got RefuseOther %v", test.other, l.RefuseOther)
		}
	}
}

func TestCodesRefuse(t *testing.T) {
	for _, test := range []struct {
		want, other string
		codes       []string
	}{
		{"0 codes", OtherTop, nil},
		{"twice", OtherTop, []string{"a", "a"}},
		{"empty", OtherTop, []string{""}},
		{"spaces", OtherTop, []string{"a "}},
		{"makes itself", OtherRefuse, []string{Unknown}},
		{"makes itself", OtherRefuse, []string{Top}},
		{"makes itself", OtherTop, []string{Other}},
		{"none of", "", []string{"a"}},
	} {
		if _, err := Codes("c", test.codes, test.other); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: got error %v, want one with %q", test.codes, err, test.want)
		}
	}
}

func TestMasks(t *testing.T) {
	l, err := Masks("zip", MasksOptions{Alphabet: "digits", Length: 5, Keep: []int{4, 2, 1}})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		value, level, want string
	}{
		{"75001", "first4", "7500*"}, {"75001", "first2", "75***"}, {" 75001 ", "first1", "7****"}, {"75001", Top, Top},
		{"7500", "first2", Unknown}, {"750010", "first2", Unknown}, {"75A01", "first2", Unknown}, {"7500é", "first1", Unknown},
		{"", "first2", Unknown}, {"75001\n", "first2", Unknown}, {"٧٥٠٠١", "first2", Unknown},
	} {
		v, n, err := l.Level(test.level)
		if err != nil {
			t.Fatal(err)
		}
		if got := v.Labels[l.IndexText(n, test.value, true)]; got != test.want {
			t.Errorf("%q at %s: got %s, want %s", test.value, test.level, got, test.want)
		}
	}
	if v := l.Levels[1]; len(v.Labels) != 10_001 {
		t.Errorf("first4: got %d labels, want 10001", len(v.Labels))
	}
}

func TestMasksFoldAndOpenLevels(t *testing.T) {
	l, err := Masks("plate", MasksOptions{Alphabet: "letters", Length: 4, Keep: []int{3, 2}})
	if err != nil {
		t.Fatal(err)
	}
	if v := l.Levels[1]; v.Finite() || v.Prefix != 3 || l.IndexText(1, "ABCD", true) != -1 {
		t.Errorf("first3 has 17,576 prefixes: got finite %v, prefix %d", v.Finite(), v.Prefix)
	}
	if got := l.Levels[2].Labels[l.IndexText(2, "abxx", true)]; got != "AB**" {
		t.Errorf("abxx: got %s, want AB**", got)
	}
}

func TestMasksRefuse(t *testing.T) {
	for _, o := range []MasksOptions{
		{Alphabet: "runes", Length: 5, Keep: []int{2}},
		{Alphabet: "digits", Length: 0, Keep: []int{2}},
		{Alphabet: "digits", Length: 5},
		{Alphabet: "digits", Length: 5, Keep: []int{5}},
		{Alphabet: "digits", Length: 5, Keep: []int{0}},
		{Alphabet: "digits", Length: 5, Keep: []int{2, 3}},
		{Alphabet: "digits", Length: 5, Keep: []int{2, 2}},
	} {
		if _, err := Masks("m", o); err == nil {
			t.Errorf("%+v: got no error", o)
		}
	}
}

const arx = "Federal-gov;Government;*\nState-gov;Government;*\n Private ;Other;*\n"

func TestCSV(t *testing.T) {
	for name, file := range map[string]string{
		"with top": arx, "without top": strings.ReplaceAll(arx, ";*", ""), "with a mark": "\ufeff" + arx,
	} {
		l, err := CSV("work", strings.NewReader(file))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(l.Levels) != 3 || l.Levels[1].Name != "1" {
			t.Fatalf("%s: got %d levels, want source, 1, *", name, len(l.Levels))
		}
		if got, want := strings.Join(l.Levels[0].Labels, " "), "Federal-gov State-gov Private unknown"; got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
		for value, want := range map[string]string{"State-gov": "Government", "Private": "Other", "nobody": Unknown} {
			if got := l.Levels[1].Labels[l.IndexText(1, value, true)]; got != want {
				t.Errorf("%s: %s: got %s, want %s", name, value, got, want)
			}
		}
	}
}

func TestCSVNamesEveryProblem(t *testing.T) {
	for _, test := range []struct {
		name, file string
		want       []string
	}{
		{"ragged", "a;A;*\nb;*\nc;C;D;*\n", []string{"line 2: 2 fields where line 1 has 3", "line 3: 4 fields"}},
		{"two parents", "a;A;Y;*\nb;A;Z;*\nc;A;Z;*\n", []string{
			`line 2: column 2: "A" is under "Z" here and under "Y" on line 1`, "line 3: column 2"}},
		{"twice", "a;A;*\nb;B;*\n\na;A;*\n", []string{`line 4: leaf "a" stands on line 1 already`}},
		{"reserved", "a;unknown;*\nb;*;*\n;B;*\n", []string{"line 1: column 2", "line 2: column 2", "line 3: column 1"}},
		{"empty", "", []string{"empty"}},
		{"quotes", "a;\"b\n", []string{"read table"}},
		{"latin 1", "a;\xe9\n", []string{"UTF-8"}},
		{"too many", strings.Repeat("a;b;*\n", 30), []string{"and 9 more"}},
	} {
		_, err := CSV("c", strings.NewReader(test.file))
		for _, want := range test.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got error %v, want one with %q", test.name, err, want)
			}
		}
	}
}

func TestLevelListsWhatThereIs(t *testing.T) {
	l, _ := Codes("sex", []string{"F", "M"}, OtherTop)
	_, _, err := l.Level("10y")
	if want := `ladder sex has no level "10y": it has source, *`; err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

func FuzzCSV(f *testing.F) {
	f.Add(arx)
	f.Add("a;b;*\nb;b;*")
	f.Add("a")
	f.Fuzz(func(t *testing.T, file string) {
		l, err := CSV("f", strings.NewReader(file))
		if err != nil {
			return
		}
		if err := l.Validate(); err != nil {
			t.Errorf("accepted and invalid: %v", err)
		}
	})
}
