SELECT a.age30, a.sex, a.region, count(DISTINCT t.account_id) AS subjects, avg(least(steps, 24000)) AS steps
FROM read_parquet('SOURCE/activity/*/*.parquet', hive_partitioning = true) t JOIN admitted a ON t.account_id = a.account_id
WHERE day BETWEEN DATE '2026-03-02' AND DATE '2026-03-29' AND steps BETWEEN 0 AND 100000
GROUP BY ALL
