package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"
)

// canary stands in every text column of the small source. It is in no output.
const canary = "CANARY-7f3a"

// column is one column of a table to write: []int64, []string, or []time.Time
// as days ("day") or as instants.
type column struct {
	name   string
	values any
	day    bool
}

// smallSource writes the source that testdata/small.yaml speaks of: 400
// accounts of two sexes with a week of steps from 2026-03-23 on.
func smallSource(t testing.TB, dir string) {
	t.Helper()
	var ids, actIDs, steps []int64
	var emails, sexes, purposes, statuses, notes []string
	var births, decided, days []time.Time
	monday := time.Date(2026, 3, 23, 0, 0, 0, 0, time.UTC)
	for i := range int64(400) {
		ids = append(ids, 1000+i)
		emails = append(emails, fmt.Sprintf("%s-%d@mail.example", canary, i))
		sexes = append(sexes, []string{"F", "M"}[i%2])
		births = append(births, time.Date(1950+int(i%60), 1, 1, 0, 0, 0, 0, time.UTC))
		purposes, statuses = append(purposes, "research"), append(statuses, "granted")
		decided = append(decided, monday.AddDate(0, -1, 0))
		for d := range 7 {
			actIDs, days = append(actIDs, 1000+i), append(days, monday.AddDate(0, 0, d))
			steps, notes = append(steps, 5000+10*i), append(notes, canary)
		}
	}
	writeParquet(t, filepath.Join(dir, "accounts.parquet"), column{name: "account_id", values: ids}, column{name: "email", values: emails},
		column{name: "birth_date", values: births, day: true}, column{name: "sex", values: sexes})
	writeParquet(t, filepath.Join(dir, "consents.parquet"), column{name: "account_id", values: ids}, column{name: "purpose", values: purposes},
		column{name: "status", values: statuses}, column{name: "decided_at", values: decided})
	writeParquet(t, filepath.Join(dir, "activity", "part-0.parquet"), activity(actIDs, days, steps, notes)...)
}

func activity(ids []int64, days []time.Time, steps any, notes []string) []column {
	return []column{{name: "account_id", values: ids}, {name: "day", values: days, day: true},
		{name: "steps", values: steps}, {name: "note", values: notes}}
}

// oneDay is the activity of one account on one day.
func oneDay(steps any) []column {
	return activity([]int64{1000}, []time.Time{time.Date(2026, 3, 24, 0, 0, 0, 0, time.UTC)}, steps, []string{canary})
}

func writeParquet(t testing.TB, path string, columns ...column) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	var fields []arrow.Field
	for _, c := range columns {
		fields = append(fields, arrow.Field{Name: c.name, Type: c.arrow(), Nullable: true})
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	for i, c := range columns {
		c.fill(b.Field(i))
	}
	rec := b.NewRecord()
	defer rec.Release()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := pqarrow.NewFileWriter(rec.Schema(), f, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(rec); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func (c column) arrow() arrow.DataType {
	switch c.values.(type) {
	case []int64:
		return arrow.PrimitiveTypes.Int64
	case []string:
		return arrow.BinaryTypes.String
	}
	if c.day {
		return arrow.FixedWidthTypes.Date32
	}
	return &arrow.TimestampType{Unit: arrow.Microsecond}
}

func (c column) fill(b array.Builder) {
	switch values := c.values.(type) {
	case []int64:
		b.(*array.Int64Builder).AppendValues(values, nil)
	case []string:
		b.(*array.StringBuilder).AppendValues(values, nil)
	case []time.Time:
		for _, v := range values {
			if c.day {
				b.(*array.Date32Builder).Append(arrow.Date32FromTime(v))
			} else {
				b.(*array.TimestampBuilder).Append(arrow.Timestamp(v.UnixMicro()))
			}
		}
	}
}
