import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { envSchema } from 'env-schema';
import Type from 'typebox';
import { InputError } from './errors.ts';

/**
 * Every setting of the server. The environment variable of `maxBodyBytes` is DENT_MAX_BODY_BYTES, and so on; an option of
 * the command line wins over it. The Helm chart takes from here what its values may be.
 */
export const settings = {
  /** 0 takes any free port; the log says which. */
  port: Type.Integer({ minimum: 0, maximum: 65_535, default: 8080 }),
  /** 127.0.0.1 is reached from this machine only, 0.0.0.0 from everywhere: then set `apiKeysFile`. */
  host: Type.String({ minLength: 1, default: '127.0.0.1' }),
  /** Who may come in, by the digests of their keys (SECURITY.md). Everybody may where it is not set. Read again when it changes. */
  apiKeysFile: Type.Optional(Type.String({ minLength: 1 })),
  /** Origins whose pages may call, with commas between them, or `*` for all; no page of another origin may where it is not set. */
  corsOrigins: Type.Optional(Type.String({ minLength: 1 })),
  /** Whether `/` is the page where a person sees pictures being defended. Without it `/` leads to `/docs`. */
  page: Type.Enum(['on', 'off'], { default: 'on' }),
  /** A port of its own for health and metrics, on the same host. `/metrics` is then not on the other, and asks for no key. */
  metricsPort: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535 })),
  /** The model repository. Whoever can write to it decides what is computed here. */
  models: Type.String({ minLength: 1, default: 'models' }),
  /** How often to look for new, changed and removed models; 0 for only when `/v2/repository` is told to. */
  repositoryPollMs: Type.Integer({ minimum: 0, maximum: 3_600_000, default: 2000 }),
  /** The model of `POST /v1/predict`; the first in the order of names where it is not set. */
  defaultModel: Type.Optional(Type.String({ minLength: 1 })),
  /** Where rows wait: in this process, or in Redis, from where `dent worker` takes them. */
  queue: Type.Enum(['memory', 'redis'], { default: 'memory' }),
  /** redis://[user:password@]host[:port][/db]; also rediss, redis+sentinel and redis+cluster. Never logged. */
  redisUrl: Type.Optional(Type.String({ minLength: 1 })),
  /** What every key in Redis begins with. Services that share a Redis need one each. */
  redisPrefix: Type.String({ pattern: '^[\\w.:-]{1,64}$', default: 'dent' }),
  /** How long answers to `Prefer: respond-async` and to requests with an `Idempotency-Key` can be had again. */
  keepResultsMs: Type.Integer({ minimum: 1000, maximum: 86_400_000, default: 600_000 }),
  /**
   * How long an API process over Redis may see no worker at all before it is not ready and refuses images. 0 for ever, where workers
   * are started by the length of the queue.
   */
  noWorkerMs: Type.Integer({ minimum: 0, maximum: 86_400_000, default: 60_000 }),
  /** Where graphs run. `cuda` needs an NVIDIA GPU and does not fall back. */
  device: Type.Enum(['cpu', 'cuda'], { default: 'cpu' }),
  /** Cores for inference, each a process with its own copy of the models. More than there are makes everything slower. */
  threads: Type.Integer({ minimum: 1, maximum: 1024, default: availableParallelism() }),
  /** Compiled models, kept for the next start; `.cache/dent` beside the model repository where it is not set. */
  cacheDir: Type.Optional(Type.String({ minLength: 1 })),
  /** Where an OpenTelemetry collector takes OTLP over HTTP, such as http://127.0.0.1:4318. Without it no spans are recorded. */
  otlpEndpoint: Type.Optional(Type.String({ pattern: '^https?://.' })),
  /** `debug` logs every request; `silent` hides failures too. */
  logLevel: Type.Enum(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'], { default: 'info' }),
  /** Larger bodies are refused with 413. */
  maxBodyBytes: Type.Integer({ minimum: 1024, maximum: 1024 ** 3, default: 10 * 1024 ** 2 }),
  /**
   * Bodies of all requests that are held at a time; more are refused with 429, slow ones first. Images that wait to be decoded
   * and rows that wait for their batch take memory beside it.
   */
  maxUploadBytes: Type.Integer({ minimum: 1024, maximum: 1024 ** 4, default: 256 * 1024 ** 2 }),
  /** Connections open at a time. One more closes the one that has been idle for longest. Each needs an open file. */
  maxConnections: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 4096 }),
  /** How long a request may take to arrive in full. Slower senders lose their connection; too short shuts out bad networks. */
  requestTimeoutMs: Type.Integer({ minimum: 1, maximum: 3_600_000, default: 30_000 }),
  /** Images of more pixels are refused with 413 before they are decoded: a few kilobytes can hold gigabytes of pixels. */
  maxPixels: Type.Integer({ minimum: 1, maximum: 1e9, default: 25_000_000 }),
  /** How long after SIGTERM requests are still accepted, with readiness at 503: the time a load balancer needs to look away. */
  drainDelayMs: Type.Integer({ minimum: 0, maximum: 600_000, default: 2000 }),
  /** How long closing may take in all before the process exits with 1. Must exceed drain delay and the models' time-outs. */
  closeTimeoutMs: Type.Integer({ minimum: 1, maximum: 3_600_000, default: 60_000 }),
  /** A run of the engine that takes longer counts as hung: its process is killed and the run repeated once. */
  runTimeoutMs: Type.Integer({ minimum: 100, maximum: 3_600_000, default: 60_000 }),
};
type Settings = Type.Static<Type.TObject<typeof settings>>;
export type Setting = keyof Settings;
export type Config = Readonly<Settings & { cacheDir: string }>;

/** What env-schema's errors hold of Ajv's. */
type EnvSchemaErrors = { instancePath: string; message?: string; params?: Record<string, unknown> }[];

/** The environment variable of a setting. */
export const variable = (setting: string): string =>
  `DENT_${setting.replaceAll(/[A-Z]/g, '_$&').toUpperCase()}`;

function requirement({ message, params = {} }: EnvSchemaErrors[number]): string {
  if (Array.isArray(params.allowedValues)) return `must be one of ${params.allowedValues.join(', ')}`;
  return params.type === 'integer' ? 'must be a whole number' : `${message}`;
}

/** The values of the text in `data` by the schema of `names`. `call` says what a setting is called where it came from. */
function readSettings<K extends Setting>(
  names: readonly K[],
  data: Readonly<Record<string, string>>,
  call: (name: string) => string,
): Pick<Settings, K> {
  const schema = Type.Object(Object.fromEntries(names.map((name) => [name, settings[name]])));
  try {
    return envSchema<Pick<Settings, K>>({ schema, data, env: false });
  } catch (cause) {
    const [first] = (cause as { errors?: EnvSchemaErrors }).errors ?? [];
    if (first === undefined) throw cause;
    const name = first.instancePath.slice(1);
    throw new InputError(`${call(name)} ${requirement(first)}; it is "${data[name]}".`, { cause });
  }
}

/** The value of one setting as an option of the command line gives it. Throws `InputError`. */
export function parseSetting<K extends Setting>(name: K, text: string): Settings[K] {
  return readSettings([name], { [name]: text }, () => 'The value')[name];
}

/**
 * The settings from the environment, under those in `options`, in which everything else is passed over; `defaults` are those
 * of a command that has others. The only place that reads the environment. Throws `InputError` naming the variable at fault.
 */
export function loadConfig(
  options: Readonly<Partial<Settings>>,
  defaults: Readonly<Partial<Settings>> = {},
): Config {
  const names = Object.keys(settings) as Setting[];
  const given: Record<string, string> = {};
  for (const name of names) {
    const text = process.env[variable(name)];
    // Compose files and charts set variables to nothing where they mean not to set them.
    if (text !== undefined && text !== '') given[name] = text;
  }
  const unset = Object.entries(defaults).filter(([name]) => given[name] === undefined);
  const chosen = Object.fromEntries(
    names.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  );
  const config: Settings = {
    ...readSettings(names, given, variable),
    ...Object.fromEntries(unset),
    ...chosen,
  };
  const cacheDir = config.cacheDir ?? join(dirname(resolve(config.models)), '.cache', 'dent');
  return Object.freeze({ ...config, cacheDir: resolve(cacheDir) });
}
