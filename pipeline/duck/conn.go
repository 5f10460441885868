package duck

import (
	"context"
	"fmt"
	"time"

	bindings "github.com/duckdb/duckdb-go-bindings"
	"github.com/duckdb/duckdb-go/v2/mapping"
)

// conn is one connection, used by one goroutine at a time.
type conn struct{ c mapping.Connection }

func (e *Engine) connect() (*conn, error) {
	c := &conn{}
	if mapping.Connect(e.db, &c.c) == mapping.StateError {
		return nil, fmt.Errorf("connect to the engine: it refused another connection")
	}
	return c, nil
}

func (c *conn) close() { mapping.Disconnect(&c.c) }

// exec runs one statement for its effect. doing is what an error says was
// being done.
func (c *conn) exec(ctx context.Context, doing, sql string) error {
	return c.query(ctx, doing, sql, nil)
}

// query runs one statement and hands each chunk of its result to visit, as it
// is made: a result is never held whole. A chunk is valid until visit returns.
func (c *conn) query(ctx context.Context, doing, sql string, visit func(mapping.DataChunk) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	defer c.interruptWhen(ctx)()
	var stmt mapping.PreparedStatement
	defer mapping.DestroyPrepare(&stmt)
	if mapping.Prepare(c.c, sql, &stmt) == mapping.StateError {
		return prepareFault(ctx, doing, mapping.PrepareError(stmt))
	}
	var pending mapping.PendingResult
	defer mapping.DestroyPending(&pending)
	if bindings.PendingPreparedStreaming(stmt, &pending) == mapping.StateError {
		return prepareFault(ctx, doing, mapping.PendingError(pending))
	}
	var res mapping.Result
	defer mapping.DestroyResult(&res)
	if mapping.ExecutePending(pending, &res) == mapping.StateError {
		return resultFault(ctx, doing, &res)
	}
	for {
		chunk := bindings.FetchChunk(res)
		if chunk.Ptr == nil {
			break
		}
		err := visitChunk(chunk, visit)
		mapping.DestroyDataChunk(&chunk)
		if err != nil {
			return err
		}
	}
	// A missing chunk is the end or an error: only the result knows.
	if mapping.ResultError(&res) != "" {
		return resultFault(ctx, doing, &res)
	}
	return nil
}

// interruptWhen interrupts the connection's query once ctx is done, and again
// until the query has seen it: one that is only starting forgets the first. The
// function it returns ends that, before the connection may be closed.
func (c *conn) interruptWhen(ctx context.Context) (end func()) {
	ended, left := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(left)
		select {
		case <-ended:
			return
		case <-ctx.Done():
		}
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			mapping.Interrupt(c.c)
			select {
			case <-ended:
				return
			case <-tick.C:
			}
		}
	}()
	return func() { close(ended); <-left }
}

func visitChunk(chunk mapping.DataChunk, visit func(mapping.DataChunk) error) error {
	if visit == nil || mapping.DataChunkGetSize(chunk) == 0 {
		return nil
	}
	return visit(chunk)
}
