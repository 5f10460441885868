package duck

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata"
	"unicode"

	"lethe/transforms"
)

// The oracle does what each step's doc comment says, one row after the other,
// with no thought of speed. Where it and the SQL disagree, one of the two does
// not do what the comment says.

// oracle runs a step. from holds the step's relations in order, named the
// public ones by name.
func oracle(step transforms.Step, from []table, named map[string]table) []row {
	switch s := step.(type) {
	case transforms.Read:
		return readRows(s, from[0].rows)
	case transforms.Decided:
		return decidedRows(s, from[0].rows)
	case transforms.Objected:
		return objectedRows(s, from[0].rows)
	case transforms.Screened:
		return screenedRows(s, from, named)
	case transforms.Admitted:
		return admittedRows(s, from[0].rows, from[1].rows)
	case transforms.Unlink:
		return unlinkRows(s, from[0].rows, from[1].rows)
	case transforms.Civil:
		return civilRows(s, from[0].rows)
	case transforms.Unique:
		return uniqueRows(s, from[0].rows)
	case transforms.Derive:
		return deriveRows(s, from[0].rows)
	case transforms.Fixed:
		return fixedRows(s, from[0].rows)
	case transforms.Unit:
		return unitRows(s, from[0].rows)
	case transforms.People:
		return peopleRows(s, from[0].rows)
	case transforms.Banded:
		return bandedRows(s, from[0].rows, from[1].rows)
	case transforms.Cells:
		return cellsRows(s, from)
	}
	panic(fmt.Sprintf("no oracle for %T", step))
}

func readRows(s transforms.Read, in []row) []row {
	var out []row
	for _, r := range in {
		if t := s.Time; t != nil && t.Native {
			at, ok := r[t.Source].(time.Time)
			if !ok || at.Before(isoDay(t.From)) || !at.Before(isoDay(t.To)) {
				continue
			}
		}
		o := row{"account": accountOf(s.Account, r)}
		misread := int64(0)
		if t := s.Time; t != nil {
			o["at"] = timeOfRow(s, r[t.Source])
			if r[t.Source] != nil && o["at"] == nil {
				misread++
			}
		}
		if s.Arrived != nil {
			o["arrived"] = readValue(s.Text, *s.Arrived, r)
		}
		for _, c := range s.Columns {
			o[c.As] = readValue(s.Text, c, r)
			if text, _ := r[c.Source].(string); c.Type != transforms.String && text != "" && o[c.As] == nil {
				misread++
			}
		}
		if s.Text {
			o["misread"] = misread
		}
		out = append(out, o)
	}
	return out
}

func accountOf(k transforms.AccountKey, r row) any {
	if k.Constant != "" {
		return k.Constant
	}
	v := r[k.Column]
	if v == nil || k.Type == transforms.Int {
		return v
	}
	id := strings.TrimFunc(fmt.Sprint(v), func(r rune) bool { return unicode.Is(unicode.Zs, r) })
	if id == "" {
		return nil
	}
	return id
}

// layouts are the strptime formats that the tests use, in Go's notation.
var layouts = map[string]string{
	"%m/%d/%Y %I:%M:%S %p": "1/2/2006 3:04:05 PM",
	"%d/%m/%Y":             "2/1/2006",
	"%Y-%m-%d %H:%M:%S":    "2006-1-2 15:4:5",
}

func readValue(text bool, c transforms.ReadColumn, r row) any {
	v := r[c.Source]
	if v == nil || !text {
		return v
	}
	return parseText(c.Type, c.Format, v.(string))
}

func parseText(typ transforms.Type, format, s string) any {
	match := func(re string) bool { return regexp.MustCompile("^(?:" + re + ")$").MatchString(s) }
	switch typ {
	case transforms.String:
		if s != "" {
			return s
		}
	case transforms.Int:
		if match(`[+-]?\d{1,18}`) {
			n, _ := strconv.ParseInt(s, 10, 64)
			return n
		}
	case transforms.Decimal:
		if match(`[+-]?\d+(\.\d+)?([eE][+-]?\d{1,3})?`) {
			if f, err := strconv.ParseFloat(s, 64); err == nil {
				return f
			}
		}
	case transforms.Bool:
		switch strings.ToLower(s) {
		case "true", "1":
			return true
		case "false", "0":
			return false
		}
	case transforms.Date, transforms.Timestamp:
		layout := time.DateOnly
		if typ == transforms.Timestamp {
			layout, s = "2006-01-02 15:04:05", strings.Replace(strings.TrimSuffix(s, "Z"), "T", " ", 1)
		}
		if format != "" {
			layout = layouts[format]
		}
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return nil
}

func timeOfRow(s transforms.Read, v any) any {
	t := s.Time
	var at any
	switch text, isText := v.(string); {
	case v == nil:
		return nil
	case t.Kind == "epoch_s" || t.Kind == "epoch_ms":
		n, ok := v.(int64)
		if isText {
			i, err := strconv.ParseUint(text, 10, 63)
			n, ok = int64(i), err == nil
		}
		if t.Kind == "epoch_s" && ok && n >= 0 && n <= 9_999_999_999 {
			at = time.Unix(n, 0).UTC()
		}
		if t.Kind == "epoch_ms" && ok && n >= 0 && n <= 9_999_999_999_999 {
			at = time.UnixMilli(n).UTC()
		}
	case isText && t.Kind == "date":
		at = parseText(transforms.Date, t.Format, text)
	case isText:
		at = parseText(transforms.Timestamp, t.Format, text)
	default:
		at = v
		if t.Kind == "date" {
			at = civilDay(v.(time.Time))
		}
	}
	if when, ok := at.(time.Time); ok && len(t.Expect) == 2 && (when.Before(isoDay(t.Expect[0])) || !when.Before(isoDay(t.Expect[1]))) {
		return nil
	}
	return at
}

func isoDay(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

func civilDay(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

func isoStamp(s string) time.Time {
	t, err := time.Parse("2006-01-02 15:04:05", s)
	if err != nil {
		return isoDay(s)
	}
	return t
}

func decidedRows(s transforms.Decided, in []row) []row {
	yes, no := map[any]time.Time{}, map[any]time.Time{}
	seen := map[any]bool{}
	for _, r := range in {
		if r["purpose"] != s.Purpose {
			continue
		}
		status, _ := r["status"].(string)
		at, stamped := r["decided_at"].(time.Time)
		if r["status"] != nil && slices.Contains(s.Granted, status) {
			if stamped && !at.Equal(farPast) && !at.After(isoStamp(s.Now)) && (!seen[r["account"]] || at.After(yes[r["account"]])) {
				yes[r["account"]], seen[r["account"]] = at, true
			}
			continue
		}
		if !stamped {
			at = farFuture.AddDate(1, 0, 0)
		}
		if have, ok := no[r["account"]]; !ok || at.After(have) {
			no[r["account"]] = at
		}
	}
	var out []row
	for account := range seen {
		if refused, ok := no[account]; !ok || yes[account].After(refused) {
			out = append(out, row{"account": account})
		}
	}
	return out
}

func objectedRows(s transforms.Objected, in []row) []row {
	standing := map[any]bool{}
	for _, r := range in {
		if r["account"] == nil || s.Purpose != "" && r["purpose"] != nil && r["purpose"] != s.Purpose {
			continue
		}
		if at, ok := r["lifted_at"].(time.Time); s.Lifted && ok && !at.After(isoStamp(s.Now)) {
			continue
		}
		standing[r["account"]] = true
	}
	var out []row
	for account := range standing {
		out = append(out, row{"account": account})
	}
	return out
}

func screenedRows(s transforms.Screened, from []table, named map[string]table) []row {
	copies := map[any]int{}
	for _, r := range from[0].rows {
		copies[r["account"]]++
	}
	holds := func(i int, account any) bool {
		return i < len(from) && slices.ContainsFunc(from[i].rows, func(r row) bool { return r["account"] == account })
	}
	var out []row
	done := map[any]bool{}
	for _, r := range from[0].rows {
		account := r["account"]
		if account == nil || done[account] {
			continue
		}
		done[account] = true
		o := row{"account": account}
		young := false
		if s.Age != nil {
			if age, ok := ageOn(s.Start, r[s.Age.Column]); ok {
				young = age < s.Age.Years
			} else {
				young = !s.Age.Unknown
			}
		}
		excluded := false
		for _, e := range s.Excluded {
			excluded = excluded || oneOf(e.Where, r) || e.Text != "" && r[e.Text] != nil && r[e.Column] == nil
		}
		for _, c := range s.Codes {
			code, _ := codeOf(c, s.Start, r, named)
			o[c.Name] = int64(code)
		}
		switch {
		case copies[account] > 1:
			o["refused"] = "repeated"
		case s.Erasure != "" && r[s.Erasure] != nil:
			o["refused"] = "erasure"
		case s.Objection && holds(2, account):
			o["refused"] = "objection"
		case s.Consent && !holds(1, account):
			o["refused"] = "consent"
		case excluded:
			o["refused"] = "excluded"
		case young:
			o["refused"] = "age"
		}
		if s.Zone != "" {
			o["zone"] = s.Fallback
			for _, z := range named[s.Zones].rows {
				if z["value"] == r[s.Zone] {
					o["zone"] = z["value"]
				}
			}
		}
		for _, m := range s.Measures {
			v, _ := gridValue(m.FixedMeasure, r[m.Column])
			if g, ok := v.(int64); ok {
				v = min(max(g, m.Low), m.High) - m.Low
			}
			o[m.Name] = v
		}
		out = append(out, o)
	}
	return out
}

// ageOn is the completed years on a day; who is born on 29 February completes
// one on 1 March of a common year.
func ageOn(day string, birth any) (int, bool) {
	b, ok := birth.(time.Time)
	if !ok || b.Equal(farFuture) || b.Equal(farPast) {
		return 0, false
	}
	d := isoDay(day)
	years := d.Year() - b.Year()
	if d.Month() < b.Month() || d.Month() == b.Month() && d.Day() < b.Day() {
		years--
	}
	return years, true
}

func oneOf(w transforms.Where, r row) bool {
	for _, text := range w.Values {
		v, err := parseCell(w.Type, text)
		if err != nil {
			panic(err)
		}
		if at, ok := v.(time.Time); ok {
			if have, ok := r[w.Column].(time.Time); ok && have.Equal(at) {
				return true
			}
		} else if r[w.Column] != nil && r[w.Column] == v {
			return true
		}
	}
	return false
}

func codeOf(c transforms.Code, start string, r row, named map[string]table) (code int, known bool) {
	v := r[c.Column]
	switch {
	case c.Lookup != "":
		if v == nil {
			return c.Unknown, true
		}
		s := strings.TrimFunc(v.(string), func(r rune) bool { return unicode.Is(unicode.Zs, r) })
		if c.Fold {
			s = strings.ToUpper(s)
		}
		if c.Shape == "" || regexp.MustCompile("^(?:"+c.Shape+")$").MatchString(s) {
			if c.Prefix > 0 {
				s = string([]rune(s)[:min(c.Prefix, len([]rune(s)))])
			}
			for _, l := range named[c.Lookup].rows {
				if l["value"] == s {
					return int(l["code"].(int64)), true
				}
			}
		}
		return c.Other, c.Other >= 0
	case len(c.Edges) == 0:
		return 0, true
	}
	var below func(edge string) bool
	switch x := v.(type) {
	case time.Time:
		if x.Equal(farFuture) || x.Equal(farPast) {
			return c.Unknown, true
		}
		below = func(edge string) bool { return x.Before(isoDay(edge)) }
		if c.Input == "age" {
			age, _ := ageOn(start, x)
			below = func(edge string) bool { return float64(age) < number(edge) }
		}
	case int64:
		below = func(edge string) bool { return float64(x) < number(edge) }
	case float64:
		below = func(edge string) bool { return x < number(edge) }
		if math.IsNaN(x) {
			return c.Unknown, true
		}
	default:
		return c.Unknown, true
	}
	return sort.Search(len(c.Edges), func(i int) bool { return below(c.Edges[i]) }), true
}

func number(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		panic(err)
	}
	return f
}

func rat(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic(s)
	}
	return r
}

// gridValue says also whether the value is implausible.
func gridValue(m transforms.FixedMeasure, v any) (grid any, bad bool) {
	lo, hi := rat(m.Lo), rat(m.Hi)
	var x *big.Rat
	switch v := v.(type) {
	case nil:
		return nil, false
	case int64:
		x = new(big.Rat).SetInt64(v)
	case float64:
		switch {
		case math.IsNaN(v):
			return nil, true
		case math.IsInf(v, 1):
			x = new(big.Rat).Add(hi, big.NewRat(1, 1))
		case math.IsInf(v, -1):
			x = new(big.Rat).Sub(lo, big.NewRat(1, 1))
		default:
			x = new(big.Rat).SetFloat64(v)
			// a decimal bound is compared as the float next to it
			lo, hi = new(big.Rat).SetFloat64(number(m.Lo)), new(big.Rat).SetFloat64(number(m.Hi))
		}
	}
	bad = x.Cmp(lo) < 0 || x.Cmp(hi) > 0
	switch {
	case bad && !m.Clamp:
		return nil, true
	case x.Cmp(lo) < 0:
		x = lo
	case x.Cmp(hi) > 0:
		x = hi
	}
	f, _ := x.Float64()
	if m.Whole() {
		return int64(math.Round(f)), bad
	}
	return int64(math.Round(f * float64(m.Times) / float64(m.Over))), bad
}

func admittedRows(s transforms.Admitted, screened, keys []row) []row {
	var out []row
	for _, r := range screened {
		for _, k := range keys {
			if r["refused"] != nil || r["account"] != k["account"] {
				continue
			}
			o := row{"account": r["account"], "subject": k["subject"]}
			if s.Zone {
				o["zone"] = r["zone"]
			}
			out = append(out, carry(o, r, s.Codes))
		}
	}
	return out
}

func carry(to, from row, names []string) row {
	for _, n := range names {
		to[n] = from[n]
	}
	return to
}

func unlinkRows(s transforms.Unlink, in, admitted []row) []row {
	var out []row
	for _, r := range in {
		for _, p := range admitted {
			if r["account"] == nil || r["account"] != p["account"] {
				continue
			}
			if len(s.Only) > 0 && !slices.ContainsFunc(s.Only, func(set []transforms.Where) bool {
				return !slices.ContainsFunc(set, func(w transforms.Where) bool { return !oneOf(w, r) })
			}) {
				continue
			}
			o := row{"subject": p["subject"]}
			if s.Zone {
				o["zone"] = p["zone"]
			}
			out = append(out, carry(o, r, s.Keep))
		}
	}
	return out
}

func civilRows(s transforms.Civil, in []row) []row {
	var out []row
	for _, r := range in {
		at, ok := r["at"].(time.Time)
		if arrived, has := r["arrived"].(time.Time); !ok || s.Closed != "" && has && !arrived.Before(isoDay(s.Closed)) {
			continue
		}
		local := at
		if s.Instant() {
			name := s.Zone
			if s.PersonZone {
				name = r["zone"].(string)
			}
			zone, err := time.LoadLocation(name)
			if err != nil {
				panic(err)
			}
			_, offset := at.In(zone).Zone()
			local = at.Add(time.Duration(offset) * time.Second)
		}
		day := civilDay(local)
		if day.Before(isoDay(s.Start)) || !day.Before(isoDay(s.End)) {
			continue
		}
		out = append(out, carry(row{"subject": r["subject"], "day": day, "local": local}, r, s.Keep))
	}
	return out
}

// groups puts rows of equal columns together.
func groups(in []row, by []string) [][]row {
	at := map[string]int{}
	var out [][]row
	for _, r := range in {
		key := ""
		for _, b := range by {
			key += fmt.Sprintf("%v|", r[b])
		}
		if _, ok := at[key]; !ok {
			at[key] = len(out)
			out = append(out, nil)
		}
		out[at[key]] = append(out[at[key]], r)
	}
	return out
}

// order compares two values of one type; what is missing comes first.
func order(a, b any) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	switch a := a.(type) {
	case int64:
		return cmp.Compare(a, b.(int64))
	case string:
		return cmp.Compare(a, b.(string))
	case bool:
		return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))
	case time.Time:
		return a.Compare(b.(time.Time))
	case float64: // NaN is above everything
		switch b := b.(float64); {
		case math.IsNaN(a) && math.IsNaN(b):
			return 0
		case math.IsNaN(a):
			return 1
		case math.IsNaN(b):
			return -1
		default:
			return cmp.Compare(a, b)
		}
	}
	panic(fmt.Sprintf("%T", a))
}

func sum(in []row, name string) any {
	var total int64
	for _, r := range in {
		if v, ok := r[name].(int64); ok {
			total += v
		}
	}
	return total
}

func uniqueRows(s transforms.Unique, in []row) []row {
	var out []row
	for _, g := range groups(in, append([]string{"subject"}, s.Keys...)) {
		o := carry(row{"subject": g[0]["subject"], "day": g[0]["day"], "local": g[0]["local"], "copies": int64(len(g) - 1), "conflict": int64(0)}, g[0], s.Keys)
		agreed := true
		best := g[0]
		for _, r := range g {
			if order(r["day"], o["day"]) < 0 {
				o["day"] = r["day"]
			}
			if order(r["local"], o["local"]) > 0 {
				o["local"] = r["local"]
			}
			if slices.ContainsFunc(s.Values, func(v string) bool { return order(r[v], g[0][v]) != 0 }) {
				agreed = false
			}
			for _, by := range append(append([]string{"arrived"}, s.Values...), "local") {
				if c := order(r[by], best[by]); c != 0 {
					if c > 0 {
						best = r
					}
					break
				}
			}
		}
		switch {
		case s.Last:
			carry(o, best, append([]string{"day", "local"}, s.Values...))
		case agreed:
			carry(o, g[0], s.Values)
		default:
			o["conflict"] = int64(1)
		}
		for _, t := range s.Sums {
			o[t] = sum(g, t)
		}
		out = append(out, o)
	}
	return out
}

func deriveRows(s transforms.Derive, in []row) []row {
	var out []row
	for _, r := range in {
		o := carry(row{"subject": r["subject"], "day": r["day"], "local": r["local"]}, r, s.Keep)
		for _, v := range s.Variables {
			if slices.ContainsFunc(v.Where, func(w transforms.Where) bool { return !oneOf(w, r) }) {
				continue
			}
			o[v.Name] = derived(v, r)
		}
		out = append(out, o)
	}
	return out
}

func derived(v transforms.Derived, r row) any {
	day, local := r["day"].(time.Time), r["local"].(time.Time)
	switch v.Func {
	case "scale":
		x, ok := r[v.Args[0]].(float64)
		unit, ok2 := r[v.Args[1]].(int64)
		switch {
		case !ok || !ok2:
			return nil
		case unit < 0:
			return x / math.Pow10(int(-max(unit, -30)))
		default:
			return x * math.Pow10(int(min(unit, 30)))
		}
	case "ratio":
		a, ok := r[v.Args[0]].(float64)
		b, ok2 := r[v.Args[1]].(float64)
		if !ok || !ok2 || b == 0 {
			return nil
		}
		return a / b
	case "weekday":
		n := int64(day.Weekday()+6) % 7
		if v.Mode == "type" {
			return map[bool]int64{false: 0, true: 1}[n >= 5]
		}
		return n
	case "hour":
		part := int64(len(v.Parts) - 1)
		for i, first := range v.Parts {
			if local.Hour() >= first {
				part = int64(i)
			}
		}
		return part
	case "season":
		n := map[time.Month]int64{12: 0, 1: 0, 2: 0, 3: 1, 4: 1, 5: 1, 6: 2, 7: 2, 8: 2, 9: 3, 10: 3, 11: 3}[day.Month()]
		if v.Mode == "south" {
			n = (n + 2) % 4
		}
		return n
	}
	panic(v.Func)
}

func fixedRows(s transforms.Fixed, in []row) []row {
	var out []row
	for _, r := range in {
		o := carry(row{"subject": r["subject"], "day": r["day"], "local": r["local"]}, r, s.Keep)
		for _, m := range s.Measures {
			v, bad := gridValue(m, r[m.Column])
			o[m.Name], o["bad:"+m.Name] = v, map[bool]int64{false: 0, true: 1}[bad]
		}
		out = append(out, o)
	}
	return out
}

func unitRows(s transforms.Unit, in []row) []row {
	var out []row
	for _, g := range groups(in, append([]string{"subject"}, s.Keys...)) {
		o := carry(row{"subject": g[0]["subject"], "rows": int64(len(g))}, g[0], s.Keys)
		for _, t := range s.Sums {
			o[t] = sum(g, t)
		}
		if s.Conflicts() {
			o["rows"] = int64(len(g)) - o["conflict"].(int64)
		}
		for _, v := range s.Values {
			if x := aggregate(v, g); x != nil {
				x.Sub(clamp(x, v.Lo, v.Hi), big.NewInt(v.Lo))
				o[v.Name] = x.Int64()
			}
		}
		out = append(out, o)
	}
	return out
}

func clamp(x *big.Int, lo, hi int64) *big.Int {
	switch {
	case x.Cmp(big.NewInt(lo)) < 0:
		return big.NewInt(lo)
	case x.Cmp(big.NewInt(hi)) > 0:
		return big.NewInt(hi)
	}
	return x
}

// aggregate is nil where there is no value.
func aggregate(v transforms.UnitValue, g []row) *big.Int {
	var with []row
	for _, r := range g {
		if r[v.Name] != nil {
			with = append(with, r)
		}
	}
	if len(with) == 0 {
		return nil
	}
	var values []int64
	total := new(big.Int)
	for _, r := range with {
		values = append(values, r[v.Name].(int64))
		total.Add(total, big.NewInt(r[v.Name].(int64)))
	}
	slices.Sort(values)
	switch v.Agg {
	case "sum":
		return total
	case "mean": // floor(mean + ½)
		m := new(big.Rat).Add(new(big.Rat).SetFrac(total, big.NewInt(int64(len(values)))), big.NewRat(1, 2))
		return new(big.Int).Div(m.Num(), m.Denom())
	case "median":
		return big.NewInt(values[(len(values)-1)/2])
	case "min":
		return big.NewInt(values[0])
	case "max":
		return big.NewInt(values[len(values)-1])
	case "last":
		last := with[0]
		for _, r := range with {
			if c := order(r["local"], last["local"]); c > 0 || c == 0 && order(r[v.Name], last[v.Name]) > 0 {
				last = r
			}
		}
		return big.NewInt(last[v.Name].(int64))
	}
	panic(v.Agg)
}

func peopleRows(s transforms.People, admitted []row) []row {
	var out []row
	for _, p := range admitted {
		out = append(out, carry(row{"subject": p["subject"], "rows": int64(1)}, p, s.Values))
	}
	return out
}

func bandedRows(s transforms.Banded, units, admitted []row) []row {
	var out []row
	for _, u := range units {
		for _, p := range admitted {
			if u["subject"] != p["subject"] {
				continue
			}
			var args [2]float64
			whole := true
			for i, a := range s.Args {
				from := u
				if a.Person {
					from = p
				}
				v, ok := from[a.Column].(int64)
				whole = whole && ok
				args[i] = (float64(v) + float64(a.Lo)) * float64(a.Over) / float64(a.Times)
			}
			if !whole || s.Func == "bmi" && args[1] <= 0 {
				continue
			}
			cut := func(x float64, edges []string) int64 {
				return int64(sort.Search(len(edges), func(i int) bool { return x < number(edges[i]) }))
			}
			code := cut(args[0]/(args[1]/100*args[1]/100), s.Edges)
			if s.Func == "bp" {
				code = max(cut(args[0], []string{"120", "130", "140", "160", "180"}), cut(args[1], []string{"80", "85", "90", "100", "110"}))
			}
			out = append(out, row{"subject": u["subject"], s.Name: code})
		}
	}
	return out
}

func cellsRows(s transforms.Cells, from []table) []row {
	at, bins := map[int64]row{}, map[[3]int64]row{}
	var out []row
	for _, u := range from[0].rows {
		if n, _ := u["rows"].(int64); n <= 0 {
			continue
		}
		for _, p := range from[1].rows {
			if u["subject"] != p["subject"] {
				continue
			}
			cell, in := int64(0), true
			position := func(k transforms.CellKey) int64 {
				code := u[k.Name]
				if k.Person {
					code = p[k.Name]
				}
				if k.Banded > 0 {
					code = int64(k.None)
					for _, b := range from[k.Banded+1].rows {
						if b["subject"] == u["subject"] {
							code = b[k.Name]
						}
					}
				}
				n, ok := code.(int64)
				if !ok {
					return -1
				}
				return int64(slices.Index(k.Index, int(n)))
			}
			for _, k := range s.Keys {
				n := position(k)
				cell, in = cell*int64(len(k.Index))+n, in && n >= 0
			}
			for _, f := range s.Filters {
				in = in && position(f) >= 0
			}
			if !in {
				continue
			}
			o := at[cell]
			if o == nil {
				o = row{"cell": cell, "subjects": int64(0)}
				for _, v := range s.Values {
					o["n:"+v.Name], o["c:"+v.Name], o["t:"+v.Name] = int64(0), int64(0), int64(0)
					if v.Divide > 0 {
						o["q:"+v.Name] = int64(0)
					}
				}
				at[cell] = o
				out = append(out, o)
			}
			add := func(name string, n int64) {
				have, _ := o[name].(int64)
				o[name] = have + n
			}
			add("subjects", 1)
			addAll := func() {
				for _, v := range s.Values {
					if x, ok := u[v.Name].(int64); ok {
						add("n:"+v.Name, 1)
						add("c:"+v.Name, x-v.Centre)
						add("t:"+v.Name, x+v.Lo)
						if v.Divide > 0 {
							r := new(big.Int).Set(nearest(x-v.Centre, v.Divide))
							add("q:"+v.Name, r.Mul(r, r).Int64())
						}
					}
				}
				for _, t := range s.Sums {
					if x, ok := u[t].(int64); ok {
						add(t, x)
					}
				}
			}
			addAll()
			for i, b := range s.Bins {
				o = binned(s, &out, bins, cell, i, binOf(b, u[b.Of]))
				add("subjects", 1)
				addAll()
			}
		}
	}
	return out
}

// binned is the row of one bin of a group: like the group's own, of the people in the bin alone.
func binned(s transforms.Cells, out *[]row, bins map[[3]int64]row, cell int64, i int, bin int64) row {
	key := [3]int64{cell, int64(i), bin}
	if bins[key] == nil {
		o := row{"cell": cell, "subjects": int64(0)}
		for _, v := range s.Values {
			for _, part := range []string{"n:", "c:", "t:"} {
				o[part+v.Name] = int64(0)
			}
			if v.Divide > 0 {
				o["q:"+v.Name] = int64(0)
			}
		}
		for j, b := range s.Bins {
			o[b.Name] = nil
			if j == i {
				o[b.Name] = bin
			}
		}
		bins[key] = o
		*out = append(*out, o)
	}
	return bins[key]
}

// binOf looks for the one bin that holds a value.
func binOf(b transforms.CellBins, v any) int64 {
	x, ok := v.(int64)
	if !ok {
		return -1
	}
	for i := range b.Bins {
		if b.Width > 0 && x >= i*b.Width && x < (i+1)*b.Width || i+1 < int64(len(b.Edges)) && x >= b.Edges[i] && x < b.Edges[i+1] {
			return i
		}
	}
	if b.Rest {
		return b.Bins - 1
	}
	return -1
}

// nearest is x / d, rounded to the nearest integer, halves away from zero.
func nearest(x, d int64) *big.Int {
	n, _ := new(big.Int).SetString(big.NewRat(x, d).FloatString(0), 10)
	return n
}
