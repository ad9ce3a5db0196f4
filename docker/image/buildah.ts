import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { requireProgram } from '../../test/fixtures/redis/program.ts';

const run = promisify(execFile);
const STAND_IN = new URL('stand-in.sh', import.meta.url).pathname;
/** A build prints more than execFile keeps by default. */
const MAX_OUTPUT = 64 * 1024 ** 2;

/** The part of an image's configuration that starts its containers. */
export interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly WorkingDir: string;
  readonly Healthcheck: { readonly Test: readonly string[] };
  readonly Labels: Readonly<Record<string, string>>;
}

/** Images of a test's own. */
export interface Images {
  /** An image that contains only what `stand-in.sh` makes. */
  standIn(name: string): Promise<void>;
  /** Builds a Dockerfile with the repository as its context. */
  build(name: string, dockerfile: string, args: Readonly<Record<string, string>>): Promise<void>;
  config(name: string): Promise<ImageConfig>;
  /** The folder where the image's files lie until `remove`. */
  mount(name: string): Promise<string>;
  remove(): Promise<void>;
}

/** A store for images in a folder of its own. Needs no engine and no registry. */
export async function openImages(): Promise<Images> {
  if (process.getuid!() !== 0) throw new Error('These tests mount file systems: run them as root.');
  await requireProgram('buildah', 'buildah');
  // Not below /tmp, which is often memory.
  const folder = await mkdtemp('/var/tmp/dent-images-');
  const env = { ...process.env, BUILDAH_ISOLATION: 'chroot', TMPDIR: folder };
  const store = ['--root', join(folder, 'images'), '--runroot', join(folder, 'run')];
  const withDriver = (driver: string) => async (args: readonly string[]) => {
    const all = [...store, '--storage-driver', driver, ...args];
    return (await run('buildah', all, { env, maxBuffer: MAX_OUTPUT })).stdout.trim();
  };
  // If the machine is itself a container on overlays, it may allow no more of them.
  const driver = await withDriver('overlay')(['info']).then(
    () => 'overlay',
    () => 'vfs',
  );
  const buildah = withDriver(driver);

  return {
    async standIn(name) {
      const root = join(folder, 'stand-in');
      await run('bash', [STAND_IN, root]);
      const container = await buildah(['from', 'scratch']);
      await buildah(['add', '--quiet', container, root, '/']);
      await buildah(['commit', '--quiet', '--rm', container, name]);
      await rm(root, { recursive: true });
    },
    async build(name, dockerfile, args) {
      const given = Object.entries(args).flatMap(([arg, value]) => ['--build-arg', `${arg}=${value}`]);
      const options = ['--pull-never', '--format', 'docker', '--file', dockerfile, '--tag', name];
      await buildah(['bud', ...options, ...given, '.']);
    },
    config: async (name) => JSON.parse(await buildah(['inspect', '--type', 'image', name])).Docker.config,
    mount: async (name) => buildah(['mount', await buildah(['from', '--pull-never', name])]),
    async remove() {
      await buildah(['rm', '--all']);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
