import type { Redis } from 'ioredis';
import type { RedisClient } from './connect.ts';

/** How versions of Redis say that the user lacks a right, in a script or outside of one. */
const REFUSED = /NOPERM|ACL failure in script|The user executing the script can't/;
const IN_SCRIPT = /\[command: (\w+)\]/;

/** The command that Redis refused to its user, in capital letters. Undefined where the error is another. */
export function refusedCommand(error: unknown): string | undefined {
  if (!(error instanceof Error) || !REFUSED.test(error.message)) return undefined;
  const { command } = error as Error & { command?: { name: string } };
  return (IN_SCRIPT.exec(error.message)?.[1] ?? command?.name ?? 'unknown').toUpperCase();
}

/** The commands that the rules of Redis' operator refuse to this process. */
export interface Refusals {
  /** Records every refusal on this connection. */
  watch(client: RedisClient): void;
  /** Which `commands` of a script are refused at present, of all that scripts use. */
  checked(commands: readonly string[], refused: readonly string[]): void;
  any(): boolean;
  /** One sentence for each. */
  reasons(): string[];
}

/** For messages: `name` is the Redis in question, `base` the beginning of keys and channels. */
export function createRefusals({
  name,
  base,
  onFault,
}: {
  readonly name: string;
  readonly base: string;
  readonly onFault: (error: unknown, doing: string) => void;
}): Refusals {
  const refused = new Set<string>();
  const reasonOf = (command: string): string =>
    `Redis at ${name} refuses the command ${command}: its user may not use it, or not with keys and channels that begin with "${base}"; ` +
    'docs/scaling.md lists the rights that are needed.';

  function add(command: string): void {
    if (refused.has(command)) return;
    refused.add(command);
    onFault(new Error(reasonOf(command)), `using Redis: ${command} is refused`);
  }

  function judge(command: string, error: unknown): void {
    const found = refusedCommand(error);
    if (found !== undefined) add(found);
    // A script whose commands are refused may be allowed itself.
    else if (refused.size > 0 && error === undefined) refused.delete(command.toUpperCase());
  }

  return {
    watch(client) {
      // All commands go through here, including those of scripts and of libraries.
      const connection: Pick<Redis, 'sendCommand'> = client;
      const send = connection.sendCommand.bind(client);
      connection.sendCommand = (command, ...more) => {
        const { name: sent, promise } = command;
        promise.then(
          () => judge(sent, undefined),
          (error: unknown) => judge(sent, error),
        );
        return send(command, ...more);
      };
    },
    checked(commands, names) {
      for (const each of commands) if (!names.includes(each)) refused.delete(each);
      for (const each of names) add(each);
    },
    any: () => refused.size > 0,
    reasons: () => Array.from(refused, reasonOf),
  };
}
