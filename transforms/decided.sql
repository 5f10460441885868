SELECT account
FROM {{index .From 0}}
WHERE purpose = {{lit .Step.Purpose}}
GROUP BY account
HAVING max(decided_at) FILTER (WHERE {{template "yes" .}} AND decided_at <= TIMESTAMP {{lit .Step.Now}})
     > coalesce(max(coalesce(decided_at, TIMESTAMP 'infinity')) FILTER (WHERE NOT {{template "yes" .}}), TIMESTAMP '-infinity')
{{- define "yes"}}coalesce(status IN ({{list .Step.Granted}}), false){{end}}
