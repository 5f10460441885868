package duck

import (
	"context"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"lethe/pipeline/plan"
	"lethe/pipeline/policy"
	"lethe/transforms"
)

// TestPromise3SurrogatesAreNew: no two runs give any account of the sample the same subject, nor do two windows of one
// run; and subjects say nothing of the order of accounts.
func TestPromise3SurrogatesAreNew(t *testing.T) {
	first := subjects(t, nil)
	second := subjects(t, nil)
	if len(first) < 2*9000 {
		t.Fatalf("%d subjects of two windows", len(first))
	}
	if n := shared(first, second); n != 0 {
		t.Errorf("two runs share %d subjects", n)
	}
	// The control: a key that is the same in both makes all of them the same.
	key := []byte("a key of exactly 32 bytes, known")
	if a, b := subjects(t, key), subjects(t, key); shared(a, b) < len(a)/2 {
		t.Errorf("under one key %d of %d subjects are the same: the comparison sees nothing", shared(a, b), len(a))
	}
}

func shared(a, b map[uint64]bool) int {
	n := 0
	for s := range a {
		if b[s] {
			n++
		}
	}
	return n
}

// subjects are those of all windows of a run over the sample.
func subjects(t *testing.T, key []byte) map[uint64]bool {
	t.Helper()
	ctx := context.Background()
	p, err := policy.Load("../../testdata/policies/sample.yaml")
	if err != nil {
		t.Fatal(err)
	}
	e, err := Open(Options{Source: "../../testdata/population/sample", Key: key})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	source, err := e.Describe(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	var plans []*plan.Plan
	for i := range p.Datasets {
		if pl, err := plan.Compile(p, &p.Datasets[i], source, time.Date(2026, 4, 2, 0, 0, 0, 0, p.Zone)); err == nil {
			plans = append(plans, pl)
		}
	}
	c, err := e.connect()
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	out := map[uint64]bool{}
	admissions, _ := plan.MergeAdmissions(plans)
	for _, a := range admissions {
		who, err := e.Admit(ctx, a, time.Date(2026, 4, 2, 1, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		var twice int
		err = c.batches(ctx, "read subjects", "SELECT subject FROM "+transforms.Ident(who.table), []string{"subject"}, func(r arrow.Record) error {
			for _, s := range r.Column(0).(*array.Uint64).Uint64Values() {
				if out[s] {
					twice++
				}
				out[s] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if twice > 0 && key == nil {
			t.Errorf("two windows of one run share %d subjects", twice)
		}
	}
	return out
}
