{{/* Values that contradict each other, each with the sentence that says so. What a single value may be is in values.schema.json. */}}
{{- define "dent-serve.checks" -}}
{{- range $path, $hint := .Files.Get "files/other-names.yaml" | fromYaml -}}
{{- $values := $.Values -}}
{{- range $key := splitList "." $path -}}
{{- $values = index (kindIs "map" $values | ternary $values dict) $key -}}
{{- end -}}
{{- if not (kindIs "invalid" $values) -}}
{{- fail (printf "There is no value %s: %s." $path $hint) -}}
{{- end -}}
{{- end -}}
{{- if not .Values.image.repository -}}
{{- fail "image.repository is empty, and no image is published: build one with docker/Dockerfile, push it where your nodes can pull, and name it here, as registry.example.com/dent-serve." -}}
{{- end -}}
{{- $redis := eq .Values.queue.mode "redis" -}}
{{- $external := .Values.redis.existingSecret -}}
{{- $internal := .Values.redis.internal.enabled -}}
{{- if and $redis (not $external) (not $internal) -}}
{{- fail "queue.mode is redis, but there is no Redis: set redis.existingSecret to a Secret with its URL, or redis.internal.enabled for a trial." -}}
{{- end -}}
{{- if and $external $internal -}}
{{- fail "redis.existingSecret names a Redis and redis.internal.enabled starts another: choose one." -}}
{{- end -}}
{{- if and (not $redis) (or $external $internal) -}}
{{- fail "A Redis is configured, but queue.mode is memory and would not use it: set queue.mode to redis." -}}
{{- end -}}
{{- if and (not $redis) (not (kindIs "invalid" .Values.worker.replicas)) -}}
{{- fail "worker.replicas is set, but with queue.mode memory there are no workers: set queue.mode to redis, or worker.replicas to null." -}}
{{- end -}}
{{- if and (not $redis) (ne .Values.worker.autoscaling.kind "none") -}}
{{- fail "worker.autoscaling is on, but with queue.mode memory there are no workers: use api.autoscaling, or set queue.mode to redis." -}}
{{- end -}}

{{- range $component := list "api" "worker" -}}
{{- $scaling := (index $.Values $component).autoscaling -}}
{{- $name := printf "%s.autoscaling" $component -}}
{{- if ne $scaling.kind "none" -}}
{{- if gt (int64 $scaling.minReplicas) (int64 $scaling.maxReplicas) -}}
{{- fail (printf "%s.minReplicas exceeds %s.maxReplicas." $name $name) -}}
{{- end -}}
{{- if and (eq (int64 $scaling.minReplicas) 0) (or (eq $component "api") (ne $scaling.kind "keda")) -}}
{{- fail (printf "%s.minReplicas is 0, but only workers can go down to none, and only by keda, which sees rows wait while no worker runs." $name) -}}
{{- end -}}
{{- if and (eq $scaling.kind "keda") (not $.Values.keda.prometheusAddress) -}}
{{- fail (printf "%s.kind is keda, but keda.prometheusAddress is empty: KEDA reads the queue from Prometheus." $name) -}}
{{- end -}}
{{- if and (eq $scaling.kind "keda") $scaling.extraMetrics -}}
{{- fail (printf "%s.extraMetrics is for kind hpa; with keda set keda.query." $name) -}}
{{- end -}}
{{- if and (eq $scaling.kind "keda") (eq $component "api") $redis -}}
{{- fail "api.autoscaling.kind is keda, but with Redis the rows that wait are the workers' work: use keda for worker.autoscaling and hpa for the API." -}}
{{- end -}}
{{- if and (eq $scaling.kind "keda") (not $.Values.monitoring.enabled) (not $.Values.keda.query) -}}
{{- fail (printf "%s.kind is keda, but monitoring.enabled is off, so that no ServiceMonitor gives the metrics the labels that KEDA asks for: switch it on, or write keda.query." $name) -}}
{{- end -}}
{{- $resources := ternary $.Values.engine.resources $.Values.api.resources (eq $component (include "dent-serve.engineComponent" $)) -}}
{{- if not (dig "requests" "cpu" "" $resources) -}}
{{- fail (printf "%s.kind is %s, which scales by CPU use in percent of the request, but there is no CPU request." $name $scaling.kind) -}}
{{- end -}}
{{- end -}}
{{- with (index $.Values $component).strategy -}}
{{- if and (eq (toString .maxSurge) "0") (eq (toString .maxUnavailable) "0") -}}
{{- fail (printf "%s.strategy allows neither a pod more nor a pod less, so no update could ever start." $component) -}}
{{- end -}}
{{- end -}}
{{- range (index $.Values $component).extraEnv -}}
{{- if hasPrefix "DENT_" .name -}}
{{- fail (printf "%s.extraEnv sets %s: settings of the server go into settings, by their names in src/config.ts, or are decided by other values." $component .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- $threads := .Values.engine.threads -}}
{{- if and (kindIs "invalid" $threads) (not (dig "requests" "cpu" "" .Values.engine.resources)) (not (dig "limits" "cpu" "" .Values.engine.resources)) -}}
{{- fail "engine.threads is null and engine.resources has no CPU request to take it from: set one of them." -}}
{{- end -}}
{{- if and .Values.engine.gpu.enabled (lt (int64 .Values.engine.gpu.count) 1) -}}
{{- fail "engine.gpu.enabled is on, but engine.gpu.count is less than 1: a pod needs a GPU, and there is no fallback to the CPU." -}}
{{- end -}}
{{- if hasKey (default dict .Values.engine.resources.limits) .Values.engine.gpu.resourceName -}}
{{- fail (printf "engine.resources names %s: GPUs are asked for by engine.gpu.enabled and engine.gpu.count." .Values.engine.gpu.resourceName) -}}
{{- end -}}

{{- with .Values.models -}}
{{- if and (eq .source "pvc") (not .pvc.claimName) -}}
{{- fail "models.source is pvc, but models.pvc.claimName is empty." -}}
{{- end -}}
{{- if and (ne .source "pvc") .pvc.claimName -}}
{{- fail (printf "models.pvc.claimName is set, but models.source is %s." .source) -}}
{{- end -}}
{{- if eq .source "download" -}}
{{- if and (not .download.url) (not .download.existingSecret) -}}
{{- fail "models.source is download, but neither models.download.url nor models.download.existingSecret says from where." -}}
{{- end -}}
{{- if and .download.url .download.existingSecret -}}
{{- fail "models.download.url and models.download.existingSecret both give a URL: choose one." -}}
{{- end -}}
{{- if not .download.sha256 -}}
{{- fail "models.source is download, but models.download.sha256 is empty: what is not pinned is not run." -}}
{{- end -}}
{{- else if or .download.url .download.existingSecret -}}
{{- fail (printf "models.download names an archive, but models.source is %s." .source) -}}
{{- end -}}
{{- end -}}

{{- with .Values.lifecycle -}}
{{- if le (int64 .closeTimeoutMs) (int64 .drainDelayMs) -}}
{{- fail "lifecycle.closeTimeoutMs must exceed lifecycle.drainDelayMs: the drain is part of closing." -}}
{{- end -}}
{{- if not (kindIs "invalid" .terminationGracePeriodSeconds) -}}
{{- if le (mul 1000 (int64 .terminationGracePeriodSeconds)) (int64 .closeTimeoutMs) -}}
{{- fail (printf "lifecycle.terminationGracePeriodSeconds (%d s) must exceed lifecycle.closeTimeoutMs (%d ms), or Kubernetes kills the pod before it has answered what it accepted." (int64 .terminationGracePeriodSeconds) (int64 .closeTimeoutMs)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) -}}
{{- fail "ingress.enabled is on, but ingress.hosts is empty." -}}
{{- end -}}
{{- if .Values.ingress.enabled -}}
{{- range $tls := .Values.ingress.tls -}}
{{- range $host := $tls.hosts -}}
{{- if not (has $host $.Values.ingress.hosts) -}}
{{- fail (printf "ingress.tls names the host %s, which is not among ingress.hosts." $host) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $name := list "ingress" "httpRoute" -}}
{{- $way := index $.Values $name -}}
{{- if and $way.enabled (not $.Values.apiKeys.existingSecret) -}}
{{- range $path := $way.paths -}}
{{- if or (has $path (list "/" "/v2" "/v2/")) (hasPrefix "/v2/repository" $path) -}}
{{- fail (printf "%s.paths has %s, and with it /v2/repository, by which anybody could unload models: set apiKeys.existingSecret, or name /v2/health and /v2/models." $name $path) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) -}}
{{- fail "httpRoute.enabled is on, but httpRoute.parentRefs is empty: no Gateway would take it." -}}
{{- end -}}
{{- if and .Values.tests.apiKeySecret (not .Values.apiKeys.existingSecret) -}}
{{- fail "tests.apiKeySecret is set, but apiKeys.existingSecret is not: nobody asks for a key." -}}
{{- end -}}
{{- end -}}
