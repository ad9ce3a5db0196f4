import { Writable } from 'node:stream';
import { pino } from 'pino';
import type { Access } from '../../src/access/index.ts';
import {
  buildApp,
  type HttpLimits,
  type HttpObserver,
  type PageFile,
  type Phase,
} from '../../src/http/index.ts';
import { solid } from '../images/pictures.ts';
import { createModelControl } from './model-control.ts';
import { createPixelInference } from './pixel-inference.ts';

type Finished = Parameters<HttpObserver['requestFinished']>[0];

/** The app over a small but real inference, and everything that it reports to the outside. */
export async function buildTestApp({
  version = '0.0.0',
  limits = {},
  access,
  origins,
  page,
}: {
  version?: string;
  limits?: Partial<HttpLimits>;
  access?: Access;
  origins?: readonly string[];
  page?: readonly PageFile[];
} = {}) {
  const inference = createPixelInference();
  const control = createModelControl();
  const lines: Record<string, unknown>[] = [];
  const finished: Finished[] = [];
  const seen = { phase: 'serving' as Phase, inFlight: 0 };
  const observer: HttpObserver = {
    predictionRoute() {},
    requestStarted() {
      seen.inFlight++;
    },
    requestFinished(request) {
      seen.inFlight--;
      finished.push(request);
    },
  };
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const app = await buildApp(
    {
      inference,
      control,
      ...(access && { access }),
      lifecycle: { phase: () => seen.phase },
      metrics: {
        contentType: 'text/plain; version=0.0.4; charset=utf-8',
        text: async () => '# HELP dent_ready Whether.\n',
      },
      observer,
      logger: pino({ level: 'debug' }, sink),
    },
    {
      version,
      ...(origins && { origins }),
      ...(page && { page }),
      limits: {
        bodyBytes: 16 * 2 ** 20,
        uploadBytes: 256 * 2 ** 20,
        requestTimeoutMs: 60_000,
        connections: 1000,
        ...limits,
      },
    },
  );
  return { app, inference, control, lines, finished, seen };
}
export type TestApp = Awaited<ReturnType<typeof buildTestApp>>;

/** An encoded picture of one colour. */
export const encoded = (
  format: 'png' | 'jpeg' | 'webp',
  colour: readonly [number, number, number],
): Promise<Buffer> => solid(8, 8, colour).toFormat(format).toBuffer();

/** A GET, and a prediction for the given PNG, as requests of the app. */
export const callsTo = ({ app }: TestApp, png: Buffer) => ({
  get: (url: string, headers = {}) => app.inject({ method: 'GET', url, headers }),
  predict: (url = '/v1/predict', headers = {}) =>
    app.inject({ method: 'POST', url, headers: { 'content-type': 'image/png', ...headers }, payload: png }),
});
