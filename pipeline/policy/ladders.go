package policy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"lethe/transforms/ladder"
)

// A source is what a ladder was made from. Hash and Diff speak of it rather
// than of the ladder's labels.
type source struct {
	Kind       string // bands, dates, geography, codes, masks, csv
	Levels     []string
	Age        bool
	Range      []Number // bands: bottom, top
	Dates      []time.Time
	File       string
	Digest     string // SHA-256 of the public table's bytes
	Floor      int
	Key        string
	Population string
	Place      string
	Codes      []string
	Other      string
	Alphabet   string
	Length     int
	Keep       []int
}

// builder makes a ladder of one kind.
type builder struct {
	kind  string
	keys  []string
	build func(r *reader, f fields, name string, s *source) (*ladder.Ladder, error)
}

var builders = []builder{
	{"bands", []string{"bands", "at", "bottom", "top"}, (*reader).bands},
	{"dates", []string{"dates", "from", "to"}, (*reader).dates},
	{"geography", []string{"geography", "levels", "floor", "key", "population", "place"}, (*reader).geography},
	{"codes", []string{"codes", "other"}, (*reader).codes},
	{"masks", []string{"masks", "length", "keep"}, (*reader).masks},
	{"csv", []string{"csv"}, (*reader).hierarchy},
}

// mostLadders bounds the work that a small file can ask for.
const mostLadders = 100

// ladders builds every ladder whose description is sound.
func (r *reader) ladders(n *yaml.Node) (map[string]*ladder.Ladder, map[string]source) {
	built, sources := map[string]*ladder.Ladder{}, map[string]source{}
	for i, p := range r.pairs(n, "ladders") {
		if i == mostLadders {
			r.fail(p.key, "", "more than %d ladders", mostLadders)
			break
		}
		name := r.name(p.key, "ladder", slug)
		// A ladder that cannot be built is still known, so that columns that
		// name it are not reported as well.
		built[p.key.Value] = nil
		before := len(r.found)
		l, s := r.ladder(name, p.val)
		if l != nil && len(r.found) == before {
			built[name], sources[name] = l, s
		}
	}
	return built, sources
}

func (r *reader) ladder(name string, n *yaml.Node) (*ladder.Ladder, source) {
	kinds := names(builders, func(b builder) string { return b.kind })
	i := slices.IndexFunc(builders, func(b builder) bool {
		return slices.ContainsFunc(r.keysOf(n), func(k string) bool { return k == b.kind })
	})
	if i < 0 {
		if len(r.pairs(n, "a ladder")) > 0 || n.Kind == yaml.MappingNode {
			r.fail(n, "give one of "+strings.Join(kinds, ", "), "the ladder has no kind")
		}
		return nil, source{}
	}
	b := builders[i]
	s := source{Kind: b.kind}
	before := len(r.found)
	l, err := b.build(r, r.fields(n, "a ladder of "+b.kind, b.keys...), name, &s)
	if len(r.found) > before {
		return nil, s
	}
	if err != nil {
		// The constructors speak of options and of public tables only.
		hint := ""
		if s.File != "" && s.Digest == "" {
			hint = "public tables stand beside the policy, or below its folder"
		}
		r.fail(n, hint, "%s", strings.ReplaceAll(err.Error(), "\n", "; "))
		return nil, s
	}
	return l, s
}

func (r *reader) keysOf(n *yaml.Node) []string {
	var out []string
	if n.Kind == yaml.MappingNode {
		for i := 0; i < len(n.Content); i += 2 {
			out = append(out, n.Content[i].Value)
		}
	}
	return out
}

var width = regexp.MustCompile(`^([0-9][0-9.]*)(y?)$`)

func (r *reader) bands(f fields, name string, s *source) (*ladder.Ladder, error) {
	o := ladder.BandsOptions{}
	s.Age = r.choice(f.get("at"), "at", "window_start") != ""
	for _, c := range r.items(f.get("bands"), "bands") {
		text, _ := r.bare(c, "a band")
		m := width.FindStringSubmatch(text)
		var v Number
		if m != nil {
			v, _ = parseNumber(m[1])
		}
		if v.Rat == nil || (m[2] == "y") != s.Age {
			r.fail(c, "write 10y with `at: window_start` for ages, else a number", "band %q is not a width", text)
			continue
		}
		o.Widths, o.Suffix = append(o.Widths, v.Float()), m[2]
		s.Levels = append(s.Levels, v.Text+m[2])
	}
	bottom, _ := r.number(f.need("bottom"), "bottom")
	top, _ := r.number(f.need("top"), "top")
	s.Range = []Number{bottom, top}
	o.Age, o.Bottom, o.Top = s.Age, bottom.Float(), top.Float()
	return ladder.Bands(name, o)
}

// mostDates is the longest range of a ladder of dates.
const mostDates = 36525 * 24 * time.Hour

func (r *reader) dates(f fields, name string, s *source) (*ladder.Ladder, error) {
	s.Levels = r.texts(f.get("dates"), "dates", 1)
	s.Dates = []time.Time{r.date(f.need("from"), "from"), r.date(f.need("to"), "to")}
	if s.Dates[1].Sub(s.Dates[0]) > mostDates {
		return nil, errors.New("from and to are more than 100 years apart")
	}
	return ladder.Dates(name, ladder.DatesOptions{Levels: s.Levels, From: s.Dates[0], To: s.Dates[1]})
}

func (r *reader) geography(f fields, name string, s *source) (*ladder.Ladder, error) {
	s.Levels = r.columnList(f.need("levels"), "levels", 1)
	s.Floor = r.int(f.need("floor"), "floor", 1, 1_000_000_000)
	s.Key = r.column(f.get("key"), "key")
	s.Population = r.columnOr(f.get("population"), "population", "population")
	s.Place = r.column(f.get("place"), "place")
	data, err := r.publicTable(f.get("geography"), s)
	if err != nil {
		return nil, err
	}
	return ladder.Geography(name, bytes.NewReader(data), ladder.GeographyOptions{
		Key: s.Key, Levels: s.Levels, Floor: int64(s.Floor), Population: s.Population, Place: s.Place})
}

func (r *reader) codes(f fields, name string, s *source) (*ladder.Ladder, error) {
	s.Codes = r.texts(f.get("codes"), "codes", 1)
	s.Other = r.choice(f.need("other"), "other", "refuse", "unknown", "top")
	return ladder.Codes(name, s.Codes, s.Other)
}

func (r *reader) masks(f fields, name string, s *source) (*ladder.Ladder, error) {
	s.Alphabet = r.choice(f.get("masks"), "masks", "digits", "letters", "alphanumeric")
	s.Length = r.int(f.need("length"), "length", 2, 64)
	for _, c := range r.items(f.need("keep"), "keep") {
		s.Keep = append(s.Keep, r.int(c, "keep", 1, 64))
	}
	return ladder.Masks(name, ladder.MasksOptions{Alphabet: s.Alphabet, Length: s.Length, Keep: s.Keep})
}

func (r *reader) hierarchy(f fields, name string, s *source) (*ladder.Ladder, error) {
	data, err := r.publicTable(f.get("csv"), s)
	if err != nil {
		return nil, err
	}
	return ladder.CSV(name, bytes.NewReader(data))
}

// mostTable bounds a public table; the French communes have 2 MiB.
const mostTable = 64 << 20

// publicTable reads a public table in the policy's folder, which it cannot leave.
func (r *reader) publicTable(n *yaml.Node, s *source) ([]byte, error) {
	s.File = r.text(n, "a ladder's file")
	if s.File == "" {
		return nil, errors.New("no file")
	}
	if r.dir == "" {
		return nil, fmt.Errorf("file %s: this policy has no folder to read it from", s.File)
	}
	root, err := os.OpenRoot(r.dir)
	if err != nil {
		return nil, fmt.Errorf("open the policy's folder: %w", err)
	}
	defer root.Close()
	f, err := root.Open(s.File)
	if err != nil {
		return nil, fmt.Errorf("read a ladder's table: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("file %s is not a regular file", s.File)
	}
	data, err := io.ReadAll(io.LimitReader(f, mostTable+1))
	if err != nil || len(data) > mostTable {
		return nil, fmt.Errorf("file %s cannot be read or has more than %d bytes", s.File, mostTable)
	}
	sum := sha256.Sum256(data)
	s.Digest = hex.EncodeToString(sum[:])
	return data, nil
}

// floats are for ladders, which compare in float64 as the engine does.
func floats(list []Number) []float64 {
	out := make([]float64, len(list))
	for i, v := range list {
		out[i] = v.Float()
	}
	return out
}
