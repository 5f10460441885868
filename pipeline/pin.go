package pipeline

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"lethe/pipeline/policy"
)

// PinName is the file in a source's folder that says which ledger pays for what is learnt from it. Whoever holds the
// source writes it, once:
//
//	ledger <hash of its GENESIS, 64 hex digits>
//	population <name>
//
// Either line may be missing. Empty lines and lines that begin with # say nothing.
const PinName = "ledger.pin"

// pin is what a source's folder says of its ledger. What is not said is empty.
type pin struct {
	path, ledger, population string
}

var pinForm = map[string]*regexp.Regexp{
	"ledger":     regexp.MustCompile(`^[0-9a-f]{64}$`),
	"population": regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`),
}

func readPin(source string) (pin, error) {
	p := pin{path: filepath.Join(source, PinName)}
	if source == "" {
		return p, nil
	}
	text, err := os.ReadFile(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("read which ledger the source is pinned to: %w", err)
	}
	said := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, _ := strings.Cut(line, " ")
		if form := pinForm[key]; form == nil || !form.MatchString(value) || said[key] != "" {
			return p, fmt.Errorf("%s, line %d: want \"ledger\" and 64 hex digits, or \"population\" and its name, each once", p.path, n)
		}
		said[key] = value
	}
	p.ledger, p.population = said["ledger"], said["population"]
	return p, lines.Err()
}

// check: the policy speaks of the people of the source.
func (p pin) check(of *policy.Policy) error {
	if p.population != "" && p.population != of.Population {
		return fmt.Errorf("policy %s is for population %s, and %s pins the source to %s: another name would be another budget for the same people",
			of.Name, of.Population, p.path, p.population)
	}
	return nil
}
