package ledger

import (
	"bytes"
	"errors"
	"fmt"

	"lethe/privacy/budget"
)

// formatVersion is the number in GENESIS of the format in the package doc.
const formatVersion = 2

// walk is the body's format.
func (r *Record) walk(c *codec) {
	c.lit(`{"seq":`)
	c.int(&r.Seq)
	c.key("kind")
	c.text((*string)(&r.Kind))
	c.key("time")
	c.time(&r.Time)
	switch r.Kind {
	case Genesis:
		c.lit(fmt.Sprintf(`,"format":%d`, formatVersion))
		c.field("key", &r.Key)
		c.key("officers")
		list(c, &r.Officers, c.text)
	case Budget:
		c.field("population", &r.Population)
		c.field("project", &r.Project)
		c.key("lifetime")
		walkCost(c, &r.Caps.Lifetime)
		c.key("year")
		walkCost(c, &r.Caps.Year)
		r.walkSignatures(c)
	case Policy:
		c.field("population", &r.Population)
		c.field("policy", &r.Policy)
		c.number("version", &r.Version)
		c.field("hash", &r.PolicyHash)
	case Charge, Panelled:
		r.walkCharge(c)
	case Drawn, Published:
		c.field("release", &r.Release)
	case Resulted:
		c.field("release", &r.Release)
		c.key("files")
		list(c, &r.Files, func(f *File) { f.walk(c) })
	case Burned:
		c.field("release", &r.Release)
		c.field("reason", &r.Reason)
	default:
		r.walkOfficers(c)
	}
	c.lit(`}`)
}

// walkOfficers is the format of what people say about requests, keys and records.
func (r *Record) walkOfficers(c *codec) {
	switch r.Kind {
	case Approve:
		c.field("request", &r.Request)
		c.field("plan", &r.PlanHash)
		c.key("expires")
		c.time(&r.Expires)
		r.walkSignatures(c)
	case Withdraw:
		c.field("release", &r.Release)
		c.field("request", &r.Request)
		c.field("reason", &r.Reason)
	case KeyRotated:
		c.field("old", &r.Old)
		c.field("new", &r.New)
		r.walkSignatures(c)
	case Annotate:
		c.number("about", &r.About)
		c.field("text", &r.Text)
	default:
		c.fail("a kind of record that this version does not know")
	}
}

func (r *Record) walkCharge(c *codec) {
	c.field("release", &r.Release)
	c.field("population", &r.Population)
	c.field("project", &r.Project)
	c.field("request", &r.Request)
	c.field("dataset", &r.Dataset)
	c.field("window", &r.Window)
	c.field("plan", &r.PlanHash)
	c.field("policy", &r.PolicyHash)
	c.field("supersedes", &r.Supersedes)
	c.number("attempt", &r.Attempt)
	c.key("cost")
	walkCost(c, &r.Cost)
	c.key("draws")
	list(c, &r.Draws, func(d *Draw) { d.walk(c) })
	if r.Kind == Panelled {
		c.number("year", &r.Panel.Year)
		c.number("panels", &r.Panel.Of)
		c.number("panel", &r.Panel.Number)
	}
}

func (r *Record) walkSignatures(c *codec) {
	c.key("signatures")
	list(c, &r.Signatures, func(s *Signature) {
		c.lit(`{"name":`)
		c.text(&s.Name)
		c.field("signature", &s.Base64)
		c.lit(`}`)
	})
}

func (d *Draw) walk(c *codec) {
	c.lit(`{"name":`)
	c.text(&d.Name)
	c.field("mechanism", &d.Mechanism)
	c.number("cells", &d.Cells)
	c.number("l0", &d.L0)
	c.number("linf", &d.LInf)
	c.key("sigma")
	c.float(&d.Sigma)
	c.key("epsilon")
	c.float(&d.Epsilon)
	c.key("delta")
	c.float(&d.Delta)
	c.key("cost")
	walkCost(c, &d.Cost)
	c.lit(`}`)
}

func (f *File) walk(c *codec) {
	c.lit(`{"name":`)
	c.text(&f.Name)
	c.number("size", &f.Size)
	c.field("sha256", &f.SHA256)
	c.lit(`}`)
}

func walkCost(c *codec, v *budget.Cost) {
	c.lit(`{"rho":`)
	c.uint((*uint64)(&v.Rho))
	c.key("delta")
	c.uint((*uint64)(&v.Delta))
	c.key("epsilon")
	c.uint((*uint64)(&v.Epsilon))
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
