SELECT a.age15, a.sex, count(DISTINCT s.account_id) AS subjects, avg(least(greatest(asleep_s, 10800), 39600)) AS asleep,
  avg(least(greatest(snoring_s, 0), 7200)) AS snoring
FROM read_parquet('SOURCE/sleep/*/*.parquet') s JOIN admitted a ON s.account_id = a.account_id
WHERE end_at >= TIMESTAMP '2026-03-01' AND end_at < TIMESTAMP '2026-03-31'
  AND CAST(timezone(a.timezone, timezone('UTC', end_at)) AS DATE) BETWEEN DATE '2026-03-02' AND DATE '2026-03-29'
  AND asleep_s BETWEEN 1800 AND 64800
GROUP BY ALL
