import { setTimeout as pause } from 'node:timers/promises';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import {
  changingRepository,
  servingOf,
  statesOf,
  unknownField,
} from '../../test/fixtures/models/changing-repository.ts';
import type { DescribedVersion } from './model.ts';
import { openModelDescriptions } from './model-repositories.ts';
import type { ModelRepository } from './repository.ts';

const place = await changingRepository();
const { bundled, closeLater, observer, writeModel, writeVersion } = place;

describe('without an engine', () => {
  const runnable = new Set<string>();
  let reachable = true;

  async function openDescriptions(pollMs = 0): Promise<ModelRepository<DescribedVersion>> {
    const isRunnable = async (content: string): Promise<boolean> => {
      if (!reachable) throw new Error('Redis is away.');
      return runnable.has(content);
    };
    const repository = await openModelDescriptions({ observer, isRunnable }, { root: place.root, pollMs });
    closeLater(repository);
    await repository.load();
    return repository;
  }
  beforeEach(() => {
    runnable.clear();
    reachable = true;
  });

  it('does not serve what no worker has while one has an older version', async () => {
    await writeModel('a');
    const repository = await openDescriptions();
    const old = servingOf(repository, 'a');
    runnable.add(old.content);
    await writeVersion('a', 2);
    await repository.reload();
    expect(statesOf(repository, 'a')).toEqual(['1 ready', '2 loading']);
    expect(repository.model('a')!.versions[1]).toHaveProperty(
      'reason',
      'No worker has its files as they are now.',
    );
    expect(servingOf(repository, 'a').version).toBe(1);
    // A changed file of a version that serves.
    await writeVersion('a', 1, Buffer.concat([bundled, unknownField(9)]));
    await repository.reload();
    expect(repository.model('a')!.versions[0]).toMatchObject({
      serving: { sha256: old.sha256 },
      reason: 'No worker has its files as they are now.',
    });
    reachable = false;
    await repository.reload();
    expect(servingOf(repository, 'a').content).toBe(old.content);
    reachable = true;
    runnable.clear();
    await repository.reload();
    expect(statesOf(repository, 'a')).toEqual(['1 ready', '2 ready']);
    expect(repository.model('a')!.versions[0]).not.toHaveProperty('reason');
  });

  it('goes on by itself once it can be told who has what', async () => {
    await writeModel('a', [1, 2]);
    reachable = false;
    const repository = await openDescriptions();
    expect(statesOf(repository, 'a')).toEqual(['1 ready', '2 loading']);
    expect(repository.isLoaded()).toBe(true);
    reachable = true;
    await vi.waitFor(() => expect(statesOf(repository, 'a')).toEqual(['1 ready', '2 ready']), 5000);
  });

  it('waits for a worker where it is asked to load a model', async () => {
    await writeModel('a');
    const repository = await openDescriptions();
    const contents = new Map([[1, servingOf(repository, 'a').content]]);
    runnable.add(contents.get(1)!);
    await writeVersion('a', 2);
    const loaded = repository.loadModel('a');
    await pause(100);
    expect(statesOf(repository, 'a')).toEqual(['1 ready', '2 loading']);
    // No worker has the first any more, so it makes no difference where rows of the second wait.
    runnable.clear();
    await loaded;
    expect(servingOf(repository, 'a').version).toBe(2);
  });
});
