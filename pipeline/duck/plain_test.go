package duck

import "context"

// Plain runs statements of a bench's baseline on an engine, as an analyst
// would who has no pipeline, and throws their rows away.
func (e *Engine) Plain(ctx context.Context, statements ...string) error {
	c, err := e.connect()
	if err != nil {
		return err
	}
	defer c.close()
	for _, s := range statements {
		if err := c.exec(ctx, "baseline", s); err != nil {
			return err
		}
	}
	return nil
}

// Count runs a query with one integer for an answer.
func (e *Engine) Count(ctx context.Context, sql string) (int64, error) {
	c, err := e.connect()
	if err != nil {
		return 0, err
	}
	defer c.close()
	return c.number(ctx, "count", sql)
}
