SELECT age30, sex, region, count(*) AS subjects FROM admitted GROUP BY ALL
