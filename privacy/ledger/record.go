package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"lethe/privacy/budget"
)

// Kind is what a record says.
type Kind string

const (
	Genesis   Kind = "GENESIS"
	Budget    Kind = "BUDGET"
	Charge    Kind = "CHARGE"
	Drawn     Kind = "DRAW"
	Resulted  Kind = "RESULT"
	Published Kind = "PUBLISHED"
	Burned    Kind = "BURNED"
)

// Record is one record of the log. Which fields beyond the first four are set depends on its Kind; the package doc has
// the table.
type Record struct {
	Seq  int64 // GENESIS is 0
	Kind Kind
	Time time.Time // when it was appended, in UTC, whole seconds
	Hash string    // lower-case hex, of this record and all before it

	ID string // GENESIS: random, 32 hex digits

	Population string      // BUDGET, CHARGE
	Caps       budget.Caps // BUDGET

	Release              string // CHARGE, DRAW, RESULT, PUBLISHED, BURNED
	Dataset, Window      string // CHARGE
	PlanHash, PolicyHash string // CHARGE
	Supersedes           string // CHARGE: the plan hash that was current before, or empty
	Attempt              int64  // CHARGE
	Cost                 budget.Cost
	Draws                []Draw // CHARGE

	Files  []File // RESULT
	Reason string // BURNED
}

// formatVersion is the number in GENESIS of the format in the package doc.
const formatVersion = 1

// walk is the body's format.
func (r *Record) walk(c *codec) {
	c.lit(`{"seq":`)
	c.int(&r.Seq)
	c.lit(`,"kind":`)
	c.text((*string)(&r.Kind))
	c.lit(`,"time":`)
	c.time(&r.Time)
	switch r.Kind {
	case Genesis:
		c.lit(fmt.Sprintf(`,"format":%d,"id":`, formatVersion))
		c.text(&r.ID)
	case Budget:
		c.lit(`,"population":`)
		c.text(&r.Population)
		c.lit(`,"lifetime":`)
		walkCost(c, &r.Caps.Lifetime)
		c.lit(`,"year":`)
		walkCost(c, &r.Caps.Year)
	case Charge:
		r.walkCharge(c)
	case Drawn, Published:
		r.walkRelease(c)
	case Resulted:
		r.walkRelease(c)
		c.lit(`,"files":`)
		list(c, &r.Files, func(f *File) { f.walk(c) })
	case Burned:
		r.walkRelease(c)
		c.lit(`,"reason":`)
		c.text(&r.Reason)
	default:
		c.fail("unknown kind")
	}
	c.lit(`}`)
}

func (r *Record) walkRelease(c *codec) {
	c.lit(`,"release":`)
	c.text(&r.Release)
}

func (r *Record) walkCharge(c *codec) {
	r.walkRelease(c)
	c.lit(`,"population":`)
	c.text(&r.Population)
	c.lit(`,"dataset":`)
	c.text(&r.Dataset)
	c.lit(`,"window":`)
	c.text(&r.Window)
	c.lit(`,"plan":`)
	c.text(&r.PlanHash)
	c.lit(`,"policy":`)
	c.text(&r.PolicyHash)
	c.lit(`,"supersedes":`)
	c.text(&r.Supersedes)
	c.lit(`,"attempt":`)
	c.int(&r.Attempt)
	c.lit(`,"cost":`)
	walkCost(c, &r.Cost)
	c.lit(`,"draws":`)
	list(c, &r.Draws, func(d *Draw) { d.walk(c) })
}

func (d *Draw) walk(c *codec) {
	c.lit(`{"name":`)
	c.text(&d.Name)
	c.lit(`,"mechanism":`)
	c.text(&d.Mechanism)
	c.lit(`,"cells":`)
	c.int(&d.Cells)
	c.lit(`,"l0":`)
	c.int(&d.L0)
	c.lit(`,"linf":`)
	c.int(&d.LInf)
	c.lit(`,"sigma":`)
	c.float(&d.Sigma)
	c.lit(`,"epsilon":`)
	c.float(&d.Epsilon)
	c.lit(`,"delta":`)
	c.float(&d.Delta)
	c.lit(`,"cost":`)
	walkCost(c, &d.Cost)
	c.lit(`}`)
}

func (f *File) walk(c *codec) {
	c.lit(`{"name":`)
	c.text(&f.Name)
	c.lit(`,"size":`)
	c.int(&f.Size)
	c.lit(`,"sha256":`)
	c.text(&f.SHA256)
	c.lit(`}`)
}

func walkCost(c *codec, v *budget.Cost) {
	c.lit(`{"rho":`)
	c.uint((*uint64)(&v.Rho))
	c.lit(`,"delta":`)
	c.uint((*uint64)(&v.Delta))
	c.lit(`}`)
}

// formatBody returns the body of r.
func formatBody(r Record) ([]byte, error) {
	c := codec{buf: make([]byte, 0, 512)}
	r.walk(&c)
	if c.err != nil {
		return nil, c.err
	}
	if len(c.buf) > maxBody {
		return nil, fmt.Errorf("the record is %d bytes, more than %d", len(c.buf), maxBody)
	}
	return c.buf, nil
}

// parseBody is the strict inverse of formatBody: it accepts what formatBody returns and nothing else, because what it
// read must be written as the same bytes again.
func parseBody(body []byte) (Record, error) {
	var r Record
	c := codec{reading: true, buf: body}
	r.walk(&c)
	if c.err != nil {
		return Record{}, c.err
	}
	again, err := formatBody(r)
	if err != nil {
		return Record{}, err
	}
	if !bytes.Equal(again, body) {
		return Record{}, errors.New("not in canonical form")
	}
	return r, nil
}
