SELECT age30, sex, avg(CAST(steps >= 8000 AS INTEGER)) AS active
FROM (
  SELECT a.age30, a.sex, t.account_id, avg(least(steps, 24000)) AS steps
  FROM read_parquet('SOURCE/activity/*/*.parquet', hive_partitioning = true) t JOIN admitted a ON t.account_id = a.account_id
  WHERE day BETWEEN DATE '2026-03-02' AND DATE '2026-03-29' AND steps BETWEEN 0 AND 100000
  GROUP BY ALL
) GROUP BY ALL
