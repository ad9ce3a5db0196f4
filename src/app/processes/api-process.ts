import type { FastifyBaseLogger } from 'fastify';
import type { Config } from '../../config.ts';
import { createMetrics } from '../../metrics/index.ts';
import { VERSION } from '../../version.ts';
import { assemble } from '../assemble.ts';
import { listen } from '../listen.ts';
import { openAccess } from '../open-access.ts';
import { startTracing } from '../tracing.ts';
import { connectCalls } from './calls.ts';
import { type IpcPort, ipcChannel } from './channel.ts';
import { faultOf } from './faults.ts';
import type {
  ApiCalls,
  Counted,
  PrimaryCalls,
  ProcessLoad,
  SharedState,
  Start,
  VersionCounts,
} from './protocol.ts';
import {
  type AskPrimary,
  openRemoteBackend,
  patientAsk,
  remoteDelivery,
  remoteLimiter,
  remotePlayground,
} from './remote-backend.ts';
import { shareOf } from './share-of.ts';
import { type PrimaryWatch, SILENT, watchPrimary } from './watch-primary.ts';

type CreateLog = (config: Config) => FastifyBaseLogger;

/** The HTTP side of a server. It listens when this resolves. */
async function serve(
  ask: AskPrimary,
  watch: PrimaryWatch,
  { config, process, state, hasPlayground }: Start,
  createLog: CreateLog,
) {
  const log = createLog(config).child({ process });
  watch.onChange((isSilent) => {
    if (isSilent) log.error(SILENT);
    else log.info('the first process of the server works again');
  });
  const tracing = await startTracing(config, 'dent-serve', remoteDelivery(ask));
  const metrics = createMetrics(VERSION);
  const access = await openAccess(config, log, remoteLimiter(ask, watch));
  const patient = patientAsk(ask, watch);
  const backend = openRemoteBackend(patient, watch, state);
  const page = { contentType: metrics.contentType, text: () => patient('metrics', undefined) };
  const house = await assemble(
    shareOf(config),
    {
      backend,
      access,
      metrics,
      metricsPage: config.metricsPort === undefined ? page : undefined,
      playground: () => (hasPlayground ? remotePlayground(patient) : undefined),
      statistics: (content) => patient('statistics', content),
      hungReason: () => (watch.isSilent() ? SILENT : undefined),
    },
    log,
  );
  const { movableConnections } = await import('../../http/index.ts');
  const connections = movableConnections(house.app.server);
  metrics.watch({ isReady: house.isReady });
  const url = await listen(house.app, config, `API process ${process} of ${config.processes}`);
  // From now on it asks every second. It may stop before it has done so once.
  watch.heard();
  return {
    url,
    metrics,
    backend,
    house,
    connections,
    async close(drainDelayMs: number): Promise<void> {
      await house.drain(drainDelayMs);
      await backend.close();
      watch.stop();
      access?.close();
      await tracing.close();
    },
  };
}
type Serving = Awaited<ReturnType<typeof serve>>;

/** Of the versions that have been asked for. */
const countsByVersion = ({ backend: { models }, house }: Serving): VersionCounts[] =>
  models
    .contents()
    .map((content) => ({ content, statistics: house.ownStatistics(models.describe(content)!) }))
    .filter(({ statistics: { success, fail } }) => success.count + fail.count > 0);

/** Tells the load since the last call. */
function createLoadMeter() {
  let last = performance.eventLoopUtilization();
  return (serving: Serving | undefined): ProcessLoad => {
    const now = performance.eventLoopUtilization();
    const busy = performance.eventLoopUtilization(now, last).utilization;
    last = now;
    return { active: serving?.connections.countActive() ?? 0, busy };
  };
}

/** What the primary process may ask while this one starts, and afterwards. */
function createHandlers(started: Promise<Serving>, watch: PrimaryWatch) {
  let serving: Serving | undefined;
  let latest: SharedState | undefined;
  const loadOf = createLoadMeter();
  started.then(
    (value) => {
      serving = value;
      if (latest) serving.backend.show(latest);
    },
    () => {},
  );
  return {
    state(state: SharedState) {
      latest = state;
      serving?.backend.show(state);
    },
    holds: (content: string) => serving?.backend.models.isHeld(content) ?? false,
    async counted(): Promise<Counted> {
      watch.heard();
      return {
        load: loadOf(serving),
        metrics: (await serving?.metrics.counts()) ?? [],
        statistics: serving ? countsByVersion(serving) : [],
      };
    },
    moveConnections: (count: number) => serving?.connections.move(count),
    metrics: async () => (serving ? serving.metrics.snapshot() : []),
    statistics(content: string) {
      const version = serving?.backend.models.describe(content);
      return version && serving!.house.ownStatistics(version);
    },
    close: async (drainDelayMs: number) => (await started).close(drainDelayMs),
  };
}

/** Serves HTTP as one of several processes, until the primary process ends it. */
export async function runApiProcess(createLog: CreateLog): Promise<void> {
  // A terminal and a process manager signal all processes of a group. The primary process alone decides.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) process.on(signal, () => {});
  let onStart!: (start: Start) => void;
  const start = new Promise<Start>((resolve) => {
    onStart = resolve;
  });
  const watch = watchPrimary();
  const channel = ipcChannel(process as NodeJS.Process & IpcPort);
  let started!: Promise<Serving>;
  const ask: AskPrimary = connectCalls<PrimaryCalls, ApiCalls>(channel, (ask) => {
    started = start.then((given) => serve(ask, watch, given, createLog));
    return createHandlers(started, watch);
  });
  try {
    onStart(await ask('enter', undefined));
    await ask('listening', (await started).url);
  } catch (error) {
    await ask('failed', faultOf(error));
    process.exit(1);
  }
}
