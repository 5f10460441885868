SELECT age30, band, count(DISTINCT account_id) AS subjects, avg(least(greatest(pulse, 40), 110)) AS pulse
FROM (
  SELECT a.age30, a.account_id, m.value * power(10, m.unit) AS pulse,
    CASE WHEN w.kg / (a.height / 100.0) ^ 2 < 18.5 THEN 0 WHEN w.kg / (a.height / 100.0) ^ 2 < 25 THEN 1
         WHEN w.kg / (a.height / 100.0) ^ 2 < 30 THEN 2 WHEN w.kg IS NULL THEN 4 ELSE 3 END AS band
  FROM read_parquet('SOURCE/measures/*/*.parquet') m
  JOIN admitted a ON m.account_id = a.account_id
  LEFT JOIN (
    SELECT m.account_id, arg_max(value * power(10, unit), measured_at) AS kg
    FROM read_parquet('SOURCE/measures/*/*.parquet') m JOIN admitted a ON m.account_id = a.account_id
    WHERE type = 1 AND measured_at >= TIMESTAMP '2026-03-01' AND measured_at < TIMESTAMP '2026-03-31'
      AND CAST(timezone(a.timezone, timezone('UTC', measured_at)) AS DATE) BETWEEN DATE '2026-03-02' AND DATE '2026-03-29'
      AND value * power(10, unit) BETWEEN 20 AND 400
    GROUP BY m.account_id
  ) w ON m.account_id = w.account_id
  WHERE type = 11 AND measured_at >= TIMESTAMP '2026-03-01' AND measured_at < TIMESTAMP '2026-03-31'
    AND CAST(timezone(a.timezone, timezone('UTC', measured_at)) AS DATE) BETWEEN DATE '2026-03-02' AND DATE '2026-03-29'
    AND value * power(10, unit) BETWEEN 25 AND 240
) GROUP BY ALL
