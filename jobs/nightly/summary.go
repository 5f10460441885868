package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"lethe/jobs/door"
	"lethe/pipeline"
	"lethe/pipeline/plan"
	"lethe/pipeline/release"
	"lethe/privacy/budget"
)

// table is the closing table of a run, for the operator.
func (s *settings) table(sum *pipeline.Summary, o pipeline.Options) error {
	fmt.Fprintf(s.door.Out, "\nPolicy %s, population %s, windows closed on %s\n\n", sum.Policy, sum.Population, o.Date.Format(time.DateOnly))
	rows := [][]string{{"DATASET", "STATUS", "RELEASE", "WINDOW", "GROUPS", "UNUSABLE", "ERROR", "COST ρ", "COST ε"}}
	for _, out := range sum.Outcomes {
		rows = append(rows, row(out, o))
	}
	if err := s.door.Table(rows); err != nil {
		return err
	}
	s.explainTable(sum)
	s.spent(sum, o)
	if sum.Demo {
		s.demo()
	}
	s.files(sum)
	return nil
}

func row(out pipeline.Outcome, o pipeline.Options) []string {
	r := []string{out.Dataset, status(out), dash(out.Release), dash(window(out.Window)), "-", "-", "-", "-", "-"}
	if out.Cells > 0 {
		r[4], r[5] = door.Thousands(int64(out.Rows)), fmt.Sprintf("%d of %d", out.Unusable, out.Cells)
		r[6] = door.Percent(out.Median)
	}
	if charged(out) {
		r[7], r[8] = door.Rho(out.Cost.Rho), door.Epsilon(plan.Epsilon(o.Policy.Budget, out.Cost))
	} else if out.Status == pipeline.Served {
		r[7], r[8] = "0", "0"
	}
	return r
}

// charged says whether a release was paid for and not served again. A release
// that failed after its charge is paid for.
func charged(out pipeline.Outcome) bool {
	return out.Release != "" && out.Status != pipeline.Served
}

func status(out pipeline.Outcome) string {
	if errors.Is(out.Err, context.Canceled) {
		return "stopped"
	}
	return string(out.Status)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// window shows [start, end) by its first and last day.
func window(w string) string {
	start, end, ok := strings.Cut(w, "/")
	last, err := time.Parse(time.DateOnly, end)
	if !ok || err != nil {
		return w
	}
	return start + " to " + last.AddDate(0, 0, -1).Format(time.DateOnly)
}

// explainTable says what the columns mean to who sees them for the first time.
func (s *settings) explainTable(sum *pipeline.Summary) {
	w := s.door.Out
	fmt.Fprintln(w, `
  UNUSABLE  numbers left out because their noise would drown them, of all numbers
  ERROR     how far a published number may be off, as a share of itself: the median over the release, at 95 %
  COST      privacy that this run spent on the release; ε is read at the policy's δ`)
	for _, out := range sum.Outcomes {
		if out.Note != "" {
			fmt.Fprintf(w, "  %s: %s: %s\n", out.Dataset, out.Status, out.Note)
		}
	}
}

// spent says what the population has spent and how long the rest lasts.
func (s *settings) spent(sum *pipeline.Summary, o pipeline.Options) {
	w, b := s.door.Out, o.Policy.Budget
	if sum.Lifetime == (budget.Cost{}) || sum.Schedule == nil {
		return
	}
	fmt.Fprintf(w, "\nBudget of population %s, at δ %v\n\n", sum.Population, plan.ConversionDelta(b))
	rows := [][]string{{"", "SPENT ε", "OF ε", "SPENT ρ", "OF ρ", "USED", "RUNS OUT AT THIS PACE"}}
	for _, scope := range []struct {
		name         string
		spent, limit budget.Cost
		yearly       bool
	}{{"this year", sum.Year, sum.Caps.Year, true}, {"lifetime", sum.Lifetime, sum.Caps.Lifetime, false}} {
		rows = append(rows, []string{
			scope.name,
			door.Epsilon(plan.Epsilon(b, scope.spent)), door.EpsilonLeft(plan.Epsilon(b, scope.limit)),
			door.Rho(scope.spent.Rho), door.RhoLeft(scope.limit.Rho),
			door.Percent(plan.Share(scope.spent, scope.limit)),
			runsOut(sum.Schedule, scope.limit.Left(scope.spent), o.Date, scope.yearly),
		})
	}
	s.door.Table(rows)
}

// runsOut is the day on which what is left is used up. A yearly cap is full
// again on new year's day.
func runsOut(sched *plan.Schedule, left budget.Cost, from time.Time, yearly bool) string {
	day, ok := sched.RunsOut(left, from)
	if !ok || yearly && day.Year() > from.Year() {
		if yearly {
			return "not this year"
		}
		return "not in a century"
	}
	return day.Format(time.DateOnly)
}

func (s *settings) demo() {
	fmt.Fprint(s.door.Out, `
  !!  DEMO BUDGET: this policy buys small errors with a privacy loss that real people must never be
  !!  charged. It is for made-up data alone. Do not run it, or copy its numbers, for a real source.
`)
}

// files says where the releases are and how to open one.
func (s *settings) files(sum *pipeline.Summary) {
	w := s.door.Out
	first := ""
	for _, out := range sum.Outcomes {
		if out.Err == nil && out.Release != "" {
			if first == "" {
				first = release.Folder(s.workspace, out.Dataset, out.Release)
			}
		}
	}
	if first == "" {
		return
	}
	fmt.Fprintf(w, "\nReleases lie in %s: data.arrow, data.parquet (the same rows) and manifest.json (what was done, what it cost).\nTo open one in Python:\n\n", filepath.Join(s.workspace, "<dataset>", "<release>"))
	arrow, parquet := strconv.Quote(filepath.Join(first, release.ArrowFile)), strconv.Quote(filepath.Join(first, release.ParquetFile))
	fmt.Fprintf(w, "  import pyarrow.feather; pyarrow.feather.read_table(%s).to_pandas()\n", arrow)
	fmt.Fprintf(w, "  import polars; polars.read_parquet(%s)\n", parquet)
}
