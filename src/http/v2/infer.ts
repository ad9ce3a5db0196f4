import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Inference } from '../../inference/inference.ts';
import { CONTENT_ENCODINGS } from '../body/content-encoding.ts';
import { answer, openInferenceErrors, PREDICT_PROBLEMS } from '../server/answers.ts';
import type { App } from '../server/app-instance.ts';
import { grant } from '../server/caller.ts';
import { hangUp } from '../server/hang-up.ts';
import { type Lifecycle, refuseWhileEnding } from '../server/lifecycle.ts';
import { noteChoice, noteRows } from '../server/observation.ts';
import { seesStatic } from '../server/visibility.ts';
import { chooseVersion } from './choose-version.ts';
import { readCall, refuseStray } from './codec/request.ts';
import { writeAnswer } from './codec/response.ts';
import { INFER_REQUEST_EXAMPLE, INFER_RESPONSE_EXAMPLE } from './schemas/examples.ts';
import { NamedModel, NamedVersion } from './schemas/open-inference.ts';

const HEADER_LENGTH = 'inference-header-content-length';

const DESCRIPTION =
  "Predicts the rows of one tensor, all or none. They wait in the same queue as the images of /v1 and may share their batches. The model's " +
  'one input takes FP32 [N, C, H, W], normalised as the model wants it, or UINT8 of the same shape: pixels, which the server normalises. ' +
  'Outputs are the adapted logits under the name that the model gives them, `static_logits` of the model as it is, and `entropy` [N, steps + 1] in nats. ' +
  'Tensors are JSON, or bytes behind the JSON (binary tensor data extension), whose length the header `Inference-Header-Content-Length` tells; 0 there ' +
  'means that the body is one image of the type that the metadata names and nothing else. A body may be compressed with gzip, deflate or br; answers never are.';

const binary = (description: string) => ({ type: 'string', format: 'binary', description });
const InferResponseRef = { $ref: 'InferResponse#' };
const LENGTH_HEADER = {
  'Inference-Header-Content-Length': {
    type: 'integer',
    minimum: 1,
    description: 'Length of the JSON in bytes, where binary tensors follow it.',
  },
};

const schemaOf = (operationId: string) => ({
  operationId,
  summary: 'Predict the rows of a tensor',
  description: DESCRIPTION,
  tags: ['open inference'],
  response: {
    200: {
      ...answer(
        'The prediction.',
        'application/json',
        InferResponseRef,
        INFER_RESPONSE_EXAMPLE,
        LENGTH_HEADER,
      ),
      content: {
        'application/json': { schema: InferResponseRef, example: INFER_RESPONSE_EXAMPLE },
        'application/octet-stream': { schema: binary('The JSON, and the binary tensors behind it.') },
      },
    },
    ...openInferenceErrors(...PREDICT_PROBLEMS),
  },
});

/** For the document: the handler reads the body itself, so Fastify has nothing to validate. */
const DOCUMENTED_BODY = {
  content: {
    'application/json': { schema: { $ref: 'InferRequest#' }, example: INFER_REQUEST_EXAMPLE },
    'application/octet-stream': { schema: binary('The JSON, and the binary tensors behind it.') },
  },
};
const DOCUMENTED_HEADERS = {
  type: 'object',
  properties: {
    [HEADER_LENGTH]: {
      type: 'integer',
      minimum: 0,
      description: 'Length of the JSON in bytes, where binary tensors follow it.',
    },
    'content-encoding': { type: 'string', enum: CONTENT_ENCODINGS },
  },
};

const config = {
  predicts: true,
  scope: 'predict',
  swaggerTransform: ({ schema, url }: { schema: object; url: string }) => ({
    schema: { ...schema, headers: DOCUMENTED_HEADERS, body: DOCUMENTED_BODY },
    url,
  }),
} as const;

interface InferDeps {
  readonly inference: Inference;
  readonly lifecycle: Lifecycle;
}

export function inferRoutes(app: App, { inference, lifecycle }: InferDeps): void {
  const onRequest = refuseWhileEnding(lifecycle);

  async function infer(
    request: FastifyRequest,
    reply: FastifyReply,
    which: { model: string; version?: string },
  ): Promise<FastifyReply> {
    refuseStray(request.query as object);
    const version = chooseVersion(inference, which);
    const headerLength = request.headers[HEADER_LENGTH];
    const body = (request.body as Buffer | undefined) ?? Buffer.alloc(0);
    const call = readCall(version, body, headerLength?.toString(), seesStatic(request));
    // The request lives until its answer, but its body need not.
    request.body = undefined;
    const prediction = await inference.predictRows({
      ...call.rows,
      model: version.name,
      version: version.version,
      ...grant(request, call.rows.priority),
      signal: hangUp(request.raw, reply.raw),
      listener: { chosen: (choice) => noteChoice(request, choice), replayed() {} },
    });
    noteRows(request, prediction);
    const { body: written, headerLength: jsonLength } = writeAnswer(
      prediction,
      version.manifest.labels,
      call,
    );
    if (jsonLength === undefined) return reply.type('application/json').send(written);
    return reply.type('application/octet-stream').header(HEADER_LENGTH, jsonLength).send(written);
  }

  app.post(
    '/v2/models/:model/infer',
    { schema: { ...schemaOf('infer'), params: NamedModel }, config, onRequest },
    (request, reply) => infer(request, reply, request.params),
  );
  app.post(
    '/v2/models/:model/versions/:version/infer',
    { schema: { ...schemaOf('inferWithVersion'), params: NamedVersion }, config, onRequest },
    (request, reply) => infer(request, reply, request.params),
  );
}
