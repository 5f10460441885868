package release

import "fmt"

// Kinds of dataset, as manifests name them.
const (
	Statistics = "statistics"
	Synthetic  = "synthetic"
	Cohort     = "cohort"
)

// LabelFor returns what a release of a kind may be called. A cohort claims no ε, so its losses are not looked at.
func LabelFor(kind string, release, toDate Loss) (string, error) {
	switch kind {
	case Statistics, Synthetic:
		return fmt.Sprintf("differentially private (ε %v, δ %v of this release; ε %v, δ %v of the population to date)",
			release.Epsilon, release.At, toDate.Epsilon, toDate.At), nil
	case Cohort:
		return "de-identified: controlled workspace only", nil
	}
	return "", fmt.Errorf("label kind %q: want statistics, synthetic or cohort", kind)
}
