import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InputError } from '../errors.ts';
import { decodeModel, encodeModel, float32Constant, GraphBuilder, toFloat32 } from './index.ts';
import { ModelProtoSchema, StringStringEntryProtoSchema, TensorProto_DataLocation } from './proto/onnx_pb.ts';
import { readModel } from './read-model.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'read-model-'));
  await mkdir(join(folder, 'weights'));
});
afterAll(() => rm(folder, { recursive: true }));

const WEIGHTS = [1.5, -2, 3];

/** x * WEIGHTS. `external` says where the weights are kept. */
function modelWith(external?: Readonly<Record<string, string>>): Uint8Array {
  const b = new GraphBuilder();
  const x = { name: 'x' };
  const y = b.op('Mul', [x, b.constant(float32Constant([3], WEIGHTS), 'location')], { name: 'y' });
  const graph = b.build('g', [x], [y]);
  const bytes = encodeModel({ irVersion: 8, opset: 18, otherDomains: {}, producer: '', metadata: {}, graph });
  if (!external) return bytes;
  const proto = fromBinary(ModelProtoSchema, bytes);
  const tensor = proto.graph!.initializer[0]!;
  tensor.rawData = new Uint8Array();
  tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
  tensor.externalData = Object.entries(external).map(([key, value]) =>
    create(StringStringEntryProtoSchema, { key, value }),
  );
  return toBinary(ModelProtoSchema, proto);
}

async function written(bytes: Uint8Array): Promise<string> {
  const path = join(folder, 'model.onnx');
  await writeFile(path, bytes);
  return path;
}

const weightsOf = (bytes: Uint8Array): number[] =>
  Array.from(toFloat32([...decodeModel(bytes).graph.initializers.values()][0]!));

describe('readModel', () => {
  it.each([
    ['all of a file', { location: 'w.data' }, new Float32Array(WEIGHTS)],
    [
      'a part of a file in a folder',
      { location: 'weights/w.data', offset: '4', length: '12' },
      new Float32Array([9, ...WEIGHTS, 9]),
    ],
  ])('brings in what is kept in %s', async (_where, external, data) => {
    await writeFile(join(folder, external.location), data);
    expect(weightsOf(await readModel(await written(modelWith(external))))).toEqual(WEIGHTS);
  });

  it.each([
    ['holds all of its weights', modelWith()],
    ['is no model', new TextEncoder().encode('a location')],
  ])('leaves alone what %s', async (_what, bytes) => {
    expect(Uint8Array.from(await readModel(await written(bytes)))).toEqual(Uint8Array.from(bytes));
  });

  it.each([
    [
      'none.data',
      {},
      /^The initializer "location" is kept in .*none\.data, which cannot be read \(it does not exist\); put that file beside the model, or save the model as one file\.$/,
    ],
    [
      '../w.data',
      {},
      'The initializer "location" is kept in "../w.data", outside of the model\'s folder; save the model anew, with its weights beside it or inside.',
    ],
    [
      '/etc/hostname',
      {},
      /outside of the model's folder; save the model anew, with its weights beside it or inside\.$/,
    ],
    ['', {}, /outside of the model's folder; save the model anew, with its weights beside it or inside\.$/],
    [
      'w.data',
      { offset: '8', length: '12' },
      /is kept at bytes 8 to 20 of .*w\.data, which has 12; copy both files again, or save the model as one file\.$/,
    ],
    ['w.data', { offset: '-4' }, /is kept at bytes -4 to 12 of /],
  ])('refuses "%s" %o', async (location, place, message) => {
    await writeFile(join(folder, 'w.data'), new Float32Array(WEIGHTS));
    const failure = await readModel(await written(modelWith({ location, ...place }))).catch(
      (e: unknown) => e,
    );
    expect(failure).toBeInstanceOf(InputError);
    expect((failure as Error).message).toMatch(message);
  });
});
