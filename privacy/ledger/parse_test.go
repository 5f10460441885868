package ledger

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// tokens takes a body apart into texts, numbers and what stands between them.
var tokens = regexp.MustCompile(`"[^"]*"|[0-9.+e-]+|.`)

// mutator makes malformed records of good ones, most of them nearly good.
type mutator struct {
	rng    *rand.Rand
	bodies [][][]byte // as tokens
}

func newMutator(seed uint64, s *sealedLog) *mutator {
	m := &mutator{rng: rand.New(rand.NewPCG(seed, 1))}
	for n := range s.records {
		m.bodies = append(m.bodies, tokens.FindAll(body(s.frame(n)), -1))
	}
	return m
}

func (m *mutator) one(from [][]byte) []byte { return from[m.rng.IntN(len(from))] }

func (m *mutator) some() [][]byte { return m.bodies[m.rng.IntN(len(m.bodies))] }

// body returns a record with one to three things wrong.
func (m *mutator) body() []byte {
	t := slices.Clone(m.some())
	for range 1 + m.rng.IntN(3) {
		t = m.mutate(t)
	}
	out := bytes.Join(t, nil)
	if m.rng.IntN(10) == 0 && len(out) > 0 {
		out[m.rng.IntN(len(out))] ^= 1 << m.rng.IntN(8)
	}
	return out
}

func (m *mutator) mutate(t [][]byte) [][]byte {
	if len(t) < 2 {
		return slices.Clone(m.some())
	}
	i, k := m.rng.IntN(len(t)), m.rng.IntN(len(t))
	from, to := min(i, k), max(i, k)
	switch other := m.some(); m.rng.IntN(9) {
	case 0: // left out
		return slices.Delete(t, from, min(to, from+1+m.rng.IntN(8)))
	case 1: // said twice
		return slices.Insert(t, from, slices.Clone(t[from:min(to, from+12)])...)
	case 2: // in another order
		t[i], t[k] = t[k], t[i]
	case 3: // of another record
		return slices.Insert(t, i, m.one(other))
	case 4: // half of another record
		return append(t[:i:i], other[min(i, len(other)):]...)
	case 5: // blanks and more
		return slices.Insert(t, i, []byte([]string{" ", "\n", ",", "}", "]", "{", "[", "null", "\x00", "\ufeff", `\`}[m.rng.IntN(11)]))
	case 6: // cut short
		return t[:i]
	default:
		t[i] = m.token(t[i])
	}
	return t
}

// token writes a token in a form that means the same, nearly the same, or nothing.
func (m *mutator) token(t []byte) []byte {
	s := string(t)
	switch {
	case s == "":
		return []byte("0")
	case s[0] >= '0' && s[0] <= '9':
		return []byte([]string{
			"0" + s, "-" + s, "+" + s, s + ".0", s + "e0", s + "0", "", "0", "1e3", "1e400", "0x1", "NaN", "Inf", "00", "-0", `"` + s + `"`,
			"9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616",
		}[m.rng.IntN(20)])
	case s[0] == '"' && strings.HasSuffix(s, `Z"`) && len(s) == 22:
		return []byte([]string{
			strings.Replace(s, "Z", "+00:00", 1), strings.Replace(s, "Z", ".5Z", 1), strings.Replace(s, "Z", ",0Z", 1),
			strings.Replace(s, "T", " ", 1), strings.Replace(s, "-03-30", "-02-30", 1), strings.Replace(s, "T02", "T24", 1),
			strings.Replace(s, "T02", "T2", 1), strings.ToLower(s), `"0000-01-01T00:00:00Z"`, `"10000-01-01T00:00:00Z"`,
		}[m.rng.IntN(10)])
	case s[0] == '"':
		return []byte([]string{
			`""`, "null", s[:len(s)-1], s[1:], strings.ToUpper(s), strings.ToLower(s), `"` + `\u0041` + s[1:], `"é` + s[1:], "\"\n" + s[1:],
			`"` + strings.Repeat("x", 200) + `"`, `"` + strings.Repeat("x", 201) + `"`, `"a` + s[1:], `"x"`, "\"\x7f" + s[1:], "'" + s[1:],
		}[m.rng.IntN(15)])
	}
	return []byte([]string{"", s + s, " " + s, s + " "}[m.rng.IntN(4)])
}

// loose is the parser without the comparison with what is written: the broken variant.
func loose(text []byte) (Record, error) {
	var r Record
	c := codec{reading: true, buf: text}
	r.walk(&c)
	return r, c.err
}

// parseMutants parses malformed bodies and frames, and returns what was accepted that must not be, how many it parsed,
// how many of them are good records after all, and how many only the comparison with what is written refuses.
func parseMutants(seed uint64, count int, s *sealedLog) (parsed, good, caught int, err error) {
	m := newMutator(seed, s)
	l, _, err := verify(s.log)
	for parsed < count && err == nil {
		text := m.body()
		r, refused := parseBody(text)
		parsed++
		if refused != nil {
			if _, err := loose(text); err == nil {
				caught++
			}
		} else {
			good++
			err = written(text, r)
			_ = l.state.check(&r) // whatever it says, it says it
		}
		if err == nil && parsed%4 == 0 {
			parsed++
			err = m.frame(text, l.last)
		}
	}
	return parsed, good, caught, err
}

// written says whether a record is written as it was read, in ASCII and without blanks outside of texts.
func written(text []byte, r Record) error {
	again, err := formatBody(r)
	if err != nil || !bytes.Equal(again, text) {
		return fmt.Errorf("%q was accepted and is written as %q (%v)", text, again, err)
	}
	if twice, err := parseBody(again); err != nil || !reflect.DeepEqual(twice, r) {
		return fmt.Errorf("%q reads as %+v and then as %+v (%v)", text, r, twice, err)
	}
	for _, t := range tokens.FindAll(text, -1) {
		if t[0] <= ' ' || bytes.ContainsFunc(t, func(c rune) bool { return c < ' ' || c > '~' }) {
			return fmt.Errorf("%q was accepted with %q in it", text, t)
		}
	}
	return nil
}

// frame reads a body in a frame that fits, or nearly fits.
func (m *mutator) frame(text, before []byte) error {
	hash := chain(before, text)
	frame := fmt.Appendf(nil, "%08x %x %s %s\n", len(text), hash, strings.Repeat("0", 128), text)
	switch m.rng.IntN(4) {
	case 0:
		frame[m.rng.IntN(len(frame))] ^= 1 << m.rng.IntN(8)
	case 1:
		copy(frame, fmt.Appendf(nil, "%08x", len(text)+m.rng.IntN(5)-2))
	case 2:
		frame = frame[:m.rng.IntN(len(frame))]
	}
	f, err := readFrame(io.MultiReader(bytes.NewReader(frame), strings.NewReader("more")), before, 200)
	if err != nil {
		return nil
	}
	if !bytes.Equal(f.bytes, frame) || f.hash != hash || !bytes.Equal(body(f.bytes), text) || f.record.Seq != 200 {
		return fmt.Errorf("frame %q was read as %q", frame, f.bytes)
	}
	f.record.Hash = ""
	return written(text, f.record)
}

func TestMalformedRecords(t *testing.T) {
	from, count, s := seedOf(t), 50000, logOf200()
	if *long {
		count = 1_000_000
	}
	var all sync.WaitGroup
	var parsed, good, caught atomic.Int64
	for g := range uint64(2) {
		all.Go(func() {
			n, ok, only, err := parseMutants(from+g, count/2, s)
			if err != nil {
				t.Error(err)
			}
			parsed.Add(int64(n))
			good.Add(int64(ok))
			caught.Add(int64(only))
		})
	}
	all.Wait()
	if caught.Load() == 0 {
		t.Error("the broken variant, a parser that does not compare with what is written: it refuses all the same")
	}
	t.Logf("%d malformed records: no panic; %d are in the one form after all, %d only the comparison with it refuses",
		parsed.Load(), good.Load(), caught.Load())
}

// lines makes malformed notes of a good one.
func (m *mutator) lines(note []byte) []byte {
	all := bytes.SplitAfter(note, []byte("\n"))
	for range 1 + m.rng.IntN(2) {
		i, k := m.rng.IntN(len(all)), m.rng.IntN(len(all))
		switch m.rng.IntN(8) {
		case 0:
			all = slices.Insert(all, i, all[k])
		case 1:
			all = slices.Delete(all, i, min(i+1, len(all)-1))
		case 2:
			all[i], all[k] = all[k], all[i]
		case 3:
			all[i] = m.token(append([]byte("0"), all[i]...))
		case 4:
			all[i] = append([]byte(" "), all[i]...)
		case 5:
			all[i] = bytes.Replace(all[i], []byte("\n"), []byte("\r\n"), 1)
		default:
			if one := bytes.Clone(all[i]); len(one) > 0 {
				const from = "0123456789abcdefABC+/=\n \x00"
				one[m.rng.IntN(len(one))] = from[m.rng.IntN(len(from))]
				all[i] = one
			}
		}
	}
	return bytes.Join(all, nil)
}

// What a key signed is the only checkpoint, statement or proof that passes as signed by it, however it is malformed.
func TestMalformedNotes(t *testing.T) {
	from, count, s := seedOf(t), 4000, logOf200()
	if *long {
		count = 100_000
	}
	l, _, err := verify(s.log)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := l.Prove(120)
	if err != nil {
		t.Fatal(err)
	}
	anna := keyOfPerson("anna")
	said := l.RotateStatement("old", "new")
	signed := said.Note(must(said.sign(anna)))
	other := map[string]int{} // accepted as something else, which only the signature refuses
	check := func(kind string, c Checkpoint, want Checkpoint) {
		if c.Origin == want.Origin && c.Size == want.Size && c.Root == want.Root {
			return
		}
		other[kind]++
		if key := l.keyAt(want.Size - 1); checkNote(c.Note, key) == nil {
			t.Errorf("%s %q passes as signed", kind, c.Note)
		}
	}
	proved := must(l.CheckpointAt(121))
	m := newMutator(from, s)
	for range count {
		note := m.lines(s.final.Note)
		if c, err := ParseCheckpoint(note); err == nil {
			if !bytes.Equal(c.Note, note) || !bytes.HasPrefix(note, []byte(checkpointText(c.Origin, c.Size, c.Root)+"\n")) {
				t.Errorf("checkpoint %q was read as %+v", note, c)
			}
			check("checkpoint", c, s.final)
		}
		if c, err := CheckProof(m.lines(proof), 120, s.records[120].Hash); err == nil {
			if c.Root != proved.Root {
				t.Errorf("a proof under root %v was accepted, of a record under %v", c.Root, proved.Root)
			}
			check("proof", c, proved)
		}
		if again, signatures, err := ParseSigned(m.lines(signed)); err == nil {
			if said2, sigs2, err := ParseSigned(again.Note(signatures...)); err != nil || said2 != again || !slices.Equal(sigs2, signatures) {
				t.Errorf("statement %q with %v reads as %q with %v (%v)", again, signatures, said2, sigs2, err)
			}
			if again == said {
				continue
			}
			other["statement"]++
			for _, sig := range signatures {
				if again.signedBy(sig, anna.verifier) == nil {
					t.Errorf("statement %q passes as signed", again)
				}
			}
		}
	}
	for _, kind := range []string{"checkpoint", "proof", "statement"} {
		if other[kind] == 0 {
			t.Errorf("no malformed %s says something else: that shows nothing of signatures", kind)
		}
	}
	t.Logf("%d malformed notes of each kind; parsed as something else, and refused as signed: %v", count, other)
}

func FuzzParse(f *testing.F) {
	s := logOf200()
	for n := range s.records {
		f.Add(body(s.frame(n)))
	}
	f.Add([]byte(`{"seq":0,"kind":"GENESIS","time":"2026-03-30T02:00:00Z","format":2,"key":"","officers":["",""]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := parseBody(text)
		if err != nil {
			return
		}
		if err := written(text, r); err != nil {
			t.Fatal(err)
		}
		frame, err := formatFrame([]byte{1}, r, func([32]byte) ([]byte, error) { return make([]byte, 64), nil })
		if err != nil {
			t.Fatal(err)
		}
		in := bytes.NewReader(append(bytes.Clone(frame.bytes), 'x'))
		again, err := readFrame(in, []byte{1}, r.Seq)
		if err != nil || !bytes.Equal(again.bytes, frame.bytes) || again.hash != frame.hash {
			t.Fatalf("%q does not read back: %v", frame.bytes, err)
		}
		if left, _ := io.ReadAll(in); string(left) != "x" {
			t.Fatalf("%q: %d bytes are left, want 1", frame.bytes, len(left))
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
	for _, text := range []string{
		"", "{}", "null", good[:len(good)-1], good + " ", " " + good, replace(`:3`, `: 3`), replace(`3`, `03`),
		replace(`3`, `-3`), replace(`3`, `3.0`), replace(`3`, `3e0`), replace(`3`, ``), replace(`3`, `9223372036854775808`),
		replace(`BURNED`, `burned`), replace(`BURNED`, `PANEL`), replace(`BURNED`, `LATER`), replace(`02:00:00Z`, `02:00:00+00:00`),
		replace(`02:00:00Z`, `02:00:00.5Z`), replace(`03-30`, `02-30`), replace(`"x"`, `"\u0078"`), replace(`"x"`, `"é"`),
		replace(`"x"`, `"`+strings.Repeat("x", 201)+`"`), replace(`"x"`, `null`), replace(`,"reason":"x"`, ``),
		replace(`"release":"r","reason":"x"`, `"reason":"x","release":"r"`), replace(`"x"}`, `"x","more":1}`),
	} {
		if r, err := parseBody([]byte(text)); err == nil {
			t.Errorf("%s: got %+v, want an error", text, r)
		}
	}
	for _, f := range []float64{math.NaN(), math.Inf(1), -1, math.Copysign(0, -1)} {
		if _, err := formatBody(Record{Kind: Charge, Draws: []Draw{{Sigma: f}}}); err == nil {
			t.Errorf("sigma %v: got no error", f)
		}
	}
	if _, err := formatBody(Record{Kind: Annotate, Text: strings.Repeat("x", 201)}); err == nil {
		t.Error("a text of 201 bytes: got no error")
	}
	many := Record{Kind: Resulted, Files: slices.Repeat(files[:1], 1<<14)}
	if _, err := formatBody(many); err == nil {
		t.Error("a record of more than 2^20 bytes: got no error")
	}
}
