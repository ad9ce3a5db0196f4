import { readFileSync } from 'node:fs';
import { PRIORITY_STEP_MS } from '../policy.ts';
import { MAX_TIMES_MEAN, RUN_DECAY } from '../run-time.ts';
import type { RedisClient } from './connection/connect.ts';

type Argument = string | number | Buffer;

/** Runs one script: replies as text, or as bytes where the reply holds any. */
export interface RunScript {
  text(...args: Argument[]): Promise<unknown>;
  bytes(...args: Argument[]): Promise<unknown>;
}

/** What the policy has in both of its forms. */
const CONSTANTS = `local PRIORITY_STEP_MS, MAX_TIMES_MEAN, RUN_DECAY = ${PRIORITY_STEP_MS}, ${MAX_TIMES_MEAN}, ${RUN_DECAY}\n`;
/** A line of a script that stands for the text of another one. */
const INCLUDE = /^-- include (\S+)$/gm;

/** The text of a file of `scripts/`, with those that it includes. */
function read(file: string): string {
  const text = readFileSync(new URL(`scripts/${file}`, import.meta.url), 'utf8');
  return text.replace(INCLUDE, (_line, included: string) => read(included));
}

const NAME_WHAT_FAILS = read('shared/name-what-fails.lua');
const WRITE_FIRST = read('shared/write-first.lua');

/**
 * Makes every script that is defined from now on, by any library, report which of its commands failed.
 * `evenWhenFull`: they also run when Redis has no memory left; for scripts that free memory in the end.
 */
export function prepareScripts(client: RedisClient, { evenWhenFull }: { evenWhenFull: boolean }): void {
  const define = client.defineCommand.bind(client);
  client.defineCommand = (name, { lua, ...definition }) =>
    define(name, {
      ...definition,
      lua: `${NAME_WHAT_FAILS}${evenWhenFull ? WRITE_FIRST : ''}${lua}`,
    });
}

/**
 * Makes scripts known to the client by their names, each a file of `scripts/`. The client sends their text
 * once and their hash from then on. Each gets `base` as its one key, which decides where in a cluster it
 * runs.
 */
export function defineScripts<Name extends string>(
  client: RedisClient,
  base: string,
  files: Readonly<Record<Name, string>>,
): Readonly<Record<Name, RunScript>> {
  const names = Object.keys(files) as Name[];
  for (const name of names)
    client.defineCommand(name, { numberOfKeys: 1, lua: CONSTANTS + read(files[name]) });
  const commands = client as unknown as Record<string, (...args: Argument[]) => Promise<unknown>>;
  const run = (name: Name): RunScript => ({
    text: (...args) => commands[name]!(base, ...args),
    bytes: (...args) => commands[`${name}Buffer`]!(base, ...args),
  });
  return Object.fromEntries(names.map((name) => [name, run(name)])) as Record<Name, RunScript>;
}
