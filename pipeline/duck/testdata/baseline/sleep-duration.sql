SELECT sex, count(*) FILTER (WHERE asleep < 21600), count(*) FILTER (WHERE asleep >= 21600 AND asleep < 25200),
  count(*) FILTER (WHERE asleep >= 25200 AND asleep < 28800), count(*) FILTER (WHERE asleep >= 28800), stddev_pop(asleep)
FROM (
  SELECT a.sex, s.account_id, avg(least(greatest(asleep_s, 10800), 39600)) AS asleep
  FROM read_parquet('SOURCE/sleep/*/*.parquet') s JOIN admitted a ON s.account_id = a.account_id
  WHERE end_at >= TIMESTAMP '2026-03-01' AND end_at < TIMESTAMP '2026-03-31'
    AND CAST(timezone(a.timezone, timezone('UTC', end_at)) AS DATE) BETWEEN DATE '2026-03-02' AND DATE '2026-03-29'
    AND asleep_s BETWEEN 1800 AND 64800
  GROUP BY ALL
) GROUP BY ALL
