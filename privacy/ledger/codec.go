package ledger

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"time"
)

// A codec walks over a record's fields and either writes or reads them, so that one description of a record's shape is
// both its format and its parser. It stops at the first error. Reading accepts a few forms that writing does not produce
// (leading zeros, fractions of a second); parseBody refuses them by writing the record again.
type codec struct {
	reading bool
	buf     []byte // what was written, or what is still to be read
	err     error
}

func (c *codec) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

// lit writes s, or wants to read exactly s.
func (c *codec) lit(s string) {
	switch {
	case c.err != nil:
	case !c.reading:
		c.buf = append(c.buf, s...)
	case !bytes.HasPrefix(c.buf, []byte(s)):
		c.fail("want %s", s)
	default:
		c.buf = c.buf[len(s):]
	}
}

// key is the name of a field after the first.
func (c *codec) key(name string) { c.lit(`,"` + name + `":`) }

// field is a named text.
func (c *codec) field(name string, s *string) {
	c.key(name)
	c.text(s)
}

// number is a named integer.
func (c *codec) number(name string, v *int64) {
	c.key(name)
	c.int(v)
}

// text is a string of at most 200 bytes of printable ASCII without quote and backslash, so that nothing is ever escaped.
func (c *codec) text(s *string) {
	c.lit(`"`)
	if c.reading && c.err == nil {
		end := bytes.IndexByte(c.buf, '"')
		if end < 0 {
			c.fail("text without an end")
			return
		}
		*s, c.buf = string(c.buf[:end]), c.buf[end:]
	}
	if !plain(*s) {
		c.fail("text is not plain ASCII of at most 200 bytes without quotes or backslashes")
	}
	if !c.reading {
		c.lit(*s)
	}
	c.lit(`"`)
}

func plain(s string) bool {
	if len(s) > 200 {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\' {
			return false
		}
	}
	return true
}

// token reads the characters of a number.
func (c *codec) token() string {
	n := 0
	for n < len(c.buf) && bytes.IndexByte([]byte("0123456789+-.e"), c.buf[n]) >= 0 {
		n++
	}
	s := string(c.buf[:n])
	c.buf = c.buf[n:]
	return s
}

// uint is an integer ≥ 0 in decimal without leading zeros.
func (c *codec) uint(v *uint64) {
	if c.err != nil {
		return
	}
	if !c.reading {
		c.buf = strconv.AppendUint(c.buf, *v, 10)
		return
	}
	u, err := strconv.ParseUint(c.token(), 10, 64)
	if err != nil {
		c.fail("want an integer")
		return
	}
	*v = u
}

// int is a uint of at most 2^63−1.
func (c *codec) int(v *int64) {
	u := uint64(*v)
	c.uint(&u)
	if u > math.MaxInt64 {
		c.fail("an integer is negative or does not fit")
		return
	}
	if c.reading {
		*v = int64(u)
	}
}

// float is a finite number ≥ 0 in the shortest form that reads back, as strconv.FormatFloat(v, 'g', -1, 64) writes it.
func (c *codec) float(v *float64) {
	if c.reading && c.err == nil {
		f, err := strconv.ParseFloat(c.token(), 64)
		if err != nil {
			c.fail("want a number")
			return
		}
		*v = f
	}
	if math.IsNaN(*v) || math.IsInf(*v, 0) || math.Signbit(*v) {
		c.fail("a number is negative or not finite")
	}
	if !c.reading {
		c.lit(strconv.FormatFloat(*v, 'g', -1, 64))
	}
}

const timeLayout = "2006-01-02T15:04:05Z"

// time is a second in UTC, years 0000 to 9999.
func (c *codec) time(v *time.Time) {
	s := v.UTC().Format(timeLayout)
	c.text(&s)
	if c.err != nil {
		return
	}
	t, err := time.Parse(timeLayout, s)
	if err != nil {
		c.fail("want a time like %s", timeLayout)
		return
	}
	if c.reading {
		*v = t
	}
}

// list is [a,b,…].
func list[T any](c *codec, v *[]T, walk func(*T)) {
	c.lit("[")
	if !c.reading {
		for i := range *v {
			if i > 0 {
				c.lit(",")
			}
			walk(&(*v)[i])
		}
		c.lit("]")
		return
	}
	*v = nil
	for c.err == nil && !bytes.HasPrefix(c.buf, []byte("]")) {
		if len(*v) > 0 {
			c.lit(",")
		}
		var x T
		walk(&x)
		*v = append(*v, x)
	}
	c.lit("]")
}
