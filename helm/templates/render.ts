import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

/** The part of a Kubernetes object that the tests read. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels: Record<string, string>;
    readonly annotations?: Record<string, string>;
  };
  // biome-ignore lint/suspicious/noExplicitAny: every kind has another one
  readonly spec: any;
  readonly data?: Record<string, string>;
  readonly stringData?: Record<string, string>;
}

/** The part of a pod that the tests read. */
export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly { readonly name: string; readonly emptyDir?: object }[];
  readonly securityContext: Record<string, unknown>;
  readonly automountServiceAccountToken: boolean;
  readonly enableServiceLinks: boolean;
  readonly terminationGracePeriodSeconds: number;
  readonly [field: string]: unknown;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: object }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly?: boolean;
  }[];
  readonly resources: Record<string, Record<string, unknown>>;
  readonly securityContext: Record<string, unknown>;
  readonly [field: string]: unknown;
}

export const CHART = new URL('../dent-serve/', import.meta.url).pathname;
const HELM = process.env.HELM ?? 'helm';
/** A helm built by Go alone assumes an ancient Kubernetes. */
const KUBERNETES = ['--kube-version', '1.34.0'];

try {
  execFileSync(HELM, ['version', '--short'], { stdio: 'ignore' });
} catch {
  throw new Error('These tests need helm: go install helm.sh/helm/v3/cmd/helm@v3.22.0, or name it in HELM.');
}

/** The files of values that the chart is tested with. */
export const VALUES_FILES: readonly string[] = readdirSync(join(CHART, 'ci')).map((file) =>
  join(CHART, 'ci', file),
);

/** Values as a file of values or as an object. */
export type Values = string | object;

/** The value without a default. Files of values set it themselves. */
const NEEDED = { image: { repository: 'dent-serve' } };

function run(
  command: readonly string[],
  values: Values,
): { status: number | null; stdout: string; stderr: string } {
  const folder = mkdtempSync(join(tmpdir(), 'dent-chart-'));
  try {
    const files =
      typeof values === 'string' ? [values] : [join(folder, 'needed.yaml'), join(folder, 'values.yaml')];
    if (typeof values !== 'string') {
      for (const [i, each] of [NEEDED, values].entries()) writeFileSync(files[i]!, JSON.stringify(each));
    }
    const options = [...KUBERNETES, '--namespace', 'serving', ...files.flatMap((file) => ['--values', file])];
    return spawnSync(HELM, [...command, ...options], { encoding: 'utf8', maxBuffer: 64 * 1024 ** 2 });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The path of a field that is there without a value, which validators of manifests refuse. */
function emptyField(value: unknown, path = ''): string | undefined {
  if (value === null) return path;
  if (typeof value !== 'object') return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const found = emptyField(inner, `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The output of `helm template` for these values, for a release named `vision`. */
export function render(values: Values = {}, chart = CHART): Manifest[] {
  const { status, stdout, stderr } = run(['template', 'vision', chart], values);
  if (status !== 0) throw new Error(stderr);
  return parseAllDocuments(stdout, { schema: 'yaml-1.1' })
    .map((document) => {
      // For example a field that is given twice.
      if (document.errors.length > 0) throw document.errors[0];
      return document.toJS() as Manifest | null;
    })
    .filter((manifest) => manifest !== null)
    .map((manifest) => {
      const empty = emptyField(manifest);
      if (empty === undefined) return manifest;
      throw new Error(`${manifest.kind} ${manifest.metadata.name}: ${empty} has no value.`);
    });
}

/** Why helm refuses these values. */
export function refusal(values: Values): string {
  const { status, stderr } = run(['template', 'vision', CHART], values);
  if (status === 0) throw new Error('The values were not refused.');
  return stderr;
}

/**
 * helm's message after an installation. helm prints it only with a cluster, so an object of our own quotes
 * it.
 */
export function notes(values: object): string {
  const quote = `{ kind: Notes, metadata: { name: notes }, spec: {{ include (print .Template.BasePath "/NOTES.txt") . | toJson }} }`;
  return find(render({ ...values, extraObjects: [quote] }), 'Notes').spec;
}

export const lint = (values: Values) => run(['lint', '--strict', CHART], values);

/** The objects of a kind. */
export const ofKind = (manifests: readonly Manifest[], kind: string): Manifest[] =>
  manifests.filter((manifest) => manifest.kind === kind);

/** The one object of a kind whose name ends with `suffix`. */
export function find(manifests: readonly Manifest[], kind: string, suffix = ''): Manifest {
  const found = ofKind(manifests, kind).filter(({ metadata }) => metadata.name.endsWith(suffix));
  if (found.length !== 1) throw new Error(`${found.length} objects of kind ${kind} end in "${suffix}".`);
  return found[0]!;
}

/** Every pod that the objects would start, and its owner. */
export const podsOf = (manifests: readonly Manifest[]): { owner: Manifest; pod: PodSpec }[] =>
  manifests.flatMap((owner) => {
    if (owner.kind === 'Pod') return [{ owner, pod: owner.spec as PodSpec }];
    const pod: PodSpec | undefined = owner.spec?.template?.spec;
    return pod ? [{ owner, pod }] : [];
  });

export const containersOf = ({ initContainers = [], containers }: PodSpec): Container[] => [
  ...initContainers,
  ...containers,
];

/** The pod of the Deployment with this component's name, and its one container. */
export function podOf(manifests: readonly Manifest[], component: 'api' | 'worker') {
  const owner = find(manifests, 'Deployment', `-${component}`);
  const pod: PodSpec = owner.spec.template.spec;
  return { owner, pod, container: pod.containers[0]! };
}

/** The variables of a container. Those from elsewhere show their source. */
export const envOf = ({ env = [] }: Container): Record<string, unknown> =>
  Object.fromEntries(env.map(({ name, value, valueFrom }) => [name, value ?? valueFrom]));
