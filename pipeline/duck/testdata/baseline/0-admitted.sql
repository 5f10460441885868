-- who may be in the answers, and their groups, once for all datasets
CREATE TABLE admitted AS
SELECT a.account_id, coalesce(z.name, 'Europe/Paris') AS timezone, a.height,
  CASE WHEN age < 30 THEN '<30' WHEN age < 60 THEN '30-59' WHEN age < 75 THEN '60-74' ELSE '75+' END AS age30,
  CASE WHEN age < 30 THEN '<30' WHEN age < 45 THEN '30-44' WHEN age < 60 THEN '45-59' WHEN age < 75 THEN '60-74' ELSE '75+' END AS age15,
  upper(a.sex) AS sex, coalesce(c.zone, 'unknown') AS region
FROM (SELECT *, date_sub('year', birth_date, DATE '2026-03-02') AS age FROM read_parquet('SOURCE/accounts.parquet')) a
JOIN (SELECT account_id FROM read_parquet('SOURCE/consents.parquet') WHERE purpose = 'health-research'
      GROUP BY account_id HAVING arg_max(status, decided_at) = 'granted') d ON a.account_id = d.account_id
LEFT JOIN (SELECT DISTINCT account_id FROM read_parquet('SOURCE/objections.parquet')
      WHERE purpose = 'health-research' AND lifted_at IS NULL) o ON a.account_id = o.account_id
LEFT JOIN (SELECT postal_code, any_value(zone) AS zone FROM read_csv('SOURCE/communes.csv', all_varchar = true) GROUP BY 1) c ON a.postal_code = c.postal_code
LEFT JOIN (SELECT DISTINCT name FROM pg_timezone_names()) z ON a.timezone = z.name
WHERE o.account_id IS NULL AND a.erasure_requested_at IS NULL AND NOT a.is_test AND age >= 18
