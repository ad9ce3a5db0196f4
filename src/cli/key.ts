import { Command, InvalidArgumentError, Option } from 'commander';
import { createKey, digestOf, isKeyName, parseKeyFile } from '../access/index.ts';

interface KeyOptions {
  readonly scope: readonly string[];
  readonly json?: boolean;
}

function printKey(name: string, { scope, json }: KeyOptions): void {
  const key = createKey();
  const entry = { name, sha256: digestOf(key), scopes: scope };
  // Prints no entry that the service would refuse.
  parseKeyFile(JSON.stringify({ keys: [entry] }), 'The new key');
  const text = JSON.stringify(entry, null, 2);
  process.stdout.write(
    json
      ? `${JSON.stringify({ key, entry }, null, 2)}\n`
      : `The key, which cannot be shown again:\n${key}\n\nIts entry in the "keys" of DENT_API_KEYS_FILE:\n${text}\n`,
  );
}

function keyName(text: string): string {
  if (isKeyName(text)) return text;
  throw new InvalidArgumentError(
    'It must begin with a letter or a digit, and have up to 64 of letters, digits, ".", "_" and "-".',
  );
}

/** `dent key`: a new API key, and its entry for the key file. */
export const keyCommand = (): Command =>
  new Command('key')
    .description('Make an API key. The key file of `dent serve` holds its digest only.')
    .argument('<name>', 'who will use the key', keyName)
    .addOption(
      new Option('--scope <scopes...>', 'what for')
        .choices(['predict', 'admin', 'metrics'])
        .default(['predict']),
    )
    .option('--json', 'print one JSON object')
    .action(printKey);
