package ladder

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxProblems is how many problems of a file are told one by one.
const maxProblems = 20

// CSV reads a Text ladder from a hierarchy file in ARX's format: no header, one
// line per leaf, fields apart by semicolons, from the leaf to the top:
//
//	Federal-gov;Government;*
//	Private;Non-Government;*
//
// The first column is level 0, whose domain is finite; the next are named "1",
// "2" and so on; a last column of only "*" is Top, which is added where it is
// missing. Labels stand in the order of their first line. A value that is no
// leaf is Unknown. The error names every problem (at most twenty) with its line
// and shows its text, which is public: a line with more or fewer fields than
// the first, a leaf listed twice, an empty or reserved field, a label that has
// two parents.
func CSV(name string, r io.Reader) (*Ladder, error) {
	rows, lines, err := readCSV(r, ';')
	if err != nil {
		return nil, fmt.Errorf("ladder %s: %w", name, err)
	}
	if rows, err = hierarchy(rows, lines); err != nil {
		return nil, fmt.Errorf("ladder %s: %w", name, err)
	}
	l := &Ladder{Name: name, Input: Text}
	for n := range rows[0] {
		v := Level{Name: strconv.Itoa(n), Values: make(map[string]int, len(rows))}
		if n == 0 {
			v.Name = Source
		}
		index := map[string]int{}
		for _, row := range rows {
			at, known := index[row[n]]
			if !known {
				at = len(v.Labels)
				index[row[n]] = at
				v.Labels = append(v.Labels, row[n])
			}
			v.Values[row[0]] = at
		}
		v.Labels = append(v.Labels, Unknown)
		v.Other = v.Unknown()
		l.Levels = append(l.Levels, v)
	}
	l.Levels = append(l.Levels, top())
	return l, l.Validate()
}

// hierarchy checks the rows of an ARX file and cuts off their last column if it
// is the top.
func hierarchy(rows [][]string, lines []int) ([][]string, error) {
	var p problems
	if len(rows) == 0 {
		return nil, errors.New("the file is empty")
	}
	width := len(rows[0])
	topped := width > 1
	for n, row := range rows {
		if len(row) != width {
			p.add(lines[n], "%d fields where line %d has %d", len(row), lines[0], width)
		}
		topped = topped && row[len(row)-1] == Top
	}
	if p.err() != nil {
		return nil, p.err()
	}
	if topped {
		width--
	}
	if len(rows) > MaxLabels {
		return nil, fmt.Errorf("%d leaves: at most %d", len(rows), MaxLabels)
	}
	for n := range rows {
		rows[n] = rows[n][:width]
	}
	return rows, tree(rows, lines)
}

// tree checks that leaves are unique and that a label has one parent.
func tree(rows [][]string, lines []int) error {
	var p problems
	type node struct {
		level int
		label string
	}
	first := map[node]int{} // its first row
	for n, row := range rows {
		if at, twice := first[node{0, row[0]}]; twice {
			p.add(lines[n], "leaf %q stands on line %d already", row[0], lines[at])
			continue
		}
		for level, label := range row {
			if label == "" || label == Unknown || label == Top {
				p.add(lines[n], "column %d: %q is empty or a label that the ladder makes itself", level+1, label)
			}
			at, seen := first[node{level, label}]
			if !seen {
				first[node{level, label}] = n
			} else if level+1 < len(row) && rows[at][level+1] != row[level+1] {
				p.add(lines[n], "column %d: %q is under %q here and under %q on line %d",
					level+1, label, row[level+1], rows[at][level+1], lines[at])
			}
		}
	}
	return p.err()
}

// readCSV reads a public table whole: its rows with their line numbers, each
// field without the space around it. A byte-order mark is skipped.
func readCSV(r io.Reader, comma rune) (rows [][]string, lines []int, err error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, nil, fmt.Errorf("read table: %w", err)
	}
	if !utf8.Valid(data) {
		return nil, nil, errors.New("read table: not UTF-8")
	}
	c := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(data), "\ufeff")))
	c.Comma = comma
	c.FieldsPerRecord = -1
	for {
		row, err := c.Read()
		if err == io.EOF {
			return rows, lines, nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read table: %w", err)
		}
		for n := range row {
			row[n] = strings.TrimSpace(row[n])
		}
		line, _ := c.FieldPos(0)
		rows, lines = append(rows, row), append(lines, line)
	}
}

// problems gathers what is wrong with a file, line by line.
type problems struct {
	list []error
	more int
}

func (p *problems) add(line int, format string, args ...any) {
	if len(p.list) == maxProblems {
		p.more++
		return
	}
	p.list = append(p.list, fmt.Errorf("line %d: %w", line, fmt.Errorf(format, args...)))
}

func (p *problems) err() error {
	if p.more > 0 {
		return errors.Join(append(p.list, fmt.Errorf("and %d more", p.more))...)
	}
	return errors.Join(p.list...)
}
