// Runs ONNX models on ONNX Runtime (npm package onnxruntime-node) for scripts/onnx/peers: one JSON request a
// line on stdin, one JSON answer a line on stdout. Tensors travel in files of raw float32.
//
//   {"do":"load","model":"m.onnx","threads":2}          -> {"inputs":[…],"outputs":[…]}
//   {"do":"run","in":"x.f32","dims":[1,3,8,8],"out":"y"} -> {"dims":[[…],…]}   writes y.0, y.1, …
//   {"do":"time","dims":[1,3,512,512],"runs":5}          -> {"seconds":[…],"cpu":[…]}
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';

const ort = createRequire(process.cwd() + '/')('onnxruntime-node');
let session;

async function load({ model, threads }) {
  const old = session;
  session = undefined;
  await old?.release();
  session = await ort.InferenceSession.create(model, {
    intraOpNumThreads: threads, interOpNumThreads: 1, executionMode: 'sequential', graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  });
  return { inputs: session.inputNames, outputs: session.outputNames };
}

const feed = (data, dims) => ({ [session.inputNames[0]]: new ort.Tensor('float32', data, dims) });

async function run({ in: file, dims, out }) {
  const bytes = readFileSync(file);
  const data = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const results = await session.run(feed(data, dims));
  return { dims: session.outputNames.map((name, k) => {
    const t = results[name];
    writeFileSync(`${out}.${k}`, new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength));
    return t.dims;
  }) };
}

async function time({ dims, runs }) {
  const size = dims.reduce((a, b) => a * b, 1);
  const feeds = feed(Float32Array.from({ length: size }, (_, i) => ((i * 7919) % 1000) / 500 - 1), dims);
  const seconds = [], cpu = [];
  for (let k = 0; k < runs; k++) {
    const start = process.hrtime.bigint(), before = process.cpuUsage();
    await session.run(feeds);
    const used = process.cpuUsage(before);
    seconds.push(Number(process.hrtime.bigint() - start) / 1e9);
    cpu.push((used.user + used.system) / 1e6);
  }
  return { seconds, cpu };
}

const requests = { load, run, time };
for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const request = JSON.parse(line);
    answer = await requests[request.do](request);
  } catch (e) {
    answer = { error: String(e.message ?? e) };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
