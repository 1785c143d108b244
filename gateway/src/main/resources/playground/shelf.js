import * as api from './api.js';
import { $, attempt, bytes, el, say } from './dom.js';
import { forget } from './viewer.js';

/** Files and contexts: what can be asked about. */

const POLL_MS = 700;
const files = new Map();
const ticked = new Set();
let contexts = [];
let chosenContext = '';
let changed = () => {};

export function onChange(listener) {
  changed = listener;
}

export const fileOf = (name) => files.get(name);
export const context = () => contexts.find((c) => c.name === chosenContext);

/** The ticked files that can be asked about; none while a context is chosen, which has its own. */
export function asked() {
  return chosenContext ? [] : [...ticked].map((name) => files.get(name)).filter((f) => f?.state === 'ACTIVE');
}

/** The names of files on their way and of ticked ones that are still being read. */
export function unread() {
  return chosenContext
    ? []
    : [...files.values()]
        .filter((f) => f.state === 'UPLOADING' || (f.state === 'PROCESSING' && ticked.has(f.name)))
        .map((f) => f.displayName);
}

export async function load() {
  for (const file of await api.files()) files.set(file.name, file);
  [...files.values()].filter((f) => f.state === 'PROCESSING').forEach(watch);
  drawFiles();
  await loadContexts();
  contexts.filter(pending).forEach((c) => attempt(() => prefilled(c)));
}

async function loadContexts() {
  contexts = await api.contexts();
  if (!context()) chosenContext = '';
  drawContexts();
}

export function add(list) {
  for (const blob of list) attempt(() => send(blob));
}

async function send(blob) {
  const pending = `uploading ${blob.name} ${performance.now()}`;
  const entry = { name: pending, displayName: blob.name, sizeBytes: blob.size, state: 'UPLOADING', progress: 0 };
  files.set(pending, entry);
  drawFiles();
  try {
    const file = await api.upload(blob, (fraction) => {
      entry.progress = fraction;
      drawFiles();
    });
    files.set(file.name, file);
    ticked.add(file.name);
    watch(file);
  } finally {
    files.delete(pending);
    drawFiles();
  }
}

async function watch(file) {
  await attempt(async () => {
    for (let now = file; now.state === 'PROCESSING'; ) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      if (!files.has(file.name)) return;
      now = await api.file(file.name);
      files.set(now.name, now);
      drawFiles();
    }
    changed();
  });
}

function detail(file) {
  const media = file.longreachMedia ?? {};
  if (file.state === 'UPLOADING') return 'uploading';
  if (file.state === 'PROCESSING') return media.stage || 'waiting';
  if (file.state === 'FAILED') return file.error?.message ?? 'failed';
  return [
    bytes(Number(file.sizeBytes)),
    media.pages > 1 && `${media.pages} pages`,
    media.duration && `${Math.round(parseFloat(media.duration))} s`,
    media.textChars && `${media.textChars} characters`,
  ]
    .filter(Boolean)
    .join(' · ');
}

function drawFiles() {
  const items = [...files.values()].sort((a, b) => (b.createTime ?? '~').localeCompare(a.createTime ?? '~'));
  $('files').replaceChildren(...items.map(drawFile));
  changed();
}

function drawFile(file) {
  const busy = file.state === 'PROCESSING' || file.state === 'UPLOADING';
  const tick = el('input', { type: 'checkbox', checked: ticked.has(file.name), disabled: file.state === 'UPLOADING' });
  tick.onchange = () => {
    if (tick.checked) ticked.add(file.name);
    else ticked.delete(file.name);
    changed();
  };
  const gone = () =>
    attempt(async () => {
      await api.remove(file.name);
      files.delete(file.name);
      ticked.delete(file.name);
      forget(file.name);
      drawFiles();
    });
  const item = el(
    'li',
    { className: 'item' },
    el(
      'div',
      { className: 'row' },
      el('label', { title: file.displayName }, tick, el('span', { className: 'name' }, file.displayName || file.name)),
      file.state === 'UPLOADING'
        ? ''
        : el('button', { className: 'icon', ariaLabel: `Delete ${file.displayName}`, onclick: gone }, '✕'),
    ),
    busy && el('progress', { max: 1, value: (file.state === 'UPLOADING' ? file.progress : file.longreachMedia?.progress) ?? 0 }),
    el('div', { className: file.state === 'FAILED' ? 'bad detail' : 'detail' }, detail(file)),
  );
  item.dataset.state = file.state;
  return item;
}

export async function keep(body, hours) {
  say('laying the context out ...');
  const made = await attempt(() =>
    api.createContext({ ...body, ttl: `${hours * 3600}s`, longreachBackground: true }),
  );
  if (!made) return;
  await attempt(loadContexts);
  const ready = await attempt(() => prefilled(made));
  if (!ready) return;
  say(`context ready: ${ready.usageMetadata?.totalTokenCount ?? '?'} tokens`);
  chosenContext = made.name;
  drawContexts();
}

const pending = (c) => ['QUEUED', 'PREFILLING'].includes(c.longreachProgress?.state);

/** Shows how far a prefill is until it is over; it goes on without this page. */
async function prefilled(made) {
  for (let c = made; ; c = await api.file(made.name)) {
    contexts = contexts.map((each) => (each.name === c.name ? c : each));
    drawContexts();
    if (c.longreachProgress?.state === 'FAILED') throw new Error(c.longreachProgress.error?.message ?? 'no reason given');
    if (!pending(c)) return c;
    say(`prefilling the context: ${far(c.longreachProgress)}`);
    await new Promise((done) => setTimeout(done, 500));
  }
}

function far(progress) {
  const parts = [`${progress.doneTokens ?? 0} of ${progress.totalTokens ?? '?'} tokens`];
  if (progress.tokensPerSecond) parts.push(`${Math.round(progress.tokensPerSecond)} tokens/s`);
  if (progress.secondsLeft) {
    const s = progress.secondsLeft;
    parts.push(s > 90 ? `${Math.round(s / 60)} min left` : `${Math.round(s)} s left`);
  }
  return parts.join(', ');
}

function left(expireTime) {
  const minutes = Math.max(0, Math.round((new Date(expireTime) - Date.now()) / 60000));
  return minutes > 90 ? `${Math.round(minutes / 60)} h left` : `${minutes} min left`;
}

function drawContexts() {
  $('contexts').replaceChildren(...contexts.map(drawContext));
  changed();
}

function drawContext(c) {
  const failed = c.longreachProgress?.state === 'FAILED';
  const unready = failed || pending(c);
  const choose = el('input', { type: 'checkbox', checked: c.name === chosenContext, disabled: unready });
  choose.onchange = () => {
    chosenContext = choose.checked ? c.name : '';
    drawContexts();
  };
  const extend = () =>
    attempt(async () => {
      const seconds = Math.max(0, Math.round((new Date(c.expireTime) - Date.now()) / 1000)) + 3600;
      await api.extendContext(c.name, `${seconds}s`);
      await loadContexts();
    });
  const gone = () =>
    attempt(async () => {
      await api.remove(c.name);
      await loadContexts();
    });
  return el(
    'li',
    { className: 'item' },
    el(
      'div',
      { className: 'row' },
      el('label', {}, choose, el('span', { className: 'name' }, c.displayName || c.name)),
      unready ? '' : el('button', { onclick: extend, title: 'One hour more' }, '+1 h'),
      el('button', { className: 'icon', ariaLabel: `Delete ${c.displayName || c.name}`, onclick: gone }, '✕'),
    ),
    pending(c) &&
      el('progress', { max: c.longreachProgress.totalTokens ?? 1, value: c.longreachProgress.doneTokens ?? 0 }),
    el(
      'div',
      { className: failed ? 'bad detail' : 'detail' },
      failed
        ? c.longreachProgress.error?.message
        : pending(c)
          ? far(c.longreachProgress)
          : `${c.usageMetadata?.totalTokenCount ?? '?'} tokens · ${left(c.expireTime)}`,
    ),
  );
}
