// What the JavaScript clients share: where the service is, and one JSON line for each case.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const env = process.env;
export const URL_ = env.LONGREACH_URL;
export const KEY = env.LONGREACH_KEY ?? 'any';
export const LIMITED_KEY = env.LONGREACH_LIMITED_KEY ?? '';
export const MODEL = env.LONGREACH_MODEL ?? 'smollm2-135m';
export const EMBEDDER = env.LONGREACH_EMBEDDER ?? 'all-minilm-l6-v2';
const here = path.dirname(fileURLToPath(import.meta.url));
const MEDIA = env.LONGREACH_MEDIA ?? path.join(here, '..', 'media');

export const CASES = (
  'generate stream chat system_instruction image audio video pdf files count_tokens cached_content function_calling ' +
  'json_schema embeddings transcription interactions error_bad_key error_bad_model error_quota error_too_long'
).split(' ');
export const FACT = 'The lighthouse at Skerrow was built in 1874 and its lamp can be seen for thirty kilometres. ';
export const QUESTION = 'When was the lighthouse built?';
export const TOO_LONG = 'word '.repeat(20000);
export const SENTENCES = ['The ferry leaves at six.', 'A boat departs in the evening.', 'The soup is too salty.'];

/** Imports from where the script was started: that directory holds the client under test. */
export async function load(name) {
  return import(createRequire(path.join(process.cwd(), 'package.json')).resolve(name));
}

export const version = (name) =>
  JSON.parse(readFileSync(path.join(process.cwd(), 'node_modules', name, 'package.json'), 'utf8')).version;
export const media = (name) => path.join(MEDIA, name);
export const base64 = (name) => readFileSync(media(name)).toString('base64');

export class NotApplicable extends Error {}

export function check(condition, shown) {
  if (!condition) {
    throw new Error((typeof shown === 'string' ? shown : JSON.stringify(shown) ?? 'undefined').slice(0, 600));
  }
}

export function checkEmbeddings(vectors) {
  check(vectors.length === 3 && vectors.every((v) => v.length === 384), vectors.map((v) => v.length));
  const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
  const cosine = (a, b) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  const [near, far] = [cosine(vectors[0], vectors[1]), cosine(vectors[0], vectors[2])];
  check(near > far + 0.2, [near, far]);
}

/** Runs what must be refused and returns the error. */
export async function refused(call, code) {
  let answer;
  try {
    answer = await call();
  } catch (e) {
    check((e.status ?? e.code ?? e.statusCode) === code, `${e.name}: ${e.status} ${e.message}`);
    return e;
  }
  throw new Error(`was answered (expected: an error ${code}): ${JSON.stringify(answer)}`);
}

/** Runs the cases in their order; those that are named on the command line, or all. */
export async function run(client, cases) {
  const wanted = process.argv.length > 2 ? process.argv.slice(2) : CASES;
  let failed = 0;
  for (const name of wanted) {
    const began = performance.now();
    const line = { client, language: 'JavaScript', version: version(client), case: name };
    try {
      if (!cases[name]) {
        throw new NotApplicable('the client has no such call');
      }
      await cases[name]();
      line.outcome = 'pass';
    } catch (e) {
      line.outcome = e instanceof NotApplicable ? 'n/a' : 'fail';
      failed += e instanceof NotApplicable ? 0 : 1;
      const at = /(\w+\.mjs:\d+)/.exec((e.stack ?? '').replaceAll('report.mjs', ''))?.[1] ?? '';
      line.reason = e instanceof NotApplicable ? e.message : `${e.name}: ${e.message} (${at})`.slice(0, 800);
    }
    line.ms = Math.round(performance.now() - began);
    console.log(JSON.stringify(line));
  }
  process.exit(failed ? 1 : 0);
}
