/** The Gemini API of the server that this page came from. */

const BASE = '/v1beta';
const CHUNK = 4 << 20;

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

let key = '';

export function useKey(value) {
  key = value;
}

function headers(more = {}) {
  return key ? { 'x-goog-api-key': key, ...more } : more;
}

async function failure(response) {
  let message = `${response.status} ${response.statusText}`;
  try {
    message = (await response.json()).error.message;
  } catch {
    // No body in the API's form: the status line says what there is to say.
  }
  return new ApiError(response.status, message);
}

async function call(method, path, body, signal) {
  const response = await fetch(BASE + path, {
    method,
    headers: headers(body ? { 'Content-Type': 'application/json' } : {}),
    body: body && JSON.stringify(body),
    signal,
  });
  if (!response.ok) throw await failure(response);
  return response.json();
}

async function all(path, field) {
  const items = [];
  let token = '';
  do {
    const page = await call('GET', `${path}?pageSize=100${token && `&pageToken=${encodeURIComponent(token)}`}`);
    items.push(...(page[field] ?? []));
    token = page.nextPageToken ?? '';
  } while (token);
  return items;
}

export const models = () => all('/models', 'models');
export const files = () => all('/files', 'files');
export const file = (name) => call('GET', `/${name}`);
export const remove = (name) => call('DELETE', `/${name}`);
export const contexts = () => all('/cachedContents', 'cachedContents');
export const createContext = (body) => call('POST', '/cachedContents', body);
export const extendContext = (name, ttl) => call('PATCH', `/${name}?updateMask=ttl`, { ttl });
export const countTokens = (model, request, signal) =>
  call('POST', `/${model}:countTokens`, { generateContentRequest: { model, ...request } }, signal);

/** The bytes of a file that was uploaded, as a Blob. */
export async function download(name) {
  const response = await fetch(`${BASE}/${name}:download?alt=media`, { headers: headers() });
  if (!response.ok) throw await failure(response);
  return response.blob();
}

/** Sends a file in pieces; progress(0..1) is told after each. Answers the file's resource. */
export async function upload(blob, progress) {
  const start = await fetch(`/upload${BASE}/files`, {
    method: 'POST',
    headers: headers({
      'X-Goog-Upload-Protocol': 'resumable',
      'X-Goog-Upload-Command': 'start',
      'X-Goog-Upload-Header-Content-Type': blob.type,
      'X-Goog-Upload-Header-Content-Length': blob.size,
      'Content-Type': 'application/json',
    }),
    body: JSON.stringify({ file: { displayName: blob.name } }),
  });
  if (!start.ok) throw await failure(start);
  const url = new URL(start.headers.get('X-Goog-Upload-URL'), location.href);
  for (let at = 0; ; at += CHUNK) {
    const last = at + CHUNK >= blob.size;
    const sent = await fetch(url.pathname + url.search, {
      method: 'POST',
      headers: headers({
        'X-Goog-Upload-Command': last ? 'upload, finalize' : 'upload',
        'X-Goog-Upload-Offset': at,
      }),
      body: blob.slice(at, at + CHUNK),
    });
    if (!sent.ok) throw await failure(sent);
    progress(Math.min(1, (at + CHUNK) / blob.size));
    if (last) return (await sent.json()).file;
  }
}

/** Each response of a streamed answer. */
export async function* stream(model, request, signal) {
  const response = await fetch(`${BASE}/${model}:streamGenerateContent?alt=sse`, {
    method: 'POST',
    headers: headers({ 'Content-Type': 'application/json' }),
    body: JSON.stringify(request),
    signal,
  });
  if (!response.ok) throw await failure(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = '';
  for (;;) {
    const { done, value } = await reader.read();
    buffer += value ?? '';
    const events = buffer.split(/\r?\n\r?\n/);
    buffer = events.pop();
    for (const event of events) {
      if (!event.startsWith('data:')) continue;
      const data = JSON.parse(event.slice(5));
      if (data.error) throw new ApiError(data.error.code, data.error.message);
      yield data;
    }
    if (done) return;
  }
}
