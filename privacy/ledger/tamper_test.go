package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lethe/privacy/budget"
)

// memory is a log that can only be read.
type memory struct{ *bytes.Reader }

func (memory) WriteAt([]byte, int64) (int, error) { return 0, errDisk }
func (memory) Truncate(int64) error               { return errDisk }
func (memory) Sync() error                        { return errDisk }
func (memory) Close() error                       { return nil }

// verify reads a log as Open does, and returns how many records it has and whether a torn tail follows.
func verify(log []byte) (n int64, tail bool, err error) {
	l := &Ledger{log: memory{bytes.NewReader(log)}, state: newState()}
	tail, err = l.catchUp()
	return l.seq, tail, err
}

// logOf40 returns a log of 40 records of all kinds, and its folder.
func logOf40(t testing.TB) (log []byte, dir string) {
	l, dir := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
	for i := range 10 {
		r := request(fmt.Sprintf("dataset-%d", i), planA, small)
		r.Retries = 1
		advance(t, begin(t, l, r).Token, []attemptState{drawn, resulted, published}[i%3])
		if i%3 == 0 {
			advance(t, begin(t, l, r).Token, charged) // which burns the attempt before
		}
	}
	for int(l.seq) < 40 {
		if err := l.SetCaps("us", budget.Caps{Year: budget.Cost{Rho: budget.Rho(40 - l.seq)}}); err != nil {
			t.Fatal(err)
		}
	}
	log, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	if n, tail, err := verify(log); n != 40 || tail || err != nil {
		t.Fatalf("got %d records, torn %v, %v", n, tail, err)
	}
	return log, dir
}

func wantCorrupt(t *testing.T, what string, log []byte, record int64) {
	t.Helper()
	_, tail, err := verify(log)
	var c *Corrupt
	if !errors.As(err, &c) || c.Record != record || tail {
		t.Fatalf("%s: got torn %v, %v, want record %d corrupt", what, tail, err, record)
	}
}

func TestFlippedBitIsFound(t *testing.T) {
	log, _ := logOf40(t)
	record := int64(0)
	for i := range log {
		lineFeed := log[i] == '\n'
		for bit := range 8 {
			if !*long && bit != i%8 {
				continue
			}
			log[i] ^= 1 << bit
			wantCorrupt(t, fmt.Sprintf("byte %d, bit %d", i, bit), log, record)
			log[i] ^= 1 << bit
		}
		if lineFeed {
			record++
		}
	}
}

// A log cut anywhere opens with the records before the cut, and no others.
func TestCutLogKeepsWholeRecords(t *testing.T) {
	log, _ := logOf40(t)
	whole := int64(0)
	for n := range log {
		atRecord := n == 0 || log[n-1] == '\n'
		if n > 0 && atRecord {
			whole++
		}
		got, tail, err := verify(log[:n])
		if got != whole || tail == atRecord || err != nil {
			t.Fatalf("cut to %d bytes: got %d records, torn %v, %v, want %d, %v", n, got, tail, err, whole, !atRecord)
		}
	}
}

func TestTornTailIsCutByTheNextAppend(t *testing.T) {
	log, dir := logOf40(t)
	name := filepath.Join(dir, "log")
	last := bytes.LastIndexByte(log[:len(log)-1], '\n') + 1
	for n := last + 1; n < len(log); n += 7 {
		if err := os.WriteFile(name, log[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		l := reopen(t, dir, at(march))
		if got, err := os.ReadFile(name); err != nil || len(got) != n {
			t.Fatalf("cut to %d: Open left %d bytes (%v)", n, len(got), err)
		}
		if err := l.SetCaps("de", budget.Caps{}); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		if err != nil || !bytes.Equal(got[:last], log[:last]) || !bytes.Contains(got[last:], []byte(`"de"`)) {
			t.Fatalf("cut to %d: the log ends in %q (%v)", n, got[last:], err)
		}
		if got := reopen(t, dir, Options{}).seq; got != 40 {
			t.Fatalf("cut to %d: got %d records, want 40", n, got)
		}
		l.Close()
	}
	if err := os.WriteFile(name, log[:50], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("cut within GENESIS: got %v, want ErrCorrupt", err)
	}
}

// What looks like a torn tail and is not the beginning of a frame is no tail that an append left.
func TestTailThatIsNoFrameIsCorrupt(t *testing.T) {
	log, _ := logOf40(t)
	head := "0000008f " + strings.Repeat("a", 64) + " "
	for _, tail := range []string{
		"x", "\x00", "0000008F", "0000008f\t", "0000008fa", head[:20] + "G", head + "[", head + `{"seq":41,`,
		head + `{"seq":40,"kind":"é`, head + `{"seq":40,"kind":"` + "\x00", "00100001 " + head[9:],
		head + `{"seq":40,"kind":"` + strings.Repeat("X", 0x8f), head + "{\n",
	} {
		wantCorrupt(t, fmt.Sprintf("tail %q", tail), append(bytes.Clone(log), tail...), 40)
	}
	for _, tail := range []string{"0", head[:9], head, head + `{"seq":40,"kind":"X`} {
		if n, torn, err := verify(append(bytes.Clone(log), tail...)); n != 40 || !torn || err != nil {
			t.Errorf("tail %q: got %d records, torn %v, %v", tail, n, torn, err)
		}
	}
}

func TestMovedRecordIsFound(t *testing.T) {
	log, _ := logOf40(t)
	lines := bytes.SplitAfter(log, []byte("\n"))[:40]
	other, _ := logOf40(t)
	foreign := bytes.SplitAfter(other, []byte("\n"))
	join := func(parts ...[][]byte) (all []byte) {
		for _, p := range parts {
			all = append(all, bytes.Join(p, nil)...)
		}
		return all
	}
	for i := range 40 {
		at := int64(i)
		wantCorrupt(t, "repeated", join(lines[:i+1], lines[i:]), at+1)
		if i < 39 {
			wantCorrupt(t, "left out", join(lines[:i], lines[i+1:]), at)
			wantCorrupt(t, "swapped", join(lines[:i], lines[i+1:i+2], lines[i:i+1], lines[i+2:]), at)
		}
		if i > 0 {
			wantCorrupt(t, "from another ledger", join(lines[:i], foreign[i:i+1], lines[i+1:]), at)
		}
	}
}

// A log whose chain was made to fit is still refused where no ledger would have appended a record.
func TestRecordThatNoLedgerAppendsIsCorrupt(t *testing.T) {
	l, _ := newLedger(t, budget.Caps{Lifetime: budget.Cost{Rho: 1e12, Delta: 1e12}, Year: vast})
	b := begin(t, l, request("steps", planA, small))
	advance(t, b.Token, published)
	good := records(t, l) // GENESIS BUDGET CHARGE DRAW RESULT PUBLISHED
	change := func(i int, edit func(*Record)) []Record {
		all := append([]Record(nil), good...)
		all[i].Draws = append([]Draw(nil), all[i].Draws...)
		edit(&all[i])
		return all
	}
	pick := func(at ...int) (some []Record) {
		for _, i := range at {
			some = append(some, good[i])
		}
		return some
	}
	newer := change(2, func(r *Record) { r.PlanHash, r.Supersedes = planB, planA; r.Release, _ = releaseID(r) })[2]
	stranger := newer
	stranger.Supersedes = planB
	for name, tt := range map[string]struct {
		records []Record
		record  int64 // −1: fine
	}{
		"unchanged":                  {pick(0, 1, 2, 3, 4, 5), -1},
		"no genesis":                 {pick(1, 2), 0},
		"number out of turn":         {change(1, func(r *Record) { r.Seq = 100 }), 1},
		"superseded goes on":         {append(pick(0, 1, 2), newer, good[3]), 4},
		"supersedes another":         {append(pick(0, 1, 2), stranger), 3},
		"two genesis":                {pick(0, 0), 1},
		"id":                         {change(0, func(r *Record) { r.ID = "x" }), 0},
		"charge without caps":        {pick(0, 2), 1},
		"charge twice":               {pick(0, 1, 2, 2), 3},
		"draw without charge":        {pick(0, 1, 3), 2},
		"draw twice":                 {pick(0, 1, 2, 3, 3), 4},
		"result without draw":        {pick(0, 1, 2, 4), 3},
		"published without result":   {pick(0, 1, 2, 3, 5), 4},
		"charge over the cap":        {change(1, func(r *Record) { r.Caps.Lifetime.Rho = 1 }), 2},
		"raised":                     {append(pick(0, 1), change(1, func(r *Record) { r.Caps.Lifetime.Rho++ })[1]), 2},
		"attempt out of turn":        {change(2, func(r *Record) { r.Attempt = 2; r.Release, _ = releaseID(r) }), 2},
		"supersedes nothing":         {change(2, func(r *Record) { r.Supersedes = planB }), 2},
		"release id":                 {change(2, func(r *Record) { r.Release = "2026-03-30-aaaaaaaaaaaaaaaa" }), 2},
		"less than the draws":        {change(2, func(r *Record) { r.Cost.Rho-- }), 2},
		"a draw that costs nothing":  {change(2, func(r *Record) { r.Draws[0].Cost.Rho, r.Cost.Rho = 0, 0 }), 2},
		"no draws":                   {change(2, func(r *Record) { r.Draws, r.Cost = nil, budget.Cost{} }), 2},
		"files":                      {change(4, func(r *Record) { r.Files = nil }), 4},
		"burned after it was served": {append(pick(0, 1, 2, 3, 4, 5), Record{Kind: Burned, Release: b.Release, Reason: "x"}), 6},
		"burned without a reason":    {append(pick(0, 1, 2, 3), Record{Kind: Burned, Release: b.Release}), 4},
	} {
		var log []byte
		var hash [32]byte
		for i, r := range tt.records {
			if r.Seq < 100 {
				r.Seq = int64(i)
			}
			frame, h, err := formatFrame(hash, r)
			if err != nil {
				t.Fatal(err)
			}
			log, hash = append(log, frame...), h
		}
		if tt.record >= 0 {
			t.Run(name, func(t *testing.T) { wantCorrupt(t, name, log, tt.record) })
		} else if _, _, err := verify(log); err != nil {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestFailedReadIsNotCorruption(t *testing.T) {
	l := &Ledger{log: unreadable{}, state: newState()}
	if _, err := l.catchUp(); errors.Is(err, ErrCorrupt) || !errors.Is(err, errDisk) {
		t.Errorf("got %v, want the disk's error", err)
	}
}

type unreadable struct{ memory }

func (unreadable) ReadAt([]byte, int64) (int, error) { return 0, errDisk }

func FuzzParse(f *testing.F) {
	log, _ := logOf40(f)
	for line := range bytes.Lines(log) {
		f.Add(line[headBytes : len(line)-1])
	}
	f.Add([]byte(`{"seq":0,"kind":"GENESIS","time":"2026-03-30T02:00:00Z","format":1,"id":"","id":""}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := parseBody(body)
		if err != nil {
			return
		}
		if again, err := formatBody(r); err != nil || !bytes.Equal(again, body) {
			t.Fatalf("%q was accepted and is written as %q (%v)", body, again, err)
		}
		frame, hash, err := formatFrame([32]byte{1}, r)
		if err != nil {
			t.Fatal(err)
		}
		in := bytes.NewReader(append(frame, 'x'))
		if _, read, h, err := readFrame(in, [32]byte{1}, r.Seq); err != nil || !bytes.Equal(read, frame) || h != hash {
			t.Fatalf("%q does not read back: %v", frame, err)
		}
		if left, _ := io.ReadAll(in); string(left) != "x" {
			t.Fatalf("%q: %d bytes are left, want 1", frame, len(left))
		}
	})
}

// Parsing refuses every form that formatting does not write.
func TestParseRefusesOtherForms(t *testing.T) {
	const good = `{"seq":3,"kind":"BURNED","time":"2026-03-30T02:00:00Z","release":"r","reason":"x"}`
	if _, err := parseBody([]byte(good)); err != nil {
		t.Fatal(err)
	}
	replace := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for _, body := range []string{
		"", "{}", "null", good[:len(good)-1], good + " ", " " + good, replace(`:3`, `: 3`), replace(`3`, `03`),
		replace(`3`, `-3`), replace(`3`, `3.0`), replace(`3`, `3e0`), replace(`3`, ``), replace(`3`, `9223372036854775808`),
		replace(`BURNED`, `burned`), replace(`BURNED`, `PANEL`), replace(`02:00:00Z`, `02:00:00+00:00`),
		replace(`02:00:00Z`, `02:00:00.5Z`), replace(`03-30`, `02-30`), replace(`"x"`, `"\u0078"`), replace(`"x"`, `"é"`),
		replace(`"x"`, `"`+strings.Repeat("x", 201)+`"`), replace(`"x"`, `null`), replace(`,"reason":"x"`, ``),
		replace(`"release":"r","reason":"x"`, `"reason":"x","release":"r"`), replace(`"x"}`, `"x","more":1}`),
	} {
		if r, err := parseBody([]byte(body)); err == nil {
			t.Errorf("%s: got %+v, want an error", body, r)
		}
	}
	for _, f := range []float64{math.NaN(), math.Inf(1), -1, math.Copysign(0, -1)} {
		if _, err := formatBody(Record{Kind: Charge, Draws: []Draw{{Sigma: f}}}); err == nil {
			t.Errorf("sigma %v: got no error", f)
		}
	}
}
