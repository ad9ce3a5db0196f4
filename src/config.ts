import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { envSchema } from 'env-schema';
import Type from 'typebox';
import { boundInWords, InputError } from './errors.ts';

/**
 * Every setting of the server. The environment variable of `maxBodyBytes` is DENT_MAX_BODY_BYTES, and so on.
 * An option of the command line overrides it. The Helm chart takes the allowed values from here.
 */
export const settings = {
  /** 0 takes any free port, which the log names. */
  port: Type.Integer({ minimum: 0, maximum: 65_535, default: 8080 }),
  /** 127.0.0.1 can be reached from this machine only, 0.0.0.0 from everywhere: then set `apiKeysFile`. */
  host: Type.String({ minLength: 1, default: '127.0.0.1' }),
  /**
   * Who may come in, by the digests of their keys (SECURITY.md). Without it no key is needed. Read again when
   * it changes.
   */
  apiKeysFile: Type.Optional(Type.String({ minLength: 1 })),
  /**
   * Origins whose pages may call, separated by commas, or `*` for all. Without it no page of another origin
   * may call.
   */
  corsOrigins: Type.Optional(Type.String({ minLength: 1 })),
  /** Whether `/` is the page where a person sees pictures being defended. Without it `/` leads to `/docs`. */
  page: Type.Enum(['on', 'off'], { default: 'on' }),
  /**
   * Whether the server attacks pictures for the page, which costs much more than a prediction. On where it is
   * not set and `host` is reached from this machine only.
   */
  playground: Type.Optional(Type.Enum(['on', 'off'])),
  /**
   * A port of its own for health and metrics, on the same host. The main port then has no `/metrics`, and
   * this one asks for no key.
   */
  metricsPort: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535 })),
  /** The model repository. A person who can write to it decides what is computed here. */
  models: Type.String({ minLength: 1, default: 'models' }),
  /** How often to look for new, changed and removed models. 0: only when `/v2/repository` asks for it. */
  repositoryPollMs: Type.Integer({ minimum: 0, maximum: 3_600_000, default: 2000 }),
  /** The model of `POST /v1/predict`. Without it, the first model in the order of names. */
  defaultModel: Type.Optional(Type.String({ minLength: 1 })),
  /** Where rows wait: in this process, or in Redis, where `dent worker` takes them. */
  queue: Type.Enum(['memory', 'redis'], { default: 'memory' }),
  /**
   * redis://[user:password@]host[:port][/db]; also rediss, redis+sentinel and redis+cluster. Never logged.
   */
  redisUrl: Type.Optional(Type.String({ minLength: 1 })),
  /** The start of every key in Redis. Services that share a Redis need different ones. */
  redisPrefix: Type.String({
    pattern: '^[\\w.:-]{1,64}$',
    description: '1 to 64 of letters, digits, "_", ".", ":" and "-"',
    default: 'dent',
  }),
  /**
   * How long answers to `Prefer: respond-async`, and to requests with an `Idempotency-Key`, can be fetched
   * again.
   */
  keepResultsMs: Type.Integer({ minimum: 1000, maximum: 86_400_000, default: 600_000 }),
  /**
   * How long an API process over Redis may see no worker at all. After that it is not ready and refuses
   * images. 0 for ever: for setups that start workers by the length of the queue.
   */
  noWorkerMs: Type.Integer({ minimum: 0, maximum: 86_400_000, default: 60_000 }),
  /** Where graphs run. `cuda` needs an NVIDIA GPU and does not fall back. */
  device: Type.Enum(['cpu', 'cuda'], { default: 'cpu' }),
  /**
   * Cores for inference. Each is a process with its own copy of the models. More than the machine has make
   * everything slower.
   */
  threads: Type.Integer({ minimum: 1, maximum: 1024, default: availableParallelism() }),
  /**
   * Processes that answer HTTP and decode images, on one port. They share one queue and one engine, so a
   * batch holds images of all of them. More than 1 help where decoding limits a GPU.
   */
  processes: Type.Integer({ minimum: 1, maximum: 64, default: 1 }),
  /** Compiled models, kept for the next start. Without it: `.cache/dent` beside the model repository. */
  cacheDir: Type.Optional(Type.String({ minLength: 1 })),
  /**
   * Where an OpenTelemetry collector takes OTLP over HTTP, such as http://127.0.0.1:4318. Without it no spans
   * are recorded.
   */
  otlpEndpoint: Type.Optional(
    Type.String({
      pattern: '^https?://.',
      description: 'an address that begins with http:// or https://',
    }),
  ),
  /** `debug` logs every request; `silent` hides failures too. */
  logLevel: Type.Enum(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'], { default: 'info' }),
  /** Larger bodies are refused with 413. */
  maxBodyBytes: Type.Integer({ minimum: 1024, maximum: 1024 ** 3, default: 10 * 1024 ** 2 }),
  /**
   * Bytes of all requests' bodies held at a time. More are refused with 429, slow ones first. Images that
   * wait to be decoded, and rows that wait for their batch, take memory in addition.
   */
  maxUploadBytes: Type.Integer({ minimum: 1024, maximum: 1024 ** 4, default: 256 * 1024 ** 2 }),
  /**
   * Connections open at a time. One more closes the one that has been idle for longest. Each needs an open
   * file.
   */
  maxConnections: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 4096 }),
  /**
   * How long a request may take to arrive in full. Slower senders lose their connection. Too short a time
   * shuts out bad networks.
   */
  requestTimeoutMs: Type.Integer({ minimum: 1, maximum: 3_600_000, default: 30_000 }),
  /**
   * Images of more pixels are refused with 413 before they are decoded: a few kilobytes can hold gigabytes of
   * pixels.
   */
  maxPixels: Type.Integer({ minimum: 1, maximum: 1e9, default: 25_000_000 }),
  /**
   * How long requests are still accepted after SIGTERM, with readiness at 503: the time that a load balancer
   * needs to look away.
   */
  drainDelayMs: Type.Integer({ minimum: 0, maximum: 600_000, default: 2000 }),
  /**
   * How long closing may take in all. After that the process exits with 1. Must exceed the drain delay and
   * the models' time-outs.
   */
  closeTimeoutMs: Type.Integer({ minimum: 1, maximum: 3_600_000, default: 60_000 }),
  /** A longer run of the engine counts as hung: its process is killed, and the run repeats once. */
  runTimeoutMs: Type.Integer({ minimum: 100, maximum: 3_600_000, default: 60_000 }),
};
type Settings = Type.Static<Type.TObject<typeof settings>>;
export type Setting = keyof Settings;
export type Config = Readonly<Settings & { cacheDir: string }>;

/** The part of Ajv's errors that env-schema's errors hold. */
type EnvSchemaErrors = { instancePath: string; message?: string; params?: Record<string, unknown> }[];

/** The environment variable of a setting. */
export const variable = (setting: string): string =>
  `DENT_${setting.replaceAll(/[A-Z]/g, '_$&').toUpperCase()}`;

/** What Kubernetes sets in the pods beside a Service whose name begins with "dent". */
const OF_A_SERVICE = /_SERVICE_(?:HOST|PORT)|_PORT(?:_\d+_(?:TCP|UDP|SCTP)|$)/;

/** Variables of the environment that look like settings and are none, such as DENT_THREAD. */
export function unknownVariables(): string[] {
  const known = new Set(Object.keys(settings).map(variable));
  return Object.keys(process.env).filter(
    (name) => name.startsWith('DENT_') && !known.has(name) && !OF_A_SERVICE.test(name),
  );
}

function requirement(name: Setting, { message, params = {} }: EnvSchemaErrors[number]): string {
  if (Array.isArray(params.allowedValues)) return `must be one of ${params.allowedValues.join(', ')}`;
  if (params.type === 'integer') return 'must be a whole number';
  const { description } = settings[name] as { description?: string };
  if (params.pattern !== undefined && description !== undefined) return `must be ${description}`;
  return boundInWords(params) ?? `${message}`;
}

/** Reads the text in `data` by the schema of `names`. `call` gives the name of a setting at its source. */
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
    const name = first.instancePath.slice(1) as Setting;
    throw new InputError(`${call(name)} ${requirement(name, first)}; it is "${data[name]}".`, { cause });
  }
}

/** The value of one setting, given as an option of the command line. Throws `InputError`. */
export function parseSetting<K extends Setting>(name: K, text: string): Settings[K] {
  return readSettings([name], { [name]: text }, () => 'The value')[name];
}

/**
 * The settings from the environment. `options` override them (unknown options are ignored), and `defaults`
 * are the own defaults of a command. No other code reads the environment. Throws `InputError` naming the
 * variable at fault.
 */
export function loadConfig(
  options: Readonly<Partial<Settings>>,
  defaults: Readonly<Partial<Settings>> = {},
): Config {
  const names = Object.keys(settings) as Setting[];
  const given: Record<string, string> = {};
  for (const name of names) {
    const text = process.env[variable(name)];
    // Compose files and charts set a variable to the empty text when they mean not to set it.
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
