package plan

import (
	"fmt"
	"io"
	"strings"

	"lethe/pipeline/policy"
	"lethe/transforms/ladder"
)

// A Catalogue is what a researcher may ask a policy's population for. It is a
// function of the policy and its public tables: no value of the source is in it.
type Catalogue struct {
	Policy     string             `json:"policy"`
	Version    int                `json:"version"`
	Population string             `json:"population"`
	Unit       string             `json:"unit"`
	Keys       []CatalogueKey     `json:"keys"`
	Measures   []CatalogueMeasure `json:"measures"`
	Datasets   []CatalogueDataset `json:"datasets"`
}

// A CatalogueKey is what groups can be made by.
type CatalogueKey struct {
	Name     string           `json:"name"`
	Category string           `json:"category"`
	Of       string           `json:"of"` // person, or the table whose rows it is of
	Levels   []CatalogueLevel `json:"levels"`
}

// A CatalogueLevel is one level that may be published, finest first. A
// variable has one, without a name.
type CatalogueLevel struct {
	Name   string   `json:"name"`
	Labels []string `json:"labels"`
}

// A CatalogueMeasure is what can be counted up in groups.
type CatalogueMeasure struct {
	Name     string    `json:"name"`
	Category string    `json:"category"`
	Of       string    `json:"of"`
	Bounds   [2]string `json:"bounds"` // values outside are clamped
	Step     string    `json:"step"`
	Unit     string    `json:"unit"`
	Code     string    `json:"code,omitempty"`
}

// A CatalogueDataset is one scheduled dataset.
type CatalogueDataset struct {
	Name    string   `json:"name"`
	Kind    string   `json:"kind"`
	Every   string   `json:"every"`
	Days    int      `json:"window_days"`
	Settle  int      `json:"settle_days"`
	From    []string `json:"from"`
	By      []string `json:"by"`
	Release []string `json:"release"`
}

// NewCatalogue reads a policy as a researcher may.
func NewCatalogue(p *policy.Policy) Catalogue {
	c := Catalogue{Policy: p.Name, Version: p.Version, Population: p.Population, Unit: p.Unit,
		Keys: []CatalogueKey{}, Measures: []CatalogueMeasure{}, Datasets: []CatalogueDataset{}}
	for i := range p.Columns {
		c.column(p, &p.Columns[i])
	}
	for i := range p.Variables {
		c.variable(&p.Variables[i])
	}
	for i := range p.Datasets {
		c.Datasets = append(c.Datasets, catalogued(&p.Datasets[i]))
	}
	return c
}

func (c *Catalogue) column(p *policy.Policy, col *policy.Column) {
	of := "person"
	if t := p.Table(col.Ref.Table); t != nil && t.Many {
		of = t.Name
	}
	if l := p.Ladders[col.Ladder]; l != nil && col.Has("quasi") {
		k := CatalogueKey{Name: col.As, Category: col.Category, Of: of}
		_, finest, err := l.Level(col.Finest)
		for i, level := range l.Levels {
			if err == nil && i >= finest && level.Finite() && level.Name != ladder.Top {
				k.Levels = append(k.Levels, CatalogueLevel{level.Name, level.Labels})
			}
		}
		c.Keys = append(c.Keys, k)
	}
	if col.Has("measure") {
		c.measure(col.As, col.Category, of, col.Measure)
	}
}

func (c *Catalogue) variable(v *policy.Variable) {
	of := "person"
	if v.Per != "window" {
		of = v.From
	}
	if v.Has("quasi") {
		c.Keys = append(c.Keys, CatalogueKey{v.Name, v.Category, of, []CatalogueLevel{{"", v.Labels()}}})
	}
	if v.Has("measure") {
		c.measure(v.Name, v.Category, of, v.Measure)
	}
}

func (c *Catalogue) measure(name, category, of string, m *policy.Measure) {
	if m == nil || m.Bounds == nil || m.Step == nil {
		return // an input of variables, not to be released
	}
	c.Measures = append(c.Measures, CatalogueMeasure{name, category, of, [2]string{m.Bounds[0].Text, m.Bounds[1].Text}, m.Step.Text, m.Unit, m.Code})
}

func catalogued(d *policy.Dataset) CatalogueDataset {
	out := CatalogueDataset{Name: d.Name, Kind: d.Kind, Every: d.Every, Days: d.WindowDays, Settle: d.SettleDays, From: d.From, By: []string{}, Release: []string{}}
	for _, k := range d.By {
		out.By = append(out.By, keyText(k))
	}
	for _, it := range d.Release {
		out.Release = append(out.Release, it.Func+" "+it.Of)
	}
	if d.Cohort != nil {
		for _, k := range d.Cohort.Quasi {
			out.By = append(out.By, keyText(k))
		}
		for _, f := range d.Cohort.Features {
			out.Release = append(out.Release, f.Func+" "+f.Of)
		}
	}
	return out
}

func keyText(k policy.Key) string {
	if k.Level == "" {
		return k.Name
	}
	return k.Name + "@" + k.Level
}

// WriteText writes the catalogue for people.
func (c Catalogue) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "What may be asked of population %s, by policy %s version %d. Nothing here comes from people's data.\n", c.Population, c.Policy, c.Version)
	b.WriteString("\nKEYS, to make groups by (name@level)\n")
	for _, k := range c.Keys {
		fmt.Fprintf(&b, "  %s (%s, of the %s)\n", k.Name, k.Category, ofWhat(k.Of))
		for _, l := range k.Levels {
			fmt.Fprintf(&b, "    %s%s: %s\n", k.Name, at(l.Name), labels(l.Labels))
		}
	}
	b.WriteString("\nMEASURES, to count up in groups\n")
	for _, m := range c.Measures {
		code := ""
		if m.Code != "" {
			code = ", code " + m.Code
		}
		fmt.Fprintf(&b, "  %s (%s, of the %s): %s to %s %s, in steps of %s%s\n", m.Name, m.Category, ofWhat(m.Of), m.Bounds[0], m.Bounds[1], m.Unit, m.Step, code)
	}
	b.WriteString("  subjects: how many people\n\nDATASETS, made on schedule\n")
	for _, d := range c.Datasets {
		fmt.Fprintf(&b, "  %s (%s): %s by %s, from %s; every %s, over %s, %s after their end\n", d.Name, d.Kind, strings.Join(d.Release, ", "),
			strings.Join(d.By, ", "), strings.Join(d.From, ", "), d.Every, plural(int64(d.Days), "day"), plural(int64(d.Settle), "day"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func ofWhat(of string) string {
	if of == "person" {
		return of
	}
	return "rows of " + of
}

func at(level string) string {
	if level == "" {
		return ""
	}
	return "@" + level
}

func labels(all []string) string {
	if len(all) > 12 {
		return plural(int64(len(all)), "label")
	}
	return plural(int64(len(all)), "label") + " (" + strings.Join(all, ", ") + ")"
}
