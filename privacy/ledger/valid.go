package ledger

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"lethe/privacy/budget"
)

var id = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

func validID(s string) bool { return id.MatchString(s) }

func errID(what string) error {
	return fmt.Errorf("the %s is not 1 to 63 of a-z, 0-9, _ and -, beginning with a letter or digit", what)
}

func validHash(s string) bool { return len(s) == 64 && lowerHex([]byte(s)) }

// checkSubject says what is wrong with the names and hashes of a charge.
func checkSubject(r *Record) error {
	var problems []error
	if !validID(r.Population) {
		problems = append(problems, errID("population"))
	}
	if !validID(r.Dataset) {
		problems = append(problems, errID("dataset"))
	}
	if r.Project != "" && !validID(r.Project) || r.Request != "" && !validID(r.Request) {
		problems = append(problems, errID("project or request"))
	}
	if _, err := windowEnd(r.Window); err != nil {
		problems = append(problems, err)
	}
	if !validHash(r.PlanHash) || !validHash(r.PolicyHash) {
		problems = append(problems, errors.New("the plan or policy hash is not 64 lower-case hex digits"))
	}
	return errors.Join(problems...)
}

// windowEnd returns the day after the last of a window "2026-03-23/2026-03-30".
func windowEnd(window string) (string, error) {
	from, to, _ := strings.Cut(window, "/")
	start, err1 := time.Parse(time.DateOnly, from)
	end, err2 := time.Parse(time.DateOnly, to)
	if err1 != nil || err2 != nil || !start.Before(end) {
		return "", errors.New("the window is not two days like 2026-03-23/2026-03-30, the second after the first")
	}
	return to, nil
}

// releaseID returns the id that r's population, dataset, window, plan hash and attempt give it.
func releaseID(r *Record) (string, error) {
	end, err := windowEnd(r.Window)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, s := range []string{r.Population, r.Dataset, r.Window, r.PlanHash, strconv.FormatInt(r.Attempt, 10)} {
		fmt.Fprintf(h, "%d:%s,", len(s), s)
	}
	short := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(h.Sum(nil)[:10])
	return end + "-" + strings.ToLower(short), nil
}

// checkDraws says what is wrong with the draws of a charge. A PANEL may have none, and its draws may be perturbation
// that no privacy loss is claimed for.
func checkDraws(r *Record) error {
	if len(r.Draws) == 0 && r.Kind == Charge {
		return errors.New("the charge lists no draw")
	}
	var problems []error
	seen := map[string]bool{}
	for _, d := range r.Draws {
		if seen[d.Name] {
			problems = append(problems, fmt.Errorf("draw %q is listed twice", d.Name))
		}
		seen[d.Name] = true
		err := d.check()
		if err == nil && r.Kind == Charge && d.Cost == (budget.Cost{}) {
			err = errors.New("a draw that costs nothing is no draw")
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("draw %q: %w", d.Name, err))
		}
	}
	return errors.Join(problems...)
}

func (d *Draw) check() error {
	switch {
	case d.Name == "" || !plain(d.Name) || d.Mechanism == "" || !plain(d.Mechanism):
		return errors.New("name and mechanism are plain ASCII of 1 to 200 bytes without quotes or backslashes")
	case d.Cells < 1 || d.L0 < 1 || d.LInf < 0:
		return errors.New("cells and l0 are at least 1, linf at least 0")
	case !amount(d.Sigma) || !amount(d.Epsilon) || !amount(d.Delta):
		return errors.New("sigma, epsilon and delta are finite and at least 0")
	}
	// The pure part of a loss is in ρ like the rest.
	if rho, err := budget.PureRho(d.Cost.Epsilon); err != nil || rho > d.Cost.Rho {
		return errors.New("its cost in rho is below that of its epsilon")
	}
	return nil
}

func amount(f float64) bool { return f >= 0 && !math.IsInf(f, 0) && !math.Signbit(f) }

// total returns the exact sum of the draws' costs.
func total(draws []Draw) (budget.Cost, error) {
	var sum budget.Cost
	for _, d := range draws {
		var err error
		if sum, err = sum.Add(d.Cost); err != nil {
			return budget.Cost{}, err
		}
	}
	return sum, nil
}

// checkFiles says what is wrong with the files of a result.
func checkFiles(files []File) error {
	if len(files) == 0 {
		return errors.New("the result lists no file")
	}
	seen := map[string]bool{}
	for _, f := range files {
		if f.Name == "" || !plain(f.Name) || seen[f.Name] {
			return errors.New("a file's name is missing, not plain ASCII or listed twice")
		}
		seen[f.Name] = true
		if f.Size < 0 || !validHash(f.SHA256) {
			return fmt.Errorf("file %q: the size is negative or the hash is not 64 lower-case hex digits", f.Name)
		}
	}
	return nil
}
