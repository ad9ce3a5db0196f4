import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { ImageConfig } from './buildah.ts';

/** A pod of the chart in Kubernetes: the root is read-only, except for /tmp and the cache. */
const MOUNTS = `
mount --bind "$0" "$0"
mount -o remount,bind,ro "$0"
mount -t proc proc "$0/proc"
mount --rbind /dev "$0/dev"
mount -t tmpfs tmpfs "$0/tmp"
mount -t tmpfs -o "$(stat -c mode=%a,uid=%u,gid=%g "$0/cache")" tmpfs "$0/cache"
`;
/** The first process of the PID namespace is the image's, with nothing around it. */
const START = `set -e; ${MOUNTS}
root=$0 user=$1 folder=$2; shift 2
exec setpriv --no-new-privs chroot --userspec="$user" --groups="\${user#*:}" "$root" env --ignore-environment --chdir="$folder" "$@"`;

export interface Container {
  /** Its output so far. */
  readonly output: readonly string[];
  /** Sends a signal to its first process. */
  signal(name: NodeJS.Signals): void;
  /** Runs a program beside it. Returns its exit code and output. */
  execute(command: readonly string[]): Promise<{ readonly code: number; readonly output: string }>;
  readonly exit: Promise<number | null>;
}

/** The process that unshare has started, by its number on this machine. */
async function childOf(pid: number): Promise<number> {
  for (;;) {
    const [child] = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ');
    if (child) return Number(child);
    await pause(10);
  }
}

/**
 * Starts an image whose files are in `root`, by its configuration, with `args` for its command and additional
 * `env`.
 */
export async function startContainer(
  root: string,
  { User, Env, Entrypoint, Cmd, WorkingDir }: ImageConfig,
  { args = Cmd, env = {} }: { args?: readonly string[]; env?: Readonly<Record<string, string>> },
): Promise<Container> {
  const variables = [...Env, ...Object.entries(env).map(([name, value]) => `${name}=${value}`)];
  const started = [root, User, WorkingDir, ...variables, ...Entrypoint, ...args];
  const unshare = ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', START, ...started];
  const child = spawn('unshare', unshare, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => output.push(text));
  }
  const pid = await childOf(child.pid!);
  const [uid, gid] = User.split(':') as [string, string];
  return {
    output,
    signal: (name) => process.kill(pid, name),
    execute(command) {
      const inside = [
        '--target',
        `${pid}`,
        '--mount',
        '--pid',
        '--root',
        '--wd',
        '--setuid',
        uid,
        '--setgid',
        gid,
      ];
      const all = [
        ...inside,
        'env',
        '--ignore-environment',
        `--chdir=${WorkingDir}`,
        ...variables,
        ...command,
      ];
      return new Promise((done) => {
        execFile('nsenter', all, (error, stdout, stderr) =>
          done({ code: Number(error?.code ?? 0), output: stdout + stderr }),
        );
      });
    },
    exit: once(child, 'close').then(([code]) => code as number | null),
  };
}
