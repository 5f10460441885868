package release

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

var hash = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Check refuses, naming every problem, a manifest whose parts are missing, malformed or at odds with each other.
func (m Manifest) Check() error {
	var problems []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	want(m.Format == Format, "format %q: want %s", m.Format, Format)
	for _, n := range [][2]string{{"release", m.Release}, {"dataset", m.Dataset}, {"population", m.Population}, {"policy", m.Policy.Name}} {
		want(name.MatchString(n[1]), "%s %q: want [a-z0-9][a-z0-9_-]{0,62}", n[0], n[1])
	}
	want(m.Kind == Statistics, "kind %q: want %s", m.Kind, Statistics)
	label, err := LabelFor(m.Kind, m.Guarantee.Loss, m.ToDate)
	want(err != nil || m.Label == label, "label %q: want %q", m.Label, label)
	problems = append(problems, m.Window.check(), m.checkLoss(), m.checkColumns(), m.checkFiles())
	want(m.Rows >= 0, "%d rows", m.Rows)
	want(m.Policy.Version > 0, "policy version %d: want 1 or more", m.Policy.Version)
	for _, h := range [][2]string{{"plan", m.Plan}, {"policy", m.Policy.Hash}, {"charge", m.Charge.Hash}, {"genesis", m.Charge.Genesis}} {
		want(hash.MatchString(h[1]), "hash of the %s %q: want SHA-256 in lower-case hex", h[0], h[1])
	}
	want(m.Charge.Seq > 0, "charge %d: want 1 or more", m.Charge.Seq)
	if _, err := m.Charge.Checkpoint(); err != nil {
		problems = append(problems, fmt.Errorf("charge: %w", err))
	}
	want(m.Terms != "", "no terms")
	problems = append(problems, m.checkTexts())
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("check manifest %q: %w", m.Release, err)
	}
	return nil
}

// checkTexts looks at every text of the manifest. What is not UTF-8 comes back from JSON as U+FFFD.
func (m Manifest) checkTexts() error {
	b, err := m.marshal()
	if err != nil {
		return err
	}
	var tree any
	if err := json.Unmarshal(b, &tree); err != nil {
		return err
	}
	return eachText(tree, func(s string) error {
		if !printable(s) || strings.ContainsRune(s, utf8.RuneError) {
			return fmt.Errorf("text %q: not printable UTF-8", s)
		}
		if strings.Contains(strings.ToLower(s), "anonymous") {
			return fmt.Errorf("text %q: the word \"anonymous\" is kept for what is proven to be it", s)
		}
		return nil
	})
}

func eachText(tree any, f func(string) error) error {
	switch v := tree.(type) {
	case string:
		return f(v)
	case []any:
		for _, e := range v {
			if err := eachText(e, f); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if err := eachText(v[k], f); err != nil {
				return err
			}
		}
	}
	return nil
}

// Closed returns the midnight, in UTC, that begins the day after the window's last.
func (w Window) Closed() (time.Time, error) { return time.Parse(time.DateOnly, w.End) }

func (w Window) check() error {
	start, err := time.Parse(time.DateOnly, w.Start)
	end, err2 := w.Closed()
	if err != nil || err2 != nil || !start.Before(end) {
		return fmt.Errorf("window %q to %q: want two days in order, as in 2026-03-23", w.Start, w.End)
	}
	return nil
}

// checkLoss adds up the mechanisms: their sum is what the release says it lost.
func (m Manifest) checkLoss() error {
	g := m.Guarantee
	var problems []error
	if g.Variant == "" || g.Unit == "" || g.Adjacency == "" {
		problems = append(problems, errors.New("guarantee: its variant, unit or adjacency is missing"))
	}
	for _, l := range []Loss{g.Loss, m.ToDate} {
		if l.At < l.Delta || l.At >= 1e18 {
			problems = append(problems, fmt.Errorf("ε %v at δ %v: want a δ of %v or more, below 1", l.Epsilon, l.At, l.Delta))
		}
	}
	if m.ToDate.Rho < g.Loss.Rho || m.ToDate.Delta < g.Loss.Delta {
		problems = append(problems, errors.New("population to date: below the loss of this release"))
	}
	names := map[string]bool{}
	rho, delta := g.Loss.Rho, g.Loss.Delta
	for i := range m.Mechanisms {
		d := &m.Mechanisms[i]
		if err := d.check(); err != nil {
			problems = append(problems, fmt.Errorf("mechanism %q: %w", d.Name, err))
		}
		if names[d.Name] || d.Name == "" {
			problems = append(problems, fmt.Errorf("mechanism %q: no name, or one that is taken", d.Name))
		}
		names[d.Name] = true
		if d.Rho > rho || d.Delta > delta {
			return errors.Join(append(problems, errors.New("guarantee: below the sum of its mechanisms"))...)
		}
		rho, delta = rho-d.Rho, delta-d.Delta
	}
	if rho != 0 || delta != 0 {
		problems = append(problems, errors.New("guarantee: above the sum of its mechanisms"))
	}
	return errors.Join(problems...)
}

func (m Manifest) checkColumns() error {
	if len(m.Columns) == 0 {
		return errors.New("no columns")
	}
	names := map[string]bool{}
	for _, c := range m.Columns {
		if names[c.Name] || c.Name == "" {
			return fmt.Errorf("column %q: no name, or one that is taken", c.Name)
		}
		names[c.Name] = true
		switch c.Kind {
		case Category.String(), Int.String(), Decimal.String(), Bool.String():
		default:
			return fmt.Errorf("column %q: unknown kind %q", c.Name, c.Kind)
		}
	}
	for _, c := range m.Columns {
		if c.Error != "" && !names[c.Error] {
			return fmt.Errorf("column %q: no error column %q", c.Name, c.Error)
		}
	}
	return nil
}

func (m Manifest) checkFiles() error {
	if len(m.Files) == 0 {
		return errors.New("no files")
	}
	names := map[string]bool{ManifestFile: true}
	for _, f := range m.Files {
		switch {
		case f.Name != ArrowFile && f.Name != ParquetFile || names[f.Name]:
			return fmt.Errorf("file %q: want %s and %s, each once", f.Name, ArrowFile, ParquetFile)
		case f.Size < 0 || !hash.MatchString(f.SHA256):
			return fmt.Errorf("file %s: size %d, SHA-256 %q", f.Name, f.Size, f.SHA256)
		}
		names[f.Name] = true
	}
	return nil
}
