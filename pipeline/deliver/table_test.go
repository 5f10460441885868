package deliver

import (
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"lethe/pipeline/release"
	"lethe/privacy/budget"
	"lethe/privacy/ledger"
)

// What must be in no file: a label that no row shows, and the values under missing ones.
const (
	secretLabel = "canary-label-7f3a"
	secretInt   = int64(0x5ec12e7ca9a12500)
	secretFloat = 1.2345678901234567e-200
)

// sampleTable has each kind with and without missing values, and a secret wherever a row does not show one. The secrets
// lie where hide says.
func sampleTable(rows int, hide bool) *release.Table {
	t := &release.Table{Rows: rows, Columns: []release.Column{
		{Name: "sex", Kind: release.Category, Labels: []string{"F", "M"}, Category: "identity", Done: []string{"as collected"}},
		{Name: "region.ü", Kind: release.Category, Labels: []string{"Île-de-France", "Bretagne", "hidden", "Corse"}},
		{Name: "subjects", Kind: release.Int, Done: []string{"count", "Gaussian noise"}},
		{Name: "records", Kind: release.Int},
		{Name: "steps", Kind: release.Decimal, Decimals: 2, Unit: "{steps}", Code: "55423-8", Category: "activity",
			Done:  []string{"mean of per-subject weekly means, clamped to [0, 40000]", "Gaussian noise"},
			Error: "steps error"},
		{Name: "steps error", Kind: release.Decimal},
		{Name: "steps unusable", Kind: release.Bool},
		{Name: "margin", Kind: release.Bool},
	}}
	c := t.Columns
	under := int32(0)
	if hide {
		c[1].Labels[2], under = secretLabel, 2
	} else {
		c[1].Labels = []string{"Île-de-France", "Bretagne", "", "Corse"}
	}
	for i := range rows {
		there := i%3 != 1
		c[0].Codes = append(c[0].Codes, int32(i/2%2))
		c[1].Codes = append(c[1].Codes, pick(there, int32([]int{3, 0, 1}[i%3]), under))
		c[1].Valid = append(c[1].Valid, there)
		c[2].Ints = append(c[2].Ints, int64(i)*1_000_003-7)
		c[3].Ints = append(c[3].Ints, pick(there, -int64(i), pick(hide, secretInt, 0)))
		c[3].Valid = append(c[3].Valid, there)
		c[4].Floats = append(c[4].Floats, pick(there, release.Round(float64(i)/7, 2), pick(hide, secretFloat, 0)))
		c[4].Valid = append(c[4].Valid, there)
		c[5].Floats = append(c[5].Floats, float64(i%40))
		c[6].Bools = append(c[6].Bools, i%5 == 0)
		c[7].Bools = append(c[7].Bools, !there && hide || there && i%2 == 0)
		c[7].Valid = append(c[7].Valid, there)
	}
	return t
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// secrets are the byte strings to look for.
func secrets() map[string][]byte {
	return map[string][]byte{
		"label": []byte(secretLabel),
		"int":   binary.LittleEndian.AppendUint64(nil, uint64(secretInt)),
		"float": binary.LittleEndian.AppendUint64(nil, math.Float64bits(secretFloat)),
	}
}

var (
	charged    sync.Once
	ledgerSays release.Charge
)

// sampleCharge is a record of a real ledger, the same one all the time.
func sampleCharge(t testing.TB) release.Charge {
	t.Helper()
	charged.Do(func() {
		dir := t.TempDir()
		book, err := ledger.Create(dir, ledger.Options{KeyFile: filepath.Join(dir, "key")})
		if err != nil {
			t.Fatal(err)
		}
		defer book.Close()
		if err := book.SetCaps(ledger.Account{Population: "eu-accounts"}, budget.Caps{}); err != nil {
			t.Fatal(err)
		}
		proof, err := book.Prove(1)
		if err != nil {
			t.Fatal(err)
		}
		for r := range book.Records() {
			ledgerSays = release.ChargeOf(r.Seq, r.Hash, book.Genesis(), proof)
		}
	})
	return ledgerSays
}

const sampleID = "2026-03-30-bq4hv6nq3kblyd5x"

func sampleManifest(t testing.TB) release.Manifest {
	t.Helper()
	draw := ledger.Draw{Name: "count", Mechanism: "gaussian", Cells: 3, L0: 1, LInf: 1, Sigma: 50,
		Cost: budget.Cost{Rho: 200_000_000, Delta: 1}}
	mechanism, err := release.MechanismOf(draw)
	if err != nil {
		t.Fatal(err)
	}
	loss, err := release.LossOf(draw.Cost, 1e9)
	if err != nil {
		t.Fatal(err)
	}
	return release.Manifest{
		Release: sampleID, Dataset: "steps-by-sex", Kind: release.Statistics, Population: "eu-accounts",
		Window: release.Window{Start: "2026-03-23", End: "2026-03-30"}, Plan: strings.Repeat("1", 64),
		Policy: release.Policy{Name: "connected-health-eu", Version: 3, Hash: strings.Repeat("2", 64)},
		Guarantee: release.Guarantee{Variant: "approximate zCDP", Unit: "account",
			Adjacency: "add-remove one account with all its rows", Loss: loss},
		ToDate: loss, Mechanisms: []release.Mechanism{mechanism}, Terms: release.Terms,
		Charge: sampleCharge(t),
	}
}

func sampleOrder(t testing.TB, workspace string) draft {
	return draft{Workspace: workspace, Table: sampleTable(7, true), Manifest: sampleManifest(t)}
}

// encoded returns the two data files of a table.
func encoded(t testing.TB, table *release.Table) (arrowBytes, parquetBytes []byte) {
	t.Helper()
	contents, _, err := encode(draft{Table: table, Manifest: sampleManifest(t)})
	if err != nil {
		t.Fatal(err)
	}
	return contents[0].bytes, contents[1].bytes
}

// want is what a reader has to see in a slot: nil for a missing value, otherwise its text.
func want(c *release.Column, row int) any {
	switch {
	case c.Null(row):
		return nil
	case c.Kind == release.Category:
		return c.Labels[c.Codes[row]]
	case c.Kind == release.Int:
		return fmt.Sprint(c.Ints[row])
	case c.Kind == release.Decimal:
		return fmt.Sprint(math.Float64bits(c.Floats[row]))
	}
	return fmt.Sprint(c.Bools[row])
}
