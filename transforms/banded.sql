{{- define "arg"}}((CAST({{if .Person}}p{{else}}u{{end}}.{{ident .Column}} AS DOUBLE) + {{.Lo}}) * {{.Over}} / {{.Times}}){{end}}
{{- define "cut"}}CASE{{range $i, $e := .Edges}} WHEN {{$.X}} < {{$e}} THEN {{$i}}{{end}} ELSE {{len .Edges}} END{{end -}}
SELECT
  subject,
  {{if eq .Step.Func "bmi"}}{{template "cut" (cut "a / (b / 100.0 * b / 100.0)" .Step.Edges)}}
  {{- else}}greatest({{template "cut" (cut "a" (.Step.Cuts 0))}}, {{template "cut" (cut "b" (.Step.Cuts 1))}})
  {{- end}} AS {{ident .Step.Name}}
FROM (
  SELECT u.subject, {{template "arg" (index .Step.Args 0)}} AS a, {{template "arg" (index .Step.Args 1)}} AS b
  FROM {{index .From 0}} u JOIN {{index .From 1}} p ON u.subject = p.subject
)
WHERE a IS NOT NULL AND b IS NOT NULL{{if eq .Step.Func "bmi"}} AND b > 0{{end}}
