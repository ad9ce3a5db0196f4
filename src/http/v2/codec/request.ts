import { randomUUID } from 'node:crypto';
import { Compile } from 'typebox/compile';
import { boundInWords, ServiceError } from '../../../errors.ts';
import type { RowsRequest } from '../../../inference/inference.ts';
import type { DescribedVersion } from '../../../models/model.ts';
import { InferRequest, type InferRequestBody } from '../schemas/infer.ts';
import { splitBody } from './body.ts';
import { readImages, readRawImage } from './images.ts';
import { chooseOutputs, type WantedOutput } from './outputs.ts';

/** An infer request as it was understood. */
export interface InferCall {
  readonly id: string;
  readonly rows: Omit<RowsRequest, 'model' | 'version' | 'caller' | 'signal'>;
  readonly outputs: readonly WantedOutput[];
  /** Whether the caller may know what the unadapted model predicts. */
  readonly seesStatic: boolean;
}

const validator = Compile(InferRequest);

const invalid = (message: string, cause?: unknown): ServiceError =>
  new ServiceError('invalid_request', message, { cause });

const PARAMETERS = ['recipe', 'priority', 'timeout'];

/**
 * Refuses a parameter in a place where the protocol passes over what it does not know: the query, or beside
 * the inputs. The answer would be that of another recipe. Throws `invalid_request`.
 */
export function refuseStray(place: object): void {
  const stray = PARAMETERS.find((name) => Object.hasOwn(place, name));
  if (stray === undefined) return;
  throw invalid(
    `Write "${stray}" into "parameters" of the JSON: it is a parameter, and passed over elsewhere.`,
  );
}

function parse(json: Buffer): InferRequestBody {
  let value: unknown;
  try {
    value = JSON.parse(json.toString());
  } catch (cause) {
    throw invalid('The request is not valid JSON.', cause);
  }
  if (validator.Check(value)) {
    refuseStray(value);
    return value;
  }
  throw invalid(complaint(validator.Errors(value)));
}

/** The schema's first complaint as one sentence that names the member at fault. */
function complaint(errors: ReturnType<typeof validator.Errors>): string {
  const [{ instancePath, message, ...error }] = errors as [(typeof errors)[number]];
  const place = instancePath.slice(1, 100).replaceAll('/', '.');
  if (error.keyword === 'required') {
    const [missing] = error.params.requiredProperties;
    return `The request lacks "${place === '' ? '' : `${place}.`}${missing}".`;
  }
  if (place === '') return 'The request is no JSON object.';
  // One complaint for each type that it might have.
  const types = errors.flatMap((each) =>
    each.instancePath === instancePath && each.keyword === 'type' ? [each.params.type] : [],
  );
  const bound = boundInWords(error.params) ?? message;
  const fault = types.length > 1 ? `must be either ${types.join(' or ')}` : bound;
  return `The member "${place}" of the request ${fault}.`;
}

function readParameters(
  parameters: NonNullable<InferRequestBody['parameters']>,
): Pick<RowsRequest, 'recipe' | 'priority' | 'timeoutMs'> {
  if (Object.keys(parameters).some((name) => name.startsWith('triton_'))) {
    throw invalid("Parameters whose names begin with 'triton_' are reserved.");
  }
  // 0 means the default for both.
  const { recipe, priority = 0, timeout = 0 } = parameters;
  return {
    ...(recipe !== undefined && { recipe }),
    ...(priority !== 0 && { priority: priority as 1 | 2 | 3 }),
    ...(timeout !== 0 && { timeoutMs: Math.ceil(timeout / 1000) }),
  };
}

/** Reads an infer request for `version`. Throws `invalid_request`. */
export function readCall(
  version: DescribedVersion,
  body: Buffer,
  headerLength: string | undefined,
  seesStatic: boolean,
): InferCall {
  const { json, tensors } = splitBody(body, headerLength);
  if (json === undefined) {
    const outputs = chooseOutputs(version, undefined, { binaryByDefault: true, seesStatic });
    return { id: randomUUID(), rows: { images: readRawImage(version, tensors) }, outputs, seesStatic };
  }
  const request = parse(json);
  const { id, parameters = {} } = request;
  return {
    id: id || randomUUID(),
    rows: { images: readImages(version, request, tensors), ...readParameters(parameters) },
    outputs: chooseOutputs(version, request.outputs, {
      binaryByDefault: parameters.binary_data_output ?? false,
      seesStatic,
    }),
    seesStatic,
  };
}
