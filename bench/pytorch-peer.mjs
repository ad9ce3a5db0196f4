/** Starts `pytorch_peer.py`, which takes a batch through the same adaptation in PyTorch. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('pytorch_peer.py', import.meta.url));

/**
 * PYTHON names the interpreter (python3 by default), `flags` are those of the script. `run` resolves to the
 * seconds of one batch, the next of those that the flag `data` names.
 */
export async function startPeer(model, flags) {
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const child = spawn(process.env.PYTHON ?? 'python3', [SCRIPT, model, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  if ((await lines.next()).value !== 'ready') throw new Error('The PyTorch peer did not start.');
  return {
    async run() {
      child.stdin.write('\n');
      const { done, value } = await lines.next();
      if (done) throw new Error('The PyTorch peer ended: it says above why.');
      return Number(value);
    },
    close: () => child.stdin.end(),
  };
}
