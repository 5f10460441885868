package ledger

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lethe/privacy/budget"
)

// BenchmarkOpen100000 opens, and so verifies, a log of 100,000 records as a production ledger has them.
func BenchmarkOpen100000(b *testing.B) {
	made, dir := newLedger(b, budget.Caps{Lifetime: vast, Year: vast})
	log, err := os.ReadFile(filepath.Join(dir, logName))
	if err != nil {
		b.Fatal(err)
	}
	l, _, err := verify(log)
	if err != nil {
		b.Fatal(err)
	}
	l.key = made.key
	add := func(r Record) {
		r.Time = march
		f, err := l.next(&r, l.origin())
		if err == nil {
			err = l.take(f)
		}
		if err != nil {
			b.Fatal(err)
		}
		log = append(log, f.bytes...)
	}
	for i := 0; l.seq < 100000; i++ {
		r := request(fmt.Sprint("d-", i), planA, small)
		c := Record{
			Kind: Charge, Population: "eu", Dataset: r.Dataset, Window: r.Window, PlanHash: r.PlanHash,
			PolicyHash: r.PolicyHash, Attempt: 1, Cost: small, Draws: r.Draws,
		}
		c.Release, _ = releaseID(&c)
		add(c)
		add(Record{Kind: Drawn, Release: c.Release})
		add(Record{Kind: Resulted, Release: c.Release, Files: files})
		add(Record{Kind: Published, Release: c.Release})
	}
	if err := os.WriteFile(filepath.Join(dir, logName), log, 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		l, err := Open(dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if l.seq < 100000 {
			b.Fatalf("got %d records, want 100000", l.seq)
		}
		l.Close()
	}
}

// BenchmarkAppend appends a record and, by turns, as many bytes to a bare file with an fsync. It reports both and their
// ratio: appends per second as a share of bare writes per second.
func BenchmarkAppend(b *testing.B) {
	l, dir := newLedger(b, budget.Caps{Lifetime: vast, Year: vast})
	bare, err := os.Create(filepath.Join(dir, "bare"))
	if err != nil {
		b.Fatal(err)
	}
	defer bare.Close()
	rho, end := budget.Rho(1<<60), int64(0)
	var appending, writing time.Duration
	for b.Loop() {
		rho--
		start := time.Now()
		if err := l.SetCaps(Account{Population: "us"}, budget.Caps{Year: budget.Cost{Rho: rho}}); err != nil {
			b.Fatal(err)
		}
		appending += time.Since(start)
		record := bytes.Repeat([]byte{'x'}, len(l.last))
		start = time.Now()
		if _, err := bare.WriteAt(record, end); err != nil {
			b.Fatal(err)
		}
		if err := bare.Sync(); err != nil {
			b.Fatal(err)
		}
		writing += time.Since(start)
		end += int64(len(record))
	}
	n := float64(b.N)
	b.ReportMetric(float64(appending.Microseconds())/n, "µs/append")
	b.ReportMetric(float64(writing.Microseconds())/n, "µs/bare")
	b.ReportMetric(float64(writing)/float64(appending), "of-bare")
}
