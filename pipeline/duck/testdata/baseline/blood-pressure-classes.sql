SELECT class, sex, count(*) AS subjects
FROM (
  SELECT m.account_id, a.sex,
    CASE WHEN s < 120 AND d < 80 THEN 0 WHEN s < 130 AND d < 85 THEN 1 WHEN s < 140 AND d < 90 THEN 2
         WHEN s < 160 AND d < 100 THEN 3 WHEN s < 180 AND d < 110 THEN 4 WHEN s IS NULL OR d IS NULL THEN 6 ELSE 5 END AS class
  FROM (
    SELECT m.account_id, avg(value * power(10, unit)) FILTER (WHERE type = 10) AS s, avg(value * power(10, unit)) FILTER (WHERE type = 9) AS d
    FROM read_parquet('SOURCE/measures/*/*.parquet') m JOIN admitted a ON m.account_id = a.account_id
    WHERE measured_at >= TIMESTAMP '2026-03-01' AND measured_at < TIMESTAMP '2026-03-31'
      AND CAST(timezone(a.timezone, timezone('UTC', measured_at)) AS DATE) BETWEEN DATE '2026-03-02' AND DATE '2026-03-29'
    GROUP BY m.account_id
  ) m JOIN admitted a ON m.account_id = a.account_id
)
GROUP BY ALL
