package ladder

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestBandsLabels(t *testing.T) {
	tests := []struct {
		name  string
		o     BandsOptions
		level string
		want  string
	}{
		{"ages", BandsOptions{Widths: []float64{10}, Suffix: "y", Age: true, Bottom: 18, Top: 90}, "10y",
			"<20 20-29 30-39 40-49 50-59 60-69 70-79 80-89 90+ unknown"},
		{"single years", BandsOptions{Widths: []float64{1}, Suffix: "y", Age: true, Bottom: 86, Top: 90}, "1y",
			"<87 87 88 89 90+ unknown"},
		{"bottom is an edge of the width", BandsOptions{Widths: []float64{10}, Bottom: 20, Top: 40}, "10",
			"<30 30-39 40+ unknown"},
		{"top is none", BandsOptions{Widths: []float64{10}, Bottom: 0, Top: 25}, "10",
			"<10 10-19 20-24 25+ unknown"},
		{"fractions", BandsOptions{Widths: []float64{0.5}, Bottom: 1, Top: 2.5}, "0.5",
			"<1.5 1.5-<2 2-<2.5 2.5+ unknown"},
		{"whole edges, values with fractions", BandsOptions{Widths: []float64{10}, Decimal: true, Bottom: 0, Top: 30}, "10",
			"<10 10-<20 20-<30 30+ unknown"},
		{"negative", BandsOptions{Widths: []float64{5}, Bottom: -11, Top: 1}, "5",
			"<-10 -10--6 -5--1 0 1+ unknown"},
		{"narrower than the width", BandsOptions{Widths: []float64{100}, Bottom: 0, Top: 30}, "100",
			"<30 30+ unknown"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l, err := Bands("l", test.o)
			if err != nil {
				t.Fatal(err)
			}
			v, n, err := l.Level(test.level)
			if err != nil || n != 1 {
				t.Fatalf("Level(%q): index %d, error %v", test.level, n, err)
			}
			if got := strings.Join(v.Labels, " "); got != test.want {
				t.Errorf("labels: got %s, want %s", got, test.want)
			}
		})
	}
}

func TestBandsPlaceValues(t *testing.T) {
	l, err := Bands("age", BandsOptions{Widths: []float64{1, 5, 10}, Suffix: "y", Age: true, Bottom: 18, Top: 90})
	if err != nil {
		t.Fatal(err)
	}
	v, _, _ := l.Level("10y")
	for _, test := range []struct {
		x    float64
		ok   bool
		want string
	}{
		{17, true, "<20"}, {-1, true, "<20"}, {19, true, "<20"}, {20, true, "20-29"}, {29, true, "20-29"},
		{89, true, "80-89"}, {90, true, "90+"}, {130, true, "90+"}, {math.Inf(1), true, "90+"}, {math.Inf(-1), true, "<20"},
		{40, false, Unknown}, {math.NaN(), true, Unknown},
	} {
		if got := v.Labels[v.IndexNumber(test.x, test.ok)]; got != test.want {
			t.Errorf("%v, %v: got %s, want %s", test.x, test.ok, got, test.want)
		}
	}
	if got := l.Levels[4].IndexNumber(40, true); got != 0 {
		t.Errorf("top: got index %d, want 0", got)
	}
	if got := l.Levels[0].IndexNumber(40, true); got != -1 {
		t.Errorf("source: got index %d, want -1", got)
	}
}

// 3 × 0.1 is not 0.3 in binary; the edges have to be.
func TestBandsNestDecimals(t *testing.T) {
	l, err := Bands("l", BandsOptions{Widths: []float64{0.1, 0.3, 0.6}, Bottom: 0, Top: 60})
	if err != nil {
		t.Fatal(err)
	}
	if v := l.Levels[2]; !slices.Contains(v.Edges, 0.9) {
		t.Errorf("edges of %s lack 0.9: %v", v.Name, v.Edges[:4])
	}
}

func TestCuts(t *testing.T) {
	l, err := Cuts("bmi", []float64{0, 18.5, 25, 30, 80})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(l.Levels[1].Labels, " "), "<18.5 18.5-<25 25-<30 30+ unknown"; got != want {
		t.Errorf("labels: got %s, want %s", got, want)
	}
	for _, bad := range [][]float64{nil, {0, 1}, {0, 2, 1}, {0, 1, 1}, {0, math.NaN(), 1}, {0, 1, math.Inf(1)}} {
		if _, err := Cuts("bmi", bad); err == nil {
			t.Errorf("cuts %v: got no error", bad)
		}
	}
}

func TestBandsRefuse(t *testing.T) {
	for _, test := range []struct {
		name, want string
		o          BandsOptions
	}{
		{"no width", "no width", BandsOptions{Bottom: 0, Top: 10}},
		{"no range", "no range", BandsOptions{Widths: []float64{1}, Bottom: 10, Top: 10}},
		{"NaN", "no range", BandsOptions{Widths: []float64{1}, Bottom: math.NaN(), Top: 10}},
		{"negative width", "not above 0", BandsOptions{Widths: []float64{-1}, Top: 10}},
		{"NaN width", "not above 0", BandsOptions{Widths: []float64{math.NaN()}, Top: 10}},
		{"no multiple", "not a multiple of 4", BandsOptions{Widths: []float64{4, 10}, Top: 100}},
		{"coarsest first", "not a multiple of 10", BandsOptions{Widths: []float64{10, 5}, Top: 100}},
		{"too many", "more than 10000", BandsOptions{Widths: []float64{0.001}, Top: 100}},
	} {
		if _, err := Bands("l", test.o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got error %v, want one with %q", test.name, err, test.want)
		}
	}
}
