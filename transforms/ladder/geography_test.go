package ladder

import (
	"compress/gzip"
	"encoding/csv"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const towns = `code,commune,departement,region,population
1000,a,D1,R1,50
1001,b,D1,R1,30
1002,c,D1,R1,200
1002,d,D2,R1,20
2000,e,D2,R1,500
2001,f,D2,R1,40
3000,g,D3,R2,60
3001,h,D3,R2,45
4000,i,D4,R2,900
5000,k,D5,R3,70
`

func TestGeographyPools(t *testing.T) {
	l, err := Geography("g", strings.NewReader(towns), GeographyOptions{Key: "code", Levels: []string{"code", "departement", "region"}, Floor: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ code, fine, middle, coarse, why string }{
		{"1000", "D1", "D1", "R1", "1000 and 1001 hold 80: D1 stands for all its codes"},
		{"1002", "D1", "D1", "R1", "two départements: goes to D1, which has more of it"},
		{"2000", "D2", "D2", "R1", "2001 alone holds 40: D2 stands for all"},
		{"3000", "D3", "D3", "R2", "all codes are small: their pool is D3"},
		{"3001", "D3", "D3", "R2", "as above"},
		{"4000", "4000", "D4", "R2", "large"},
		{"5000", Unknown, Unknown, Unknown, "R3 holds 70, and the rest of all regions is R3"},
		{"9999", Unknown, Unknown, Unknown, "not in the table"},
	} {
		for n, want := range []string{test.fine, test.middle, test.coarse} {
			v := l.Levels[n+1]
			if got := v.Labels[l.IndexText(n+1, test.code, true)]; got != want {
				t.Errorf("%s at %s: got %s, want %s (%s)", test.code, v.Name, got, want, test.why)
			}
		}
	}
}

func TestGeographyRest(t *testing.T) {
	table := "code,region,population\n1,A,500\n2,A,60\n3,A,60\n4,B,50\n5,C,70\n"
	l, err := Geography("g", strings.NewReader(table), GeographyOptions{Levels: []string{"code", "region"}, Floor: 100})
	if err != nil {
		t.Fatal(err)
	}
	for code, want := range map[string][2]string{
		"1": {"1", "A"}, "2": {"A, rest", "A"}, "3": {"A, rest", "A"}, "4": {"rest", "rest"}, "5": {"rest", "rest"},
	} {
		for n, want := range want {
			if got := l.Levels[n+1].Labels[l.IndexText(n+1, code, true)]; got != want {
				t.Errorf("%s at level %d: got %s, want %s", code, n+1, got, want)
			}
		}
	}
}

// A region that stands for a large and a small département must not, one level
// down, be the label of the small one's people alone.
func TestGeographyBorrowedNameKeepsTheFloor(t *testing.T) {
	table := "code,departement,region,population\n1,D1,R,500\n2,D1,R,400\n3,D2,R,30\n"
	o := GeographyOptions{Levels: []string{"code", "departement", "region"}, Floor: 100}
	l, err := Geography("g", strings.NewReader(table), o)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(l.Levels[1].Labels, " "); got != "R unknown" {
		t.Errorf("codes: got %s, want R unknown", got)
	}
}

func TestGeographyQualifiesSharedNames(t *testing.T) {
	table := "code,departement,region,population\n01000,01,84,500\n97100,971,01,400\n"
	l, err := Geography("g", strings.NewReader(table), GeographyOptions{Key: "code", Levels: []string{"departement", "region"}, Floor: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(append(l.Levels[1].Labels, l.Levels[2].Labels...), "|"); got != "01|971|unknown|region 01|region 84|unknown" {
		t.Errorf("got %s", got)
	}
}

func TestGeographySharesAPlaceOut(t *testing.T) {
	table := "code,commune,region,population\n75001,Paris,IDF,90\n75002,Paris,IDF,90\n75003,Paris,IDF,90\n"
	for place, want := range map[string]string{"": "75001", "commune": "IDF"} {
		l, err := Geography("g", strings.NewReader(table), GeographyOptions{Levels: []string{"code", "region"}, Floor: 80, Place: place})
		if err != nil {
			t.Fatal(err)
		}
		if got := l.Levels[1].Labels[l.IndexText(1, "75001", true)]; got != want {
			t.Errorf("place %q: got %s, want %s", place, got, want)
		}
	}
}

func TestGeographyRefuses(t *testing.T) {
	o := GeographyOptions{Key: "code", Levels: []string{"departement", "region"}, Floor: 100}
	for _, test := range []struct{ name, table, want string }{
		{"no column", "code,region,population\n1,A,5\n", `no column "departement"`},
		{"no rows", "code,departement,region,population\n", "no rows"},
		{"no nesting", "code,departement,region,population\n1,D,A,5\n2,D,B,5\n", `line 3: "D" lies in "B" here and in "A" on line 2`},
		{"population", "code,departement,region,population\n1,D,A,-5\n2,D,A,\n3,D,A,1.5\n", "line 4: column population"},
		{"no keys", "code,departement,region,population\n,D,A,5\n", "no row below has a code"},
		{"empty unit", "code,departement,region,population\n1,,A,5\n", "line 2: column departement"},
		{"reserved unit", "code,departement,region,population\n1,rest,A,5\n", "line 2: column departement"},
		{"ragged", "code,departement,region,population\n1,D,A\n", "line 2: 3 fields"},
	} {
		if _, err := Geography("g", strings.NewReader(test.table), o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got error %v, want one with %q", test.name, err, test.want)
		}
	}
	for _, o := range []GeographyOptions{
		{Key: "code", Floor: 1},
		{Key: "code", Levels: []string{"region"}},
		{Key: "code", Levels: []string{"region", "code"}, Floor: 1},
		{Key: "code", Levels: []string{"region", "region"}, Floor: 1},
	} {
		if _, err := Geography("g", strings.NewReader(towns), o); err == nil {
			t.Errorf("%+v: got no error", o)
		}
	}
}

// TestGeographyFloor holds random tables to the two promises: levels nest
// (Validate, inside Geography) and no label but Unknown is under the floor.
func TestGeographyFloor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		b.WriteString("code,departement,region,population\n")
		people := map[string]int64{}
		for range rapid.IntRange(1, 40).Draw(t, "rows") {
			code := "c" + strconv.Itoa(rapid.IntRange(0, 30).Draw(t, "code"))
			d := rapid.IntRange(0, 9).Draw(t, "departement")
			n := rapid.Int64Range(0, 200).Draw(t, "people")
			people[strings.ToUpper(code)] += n
			b.WriteString(strings.Join([]string{code, "d" + strconv.Itoa(d), "r" + strconv.Itoa(d/3), strconv.FormatInt(n, 10)}, ",") + "\n")
		}
		floor := rapid.Int64Range(1, 600).Draw(t, "floor")
		l, err := Geography("g", strings.NewReader(b.String()),
			GeographyOptions{Levels: []string{"code", "departement", "region"}, Floor: floor})
		if err != nil {
			t.Fatal(err)
		}
		checkFloor(t, l, people, floor)
	})
}

type fataler interface{ Fatalf(string, ...any) }

// checkFloor counts the inhabitants behind every label by itself.
func checkFloor(t fataler, l *Ladder, people map[string]int64, floor int64) {
	for n := 1; n < len(l.Levels)-1; n++ {
		v := &l.Levels[n]
		behind := make([]int64, len(v.Labels))
		for key, count := range people {
			behind[l.IndexText(n, key, true)] += count
		}
		for at, count := range behind[:v.Unknown()] {
			if count < floor {
				t.Fatalf("level %s: %q has %d inhabitants, floor %d", v.Name, v.Labels[at], count, floor)
			}
		}
	}
}

// shared is a folder of public input outside the repository.
func shared(t *testing.T, path string) string {
	root := os.Getenv("LETHE_SHARED_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	path = filepath.Join(root, path)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no %s: set LETHE_SHARED_DATA to the folder with the public data", path)
	}
	return path
}

func TestGeographyOfFrance(t *testing.T) {
	f, err := os.Open(shared(t, "geography/fr_communes.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(data))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	const floor = 20_000
	t.Logf("%d rows", len(rows)-1)
	for _, key := range []string{"postal_code", "commune_code"} {
		column := map[string]int{"postal_code": 0, "commune_code": 1}[key]
		l, err := Geography("fr", strings.NewReader(string(data)),
			GeographyOptions{Levels: []string{key, "departement", "region"}, Floor: floor, Place: "commune_code"})
		if err != nil {
			t.Fatal(err)
		}
		shares := map[string]int64{}
		for _, row := range rows[1:] {
			shares[row[1]]++
		}
		people := map[string]int64{}
		var whole int64
		for _, row := range rows[1:] {
			if row[column] == "" || row[7] == "" {
				continue
			}
			n, err := strconv.ParseInt(row[7], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			people[row[column]] += n / shares[row[1]]
			whole += n / shares[row[1]]
		}
		checkFloor(t, l, people, floor)
		var small int
		for _, n := range people {
			if n < floor {
				small++
			}
		}
		t.Logf("%s: %d keys, %d under the floor, %d inhabitants; labels %d, %d, %d", key, len(people), small, whole,
			len(l.Levels[1].Labels), len(l.Levels[2].Labels), len(l.Levels[3].Labels))
		if whole < 66_000_000 || whole > 70_000_000 {
			t.Errorf("%s: %d inhabitants: a commune with several postal codes is counted more than once, or lost", key, whole)
		}
	}
}

func TestHierarchiesOfAdult(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(shared(t, "adult"), "adult_hierarchy_*.csv"))
	if len(files) != 9 {
		t.Fatalf("got %d hierarchies, want 9", len(files))
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		l, err := CSV(filepath.Base(file), f)
		f.Close()
		if err != nil {
			t.Error(err)
			continue
		}
		for n, v := range l.Levels[:len(l.Levels)-1] {
			for key := range v.Values {
				if l.IndexText(n, key, true) == v.Unknown() {
					t.Errorf("%s: leaf %q has no label at level %s", l.Name, key, v.Name)
				}
			}
		}
	}
}
