package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A body is what one record says.
type body interface {
	head() *headBody
	// enter takes the record, which has this hash, into the books, and notes as
	// faults what it breaks.
	enter(b *books, hash string)
}

// headBody begins every body. The fields of each body stand in the order of the
// format, so that encoding/json writes its one form.
type headBody struct {
	Seq  int64  `json:"seq"`
	Kind string `json:"kind"`
	Time string `json:"time"`
}

func (h *headBody) head() *headBody { return h }

type genesisBody struct {
	headBody
	Format   int64    `json:"format"`
	Key      string   `json:"key"`
	Officers []string `json:"officers"`
}

type budgetBody struct {
	headBody
	Population string          `json:"population"`
	Project    string          `json:"project"`
	Lifetime   costBody        `json:"lifetime"`
	Year       costBody        `json:"year"`
	Signatures []signatureBody `json:"signatures"`
}

type policyBody struct {
	headBody
	Population string `json:"population"`
	Policy     string `json:"policy"`
	Version    int64  `json:"version"`
	Hash       string `json:"hash"`
}

type chargeBody struct {
	headBody
	Release    string     `json:"release"`
	Population string     `json:"population"`
	Project    string     `json:"project"`
	Request    string     `json:"request"`
	Dataset    string     `json:"dataset"`
	Window     string     `json:"window"`
	Plan       string     `json:"plan"`
	Policy     string     `json:"policy"`
	Supersedes string     `json:"supersedes"`
	Attempt    int64      `json:"attempt"`
	Cost       costBody   `json:"cost"`
	Draws      []drawBody `json:"draws"`
}

type panelBody struct {
	chargeBody
	Year   int64 `json:"year"`
	Panels int64 `json:"panels"`
	Panel  int64 `json:"panel"`
}

// stepBody is DRAW or PUBLISHED.
type stepBody struct {
	headBody
	Release string `json:"release"`
}

type resultBody struct {
	headBody
	Release string     `json:"release"`
	Files   []fileBody `json:"files"`
}

type burnedBody struct {
	headBody
	Release string `json:"release"`
	Reason  string `json:"reason"`
}

type approveBody struct {
	headBody
	Request    string          `json:"request"`
	Plan       string          `json:"plan"`
	Expires    string          `json:"expires"`
	Signatures []signatureBody `json:"signatures"`
}

type withdrawBody struct {
	headBody
	Release string `json:"release"`
	Request string `json:"request"`
	Reason  string `json:"reason"`
}

type rotatedBody struct {
	headBody
	Old        string          `json:"old"`
	New        string          `json:"new"`
	Signatures []signatureBody `json:"signatures"`
}

type annotateBody struct {
	headBody
	About int64  `json:"about"`
	Text  string `json:"text"`
}

type costBody struct {
	Rho     uint64 `json:"rho"`
	Delta   uint64 `json:"delta"`
	Epsilon uint64 `json:"epsilon"`
}

func (c costBody) amounts() amounts {
	return amounts{new(big.Int).SetUint64(c.Rho), new(big.Int).SetUint64(c.Delta), new(big.Int).SetUint64(c.Epsilon)}
}

type drawBody struct {
	Name      string      `json:"name"`
	Mechanism string      `json:"mechanism"`
	Cells     int64       `json:"cells"`
	L0        int64       `json:"l0"`
	LInf      int64       `json:"linf"`
	Sigma     json.Number `json:"sigma"`
	Epsilon   json.Number `json:"epsilon"`
	Delta     json.Number `json:"delta"`
	Cost      costBody    `json:"cost"`
}

type fileBody struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

type signatureBody struct {
	Name      string `json:"name"`
	Signature string `json:"signature"`
}

// empty returns a body of a kind, to be filled in, or nil for one that is not
// known.
func empty(kind string) body {
	switch kind {
	case "GENESIS":
		return &genesisBody{}
	case "BUDGET":
		return &budgetBody{}
	case "POLICY":
		return &policyBody{}
	case "CHARGE":
		return &chargeBody{}
	case "PANEL":
		return &panelBody{}
	case "DRAW", "PUBLISHED":
		return &stepBody{}
	case "RESULT":
		return &resultBody{}
	case "BURNED":
		return &burnedBody{}
	case "APPROVE":
		return &approveBody{}
	case "WITHDRAW":
		return &withdrawBody{}
	case "KEYROTATED":
		return &rotatedBody{}
	case "ANNOTATE":
		return &annotateBody{}
	}
	return nil
}

var (
	identifier = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)
	kindOf     = regexp.MustCompile(`^\{"seq":[0-9]+,"kind":"([A-Z]+)"`)
)

// read reads a body in exactly its one form.
func read(text []byte) (body, error) {
	found := kindOf.FindSubmatch(text)
	if found == nil {
		return nil, errors.New("it does not begin with its number and kind")
	}
	record := empty(string(found[1]))
	if record == nil {
		return nil, errors.New("its kind is not known")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(record); err != nil {
		return nil, errors.New("it is not JSON of the fields of its kind")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more follows behind it")
	}
	if err := plainText(text); err != nil {
		return nil, err
	}
	var again bytes.Buffer
	e := json.NewEncoder(&again)
	e.SetEscapeHTML(false)
	if err := e.Encode(record); err != nil || !bytes.Equal(bytes.TrimSuffix(again.Bytes(), []byte("\n")), text) {
		return nil, errors.New("it is not in its one form")
	}
	if _, err := readTime(record.head().Time); err != nil {
		return nil, err
	}
	return record, nil
}

// plainText holds what encoding/json lets pass and the format does not: texts
// that are long or escaped, lists that are null, numbers below zero.
func plainText(text []byte) error {
	if len(text) > longestBody {
		return errors.New("it is longer than a record may be")
	}
	for _, c := range text {
		if c < ' ' || c > '~' || c == '\\' {
			return errors.New("it holds a byte that no record holds")
		}
	}
	for i, part := range strings.Split(string(text), `"`) {
		inText := i%2 == 1 // nothing is escaped, so that quotes come in pairs
		if inText && len(part) > 200 {
			return errors.New("a text is longer than 200 bytes")
		}
		if !inText && (strings.Contains(part, "null") || strings.Contains(part, ":-")) {
			return errors.New("a value is missing or below zero")
		}
	}
	return nil
}

// readTime reads a time of the one form, a second in UTC.
func readTime(s string) (time.Time, error) {
	const form = "2006-01-02T15:04:05Z"
	t, err := time.Parse(form, s)
	if err != nil || t.Format(form) != s {
		return time.Time{}, errors.New("a time is not like 2026-03-30T02:00:00Z")
	}
	return t, nil
}

// windowEnd is the day after a window's last.
func windowEnd(window string) (string, error) {
	from, to, _ := strings.Cut(window, "/")
	first, err1 := time.Parse(time.DateOnly, from)
	after, err2 := time.Parse(time.DateOnly, to)
	if err1 != nil || err2 != nil || !first.Before(after) {
		return "", errors.New("the window is not two days, the first before the second")
	}
	return to, nil
}

// check says what is wrong with a draw on its own.
func (d *drawBody) check(costs bool) error {
	for _, n := range []json.Number{d.Sigma, d.Epsilon, d.Delta} {
		f, err := strconv.ParseFloat(string(n), 64)
		if err != nil || math.IsInf(f, 0) || f < 0 || math.Signbit(f) || strconv.FormatFloat(f, 'g', -1, 64) != string(n) {
			return fmt.Errorf("draw %q: a number is not finite, or not in its one form", d.Name)
		}
	}
	if d.Name == "" || d.Mechanism == "" || d.Cells < 1 || d.L0 < 1 || d.LInf < 0 {
		return fmt.Errorf("draw %q: a name is missing, or a number is too small", d.Name)
	}
	if costs && d.Cost == (costBody{}) {
		return fmt.Errorf("draw %q: it costs nothing", d.Name)
	}
	// ε²/2 ≤ ρ, in units: ε² ≤ 2e6·ρ.
	cost := d.Cost.amounts()
	square := new(big.Int).Mul(cost[2], cost[2])
	if square.Cmp(new(big.Int).Mul(cost[0], big.NewInt(2_000_000))) > 0 {
		return fmt.Errorf("draw %q: its ρ is below that of its ε", d.Name)
	}
	return nil
}
