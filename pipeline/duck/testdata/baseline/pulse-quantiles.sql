SELECT age30, sex, quantile_disc(pulse, [0.1, 0.25, 0.5, 0.75, 0.9]) AS pulse
FROM (
  SELECT a.age30, a.sex, m.account_id, avg(least(greatest(m.value * power(10, m.unit), 40), 110)) AS pulse
  FROM read_parquet('SOURCE/measures/*/*.parquet') m JOIN admitted a ON m.account_id = a.account_id
  WHERE type = 11 AND measured_at >= TIMESTAMP '2026-03-01' AND measured_at < TIMESTAMP '2026-03-31'
    AND CAST(timezone(a.timezone, timezone('UTC', measured_at)) AS DATE) BETWEEN DATE '2026-03-02' AND DATE '2026-03-29'
    AND value * power(10, unit) BETWEEN 25 AND 240
  GROUP BY ALL
) GROUP BY ALL
