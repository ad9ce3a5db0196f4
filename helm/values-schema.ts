import { readFileSync } from 'node:fs';
import Type, { type TProperties, type TSchema } from 'typebox';
import { parse } from 'yaml';
import { settings } from '../src/config.ts';

/**
 * What values of the chart may be; helm/dent-serve/values.schema.json is written from it. What they mean stands beside them in
 * values.yaml, and which contradict each other in templates/_checks.tpl.
 */

/** Settings of the server that other values of the chart decide. */
export const DECIDED_BY_THE_CHART: readonly string[] = [
  'port',
  'host',
  'apiKeysFile',
  'metricsPort',
  'models',
  'queue',
  'redisUrl',
  'redisPrefix',
  'device',
  'threads',
  'cacheDir',
  'otlpEndpoint',
  'drainDelayMs',
  'closeTimeoutMs',
];

/** A misspelt name is an error, not a value that is passed over. */
const closed = (properties: TProperties) =>
  Type.Partial(Type.Object(properties), { additionalProperties: false });

const text = Type.String();
const flag = Type.Boolean();
/** What Kubernetes itself defines; the API server looks at it. */
const object = Type.Object({});
const objects = Type.Array(object);
const names = Type.Record(Type.String(), Type.String());
const whole = (minimum: number, maximum = 2 ** 31 - 1) => Type.Integer({ minimum, maximum });
const orNull = (schema: TSchema) => Type.Union([schema, Type.Null()]);
/** A label, a name of an object, or nothing. */
const name = Type.String({ pattern: '^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$' });
const fileName = Type.String({ pattern: '^[-._a-zA-Z0-9]{1,253}$' });
const quantity = Type.String({ pattern: '^[0-9]+(\\.[0-9]+)?(m|k|[KMGTPE]i?)?$' });
const url = Type.String({ pattern: '^(https?://[^/\\s]+\\S*)?$' });
const duration = Type.String({ pattern: '^[0-9]+(ms|s|m)$' });
const path = Type.String({ pattern: '^/\\S*$' });
const pullPolicy = Type.Enum(['Always', 'IfNotPresent', 'Never']);
const port = whole(1, 65_535);
const podsOrPercent = Type.Union([whole(0), Type.String({ pattern: '^[0-9]{1,3}%$' })]);
const resources = closed({
  requests: Type.Record(Type.String(), Type.Union([quantity, Type.Number({ minimum: 0 })])),
  limits: Type.Record(Type.String(), Type.Union([quantity, Type.Number({ minimum: 0 })])),
});

/** What API pods and workers have in common. */
const pods = {
  strategy: closed({ maxSurge: podsOrPercent, maxUnavailable: podsOrPercent }),
  autoscaling: closed({
    kind: Type.Enum(['none', 'hpa', 'keda']),
    minReplicas: whole(0, 1000),
    maxReplicas: whole(1, 1000),
    targetCPUUtilizationPercentage: whole(1, 1000),
    extraMetrics: objects,
    behavior: closed({ scaleUp: object, scaleDown: object }),
  }),
  podDisruptionBudget: closed({ enabled: flag, maxUnavailable: podsOrPercent }),
  nodeSelector: names,
  tolerations: objects,
  affinity: object,
  topologySpreadConstraints: objects,
  priorityClassName: name,
  podAnnotations: names,
  extraEnv: Type.Array(Type.Object({ name: Type.String({ minLength: 1 }) })),
  extraVolumes: objects,
  extraVolumeMounts: objects,
};

/** The settings of src/config.ts that the chart hands on, without their defaults, which are the server's own. */
const passedOn = Object.fromEntries(
  Object.entries(settings)
    .filter(([setting]) => !DECIDED_BY_THE_CHART.includes(setting))
    .map(([setting, { default: _, ...schema }]: [string, TSchema & { default?: unknown }]) => [
      setting,
      schema as TSchema,
    ]),
);

export const valuesSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Values of the chart dent-serve',
  ...closed({
    // Of Helm itself, for charts that have this one as a dependency.
    global: object,
    nameOverride: name,
    fullnameOverride: name,
    commonLabels: names,
    image: closed({
      repository: Type.String(),
      tag: Type.String({ pattern: '^[-.\\w]{0,128}$' }),
      digest: Type.String({ pattern: '^(sha256:[0-9a-f]{64})?$' }),
      pullPolicy,
    }),
    imagePullSecrets: objects,
    queue: closed({
      mode: Type.Enum(['memory', 'redis']),
      prefix: Type.String({ pattern: '^[\\w.:-]{1,64}$' }),
    }),
    redis: closed({
      existingSecret: name,
      existingSecretKey: fileName,
      internal: closed({
        enabled: flag,
        image: closed({ repository: text, tag: text, pullPolicy }),
        existingSecret: name,
        maxMemory: Type.String({ pattern: '^[0-9]+(b|kb|mb|gb)$' }),
        persistence: closed({ enabled: flag, size: quantity, storageClassName: name }),
        resources,
      }),
    }),
    models: closed({
      source: Type.Enum(['image', 'pvc', 'download']),
      pvc: closed({ claimName: name, subPath: Type.String({ pattern: '^([^/].*)?$' }) }),
      download: closed({
        url,
        existingSecret: name,
        existingSecretKey: fileName,
        sha256: Type.String({ pattern: '^([0-9a-fA-F]{64})?$' }),
        maxBytes: whole(1, Number.MAX_SAFE_INTEGER),
        sizeLimit: quantity,
      }),
    }),
    engine: closed({
      threads: orNull(whole(1, 1024)),
      resources,
      gpu: closed({
        enabled: flag,
        count: whole(0, 64),
        resourceName: Type.String({ pattern: '^[-.a-z0-9]+/[-._a-zA-Z0-9]+$' }),
        runtimeClassName: name,
        imageTagSuffix: Type.String({ pattern: '^[-.\\w]*$' }),
        nodeSelector: names,
        tolerations: objects,
      }),
      cache: closed({
        kind: Type.Enum(['emptyDir', 'pvc']),
        sizeLimit: quantity,
        pvc: closed({ existingClaim: name, size: quantity, storageClassName: name }),
      }),
    }),
    settings: closed(passedOn),
    lifecycle: closed({
      drainDelayMs: whole(0, 600_000),
      closeTimeoutMs: whole(1, 3_600_000),
      terminationGracePeriodSeconds: orNull(whole(1)),
      startupSeconds: whole(5, 86_400),
    }),
    api: closed({ replicas: whole(0, 1000), resources, ...pods }),
    worker: closed({ replicas: orNull(whole(0, 1000)), ...pods }),
    keda: closed({
      prometheusAddress: url,
      rowsPerReplica: whole(1),
      activationRows: whole(0),
      query: text,
      pollingInterval: whole(1),
      cooldownPeriod: whole(0),
      fallbackReplicas: whole(0, 1000),
      authenticationRef: name,
    }),
    service: closed({ type: Type.Enum(['ClusterIP', 'NodePort', 'LoadBalancer']), port, annotations: names }),
    ingress: closed({
      enabled: flag,
      className: name,
      annotations: names,
      hosts: Type.Array(Type.String({ minLength: 1 })),
      paths: Type.Array(path, { minItems: 1 }),
      tls: Type.Array(closed({ secretName: name, hosts: Type.Array(text) })),
    }),
    httpRoute: closed({
      enabled: flag,
      parentRefs: objects,
      hostnames: Type.Array(text),
      paths: Type.Array(path, { minItems: 1 }),
    }),
    apiKeys: closed({ existingSecret: name, existingSecretKey: fileName }),
    networkPolicy: closed({
      enabled: flag,
      apiFrom: objects,
      metricsFrom: objects,
      dnsTo: objects,
      redisTo: objects,
      redisPorts: Type.Array(port, { minItems: 1 }),
      otlpTo: objects,
      downloadTo: objects,
      extraEgress: objects,
    }),
    tracing: closed({ endpoint: url }),
    monitoring: closed({
      enabled: flag,
      additionalLabels: names,
      interval: duration,
      scrapeTimeout: duration,
      rules: closed({ enabled: flag, runbookUrl: url }),
      dashboards: closed({ enabled: flag, labels: names, annotations: names }),
    }),
    serviceAccount: closed({ create: flag, name, annotations: names }),
    podSecurityContext: object,
    containerSecurityContext: object,
    tests: closed({ apiKeySecret: name, apiKeySecretKey: fileName }),
    extraObjects: Type.Array(Type.Union([object, text])),
  }),
};

/** Names that other charts have for values of this one, by their paths, each with what to set. */
export const otherNames: Readonly<Record<string, string>> = parse(
  readFileSync(new URL('dent-serve/files/other-names.yaml', import.meta.url), 'utf8'),
);
type Branch = { readonly properties: Record<string, Branch | object> };
for (const path of Object.keys(otherNames)) {
  const keys = path.split('.');
  const name = keys.pop()!;
  const owner = keys.reduce((branch, key) => branch.properties[key] as Branch, valuesSchema as Branch);
  // A schema can say that a name is wrong, but not what would be right: templates/_checks.tpl does.
  owner.properties[name] = {};
}
