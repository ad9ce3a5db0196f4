import { randomUUID } from 'node:crypto';
import { Compile } from 'typebox/compile';
import { ServiceError } from '../../errors.ts';
import type { RowsRequest } from '../../inference/inference.ts';
import type { DescribedVersion } from '../../models/model.ts';
import { InferRequest, type InferRequestBody } from '../schemas/open-inference.ts';
import { splitBody } from './body.ts';
import { readImages, readRawImage } from './images.ts';
import { chooseOutputs, type WantedOutput } from './outputs.ts';

/** An infer request as it was understood. */
export interface InferCall {
  readonly id: string;
  readonly rows: Omit<RowsRequest, 'model' | 'version' | 'caller' | 'signal'>;
  readonly outputs: readonly WantedOutput[];
}

const validator = Compile(InferRequest);

const invalid = (message: string, cause?: unknown): ServiceError =>
  new ServiceError('invalid_request', message, { cause });

function parse(json: Buffer): InferRequestBody {
  let value: unknown;
  try {
    value = JSON.parse(json.toString());
  } catch (cause) {
    throw invalid('The request is not valid JSON.', cause);
  }
  if (validator.Check(value)) return value;
  throw invalid(complaint(validator.Errors(value)[0]!));
}

/** The schema's complaint as one sentence that names the member at fault. */
function complaint({ instancePath, message, ...error }: ReturnType<typeof validator.Errors>[number]): string {
  const place = instancePath.slice(1).replaceAll('/', '.');
  if (error.keyword === 'required') {
    const [missing] = error.params.requiredProperties;
    return `The request lacks "${place === '' ? '' : `${place}.`}${missing}".`;
  }
  return place === '' ? 'The request is no JSON object.' : `The member "${place}" of the request ${message}.`;
}

type Parameters = NonNullable<InferRequestBody['parameters']>;

/** A parameter that is a whole number from 0 to `max`; undefined where it is absent or 0, which stands for the default. */
function wholeNumber(parameters: Parameters, name: string, max: number): number | undefined {
  const value = parameters[name];
  if (value === undefined || value === 0) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= max) return value;
  throw invalid(`The parameter "${name}" must be a whole number from 0 to ${max}.`);
}

function readParameters(
  parameters: Parameters,
  { manifest }: DescribedVersion,
): Pick<RowsRequest, 'recipe' | 'priority' | 'timeoutMs'> {
  if (Object.keys(parameters).some((name) => name.startsWith('triton_'))) {
    throw invalid("Parameters whose names begin with 'triton_' are reserved.");
  }
  const { recipe } = parameters;
  if (recipe !== undefined && typeof recipe !== 'string') {
    throw invalid('The parameter "recipe" must be a string.');
  }
  const priority = wholeNumber(parameters, 'priority', 3) as 1 | 2 | 3 | undefined;
  const timeoutUs = wholeNumber(parameters, 'timeout', manifest.batching.timeoutMs * 1000);
  return {
    ...(recipe !== undefined && { recipe }),
    ...(priority !== undefined && { priority }),
    ...(timeoutUs !== undefined && { timeoutMs: Math.ceil(timeoutUs / 1000) }),
  };
}

/** Understands an infer request for `version`. Throws `invalid_request`. */
export function readCall(
  version: DescribedVersion,
  body: Buffer,
  headerLength: string | undefined,
): InferCall {
  const { json, tensors } = splitBody(body, headerLength);
  if (json === undefined) {
    const outputs = chooseOutputs(version, undefined, true);
    return { id: randomUUID(), rows: { images: readRawImage(version, tensors) }, outputs };
  }
  const request = parse(json);
  const { id, parameters = {} } = request;
  const { binary_data_output: binary = false } = parameters;
  if (typeof binary !== 'boolean') throw invalid('The parameter "binary_data_output" must be true or false.');
  return {
    id: id || randomUUID(),
    rows: { images: readImages(version, request, tensors), ...readParameters(parameters, version) },
    outputs: chooseOutputs(version, request.outputs, binary),
  };
}
