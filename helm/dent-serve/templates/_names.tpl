{{/* Names and labels. Every helper takes the root context, or a dict of `root` and `component`. */}}

{{- define "dent-serve.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{/* The stem of all names; short enough for what is appended to it. */}}
{{- define "dent-serve.fullname" -}}
{{- $name := include "dent-serve.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "dent-serve.componentName" -}}
{{- printf "%s-%s" (include "dent-serve.fullname" .root) .component -}}
{{- end -}}

{{/* Never changes over the life of a release: Deployments cannot change their selectors. */}}
{{- define "dent-serve.selectorLabels" -}}
app.kubernetes.io/name: {{ include "dent-serve.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "dent-serve.labels" -}}
{{- with .root.Values.commonLabels }}
{{- toYaml . }}
{{ end -}}
{{ include "dent-serve.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "dent-serve.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "dent-serve.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The image; `gpu` chooses that for NVIDIA GPUs. */}}
{{- define "dent-serve.image" -}}
{{- $image := .root.Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s%s" $image.repository (default .root.Chart.AppVersion $image.tag) (ternary .root.Values.engine.gpu.imageTagSuffix "" .gpu) -}}
{{- end -}}
{{- end -}}

{{/* Which component runs models. */}}
{{- define "dent-serve.engineComponent" -}}
{{- ternary "worker" "api" (eq .Values.queue.mode "redis") -}}
{{- end -}}

{{- define "dent-serve.redisSecretName" -}}
{{- if .Values.redis.internal.enabled -}}
{{- default (printf "%s-redis" (include "dent-serve.fullname" .)) .Values.redis.internal.existingSecret -}}
{{- else -}}
{{- .Values.redis.existingSecret -}}
{{- end -}}
{{- end -}}

{{- define "dent-serve.redisSecretKey" -}}
{{- ternary "url" .Values.redis.existingSecretKey .Values.redis.internal.enabled -}}
{{- end -}}

{{/* Fewest pods of a component: what can be relied on. */}}
{{- define "dent-serve.leastReplicas" -}}
{{- $values := index .root.Values .component -}}
{{- if ne $values.autoscaling.kind "none" -}}
{{- $values.autoscaling.minReplicas -}}
{{- else if kindIs "invalid" $values.replicas -}}
1
{{- else -}}
{{- $values.replicas -}}
{{- end -}}
{{- end -}}

{{/* The port of a URL, or that of its scheme. */}}
{{- define "dent-serve.portOfUrl" -}}
{{- $parts := urlParse . -}}
{{- $port := regexFind ":[0-9]+$" $parts.host | trimPrefix ":" -}}
{{- default (ternary "443" "80" (eq $parts.scheme "https")) $port -}}
{{- end -}}

{{/* When Kubernetes kills a pod: after the process itself has given up. */}}
{{- define "dent-serve.gracePeriod" -}}
{{- $own := .Values.lifecycle.terminationGracePeriodSeconds -}}
{{- if kindIs "invalid" $own -}}
{{- add 10 (divf .Values.lifecycle.closeTimeoutMs 1000 | ceil) -}}
{{- else -}}
{{- $own | int64 -}}
{{- end -}}
{{- end -}}
