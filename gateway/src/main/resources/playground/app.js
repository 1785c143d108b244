import * as api from './api.js';
import { LANGUAGES } from './code.js';
import { $, attempt, el, say } from './dom.js';
import * as shelf from './shelf.js';
import * as talk from './talk.js';
import * as viewer from './viewer.js';

const COUNT_DELAY_MS = 350;
let models = [];
let running = null;
let counting = null;
let countTimer = 0;

// ---- the request that the page describes

function partsOf(files) {
  const fps = Number($('fps').value);
  return files.map((file) => ({
    fileData: { mimeType: file.mimeType, fileUri: file.name },
    ...(fps > 0 && file.mimeType.startsWith('video/') && { videoMetadata: { fps } }),
  }));
}

function request(question) {
  const files = shelf.asked();
  // A conversation about the same files shows them once, in its first turn.
  const first = talk.contents.length === 0 ? partsOf(files) : partsOf(files.filter((f) => !alreadyShown(f)));
  const contents = [...talk.contents, { role: 'user', parts: [...first, { text: question }] }];
  const generationConfig = {
    ...($('temperature').value && { temperature: Number($('temperature').value) }),
    ...($('max-tokens').value && { maxOutputTokens: Number($('max-tokens').value) }),
    ...($('resolution').value && { mediaResolution: $('resolution').value }),
  };
  const context = shelf.context();
  return {
    contents,
    generationConfig,
    ...(context && { cachedContent: context.name }),
    ...(!context && $('system').value.trim() && { systemInstruction: { parts: [{ text: $('system').value.trim() }] } }),
  };
}

function alreadyShown(file) {
  return talk.contents.some((c) => c.parts.some((p) => p.fileData?.fileUri === file.name));
}

const model = () => $('model').value;

// ---- asking

/** What is ticked must not be left out of a question without a word. */
function allRead() {
  const unread = shelf.unread();
  if (unread.length) say(`still reading ${unread.join(', ')}: wait, or untick`, true);
  return !unread.length;
}

async function ask() {
  const question = $('question').value.trim();
  if (running) {
    running.abort();
    return;
  }
  if (!question || !model()) return;
  if (!allRead()) return;
  const sent = request(question);
  talk.question(question, shelf.asked().filter((f) => !alreadyShown(f)));
  $('question').value = '';
  const answer = new talk.Answer();
  running = new AbortController();
  $('send').textContent = 'Stop';
  say('answering ...');
  try {
    for await (const response of api.stream(model(), sent, running.signal)) answer.take(response);
    talk.contents.push(sent.contents.at(-1), { role: 'model', parts: [{ text: answer.done(shelf.context()) }] });
    say('');
  } catch (error) {
    answer.fail(error.name === 'AbortError' ? 'stopped' : error.message);
    if (!$('question').value) $('question').value = question;
    say('');
  } finally {
    running = null;
    $('send').textContent = 'Ask';
    scheduleCount();
  }
}

// ---- tokens of the next request

function scheduleCount() {
  clearTimeout(countTimer);
  countTimer = setTimeout(count, COUNT_DELAY_MS);
}

async function count() {
  counting?.abort();
  if (!model() || running) return;
  const question = $('question').value.trim();
  if (!question && !shelf.asked().length && !shelf.context()) {
    $('tokens').replaceChildren();
    return;
  }
  counting = new AbortController();
  // Media alone can be counted with any word beside them.
  const { contents, cachedContent, systemInstruction } = request(question || '?');
  try {
    const counted = await api.countTokens(model(), { contents, cachedContent, systemInstruction }, counting.signal);
    drawTokens(counted);
  } catch (error) {
    if (error.name !== 'AbortError') $('tokens').replaceChildren(el('span', { className: 'bad' }, error.message));
  }
}

function drawTokens(counted) {
  const limit = models.find((m) => m.name === model())?.inputTokenLimit ?? 1;
  const kinds = counted.promptTokensDetails ?? [];
  const bar = el(
    'div',
    { className: 'bar' },
    ...kinds.map((kind) => {
      const piece = el('span', { title: `${kind.modality.toLowerCase()}: ${kind.tokenCount}` });
      piece.style.background = `var(--${kind.modality})`;
      piece.style.width = `${(100 * kind.tokenCount) / limit}%`;
      return piece;
    }),
  );
  const words = kinds.map((kind) => `${kind.tokenCount} ${kind.modality.toLowerCase()}`).join(', ');
  $('tokens').replaceChildren(bar, `${counted.totalTokens} of ${limit} tokens${kinds.length > 1 ? ` (${words})` : ''}`);
  $('tokens').ariaLabel = `${counted.totalTokens} of ${limit} tokens: ${words}`;
}

// ---- copy as code

function showCode() {
  const sent = request($('question').value.trim() || 'Your question');
  const tabs = Object.keys(LANGUAGES).map((name) => {
    const tab = el('button', { role: 'tab', onclick: () => pick(name) }, name);
    return tab;
  });
  const pick = (name) => {
    tabs.forEach((tab) => tab.setAttribute('aria-selected', tab.textContent === name));
    $('code-text').textContent = LANGUAGES[name](location.origin, model().replace(/^models\//, ''), sent);
    localStorage.setItem('longreach.language', name);
  };
  $('code-tabs').replaceChildren(...tabs);
  const last = localStorage.getItem('longreach.language');
  pick(last in LANGUAGES ? last : 'Python');
  $('code').showModal();
}

// ---- start

async function connect() {
  await attempt(async () => {
    models = (await api.models()).filter((m) => m.supportedGenerationMethods?.includes('generateContent'));
    $('model').replaceChildren(...models.map((m) => el('option', { value: m.name }, m.displayName || m.name)));
    await shelf.load();
    say(models.length ? '' : 'no model is served', models.length === 0);
    scheduleCount();
  });
}

function theme(value) {
  document.documentElement.dataset.theme = value;
}

function flipTheme() {
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const now = document.documentElement.dataset.theme || (dark ? 'dark' : 'light');
  const next = now === 'dark' ? 'light' : 'dark';
  theme(next);
  localStorage.setItem('longreach.theme', next);
}

function newTalk() {
  running?.abort();
  talk.clear();
  viewer.close();
  $('question').focus();
  scheduleCount();
}

theme(localStorage.getItem('longreach.theme') ?? '');
$('key').value = sessionStorage.getItem('longreach.key') ?? '';
api.useKey($('key').value);
shelf.onChange(scheduleCount);

$('key').onchange = () => {
  sessionStorage.setItem('longreach.key', $('key').value);
  api.useKey($('key').value);
  connect();
};
$('ask').onsubmit = (event) => {
  event.preventDefault();
  ask();
};
$('context-form').onsubmit = (event) => {
  event.preventDefault();
  if (!allRead()) return;
  const files = shelf.asked();
  if (!files.length) {
    say('tick a file first', true);
    return;
  }
  const system = $('system').value.trim();
  shelf.keep(
    {
      model: model(),
      displayName: files.map((f) => f.displayName).join(', ').slice(0, 128),
      contents: [{ role: 'user', parts: partsOf(files) }],
      ...(system && { systemInstruction: { parts: [{ text: system }] } }),
    },
    Number($('context-ttl').value) || 1,
  );
};
$('question').onkeydown = (event) => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    ask();
  }
};
$('drop').onclick = () => $('picker').click();
$('drop').onkeydown = (event) => {
  if (event.key === 'Enter' || event.key === ' ') $('picker').click();
};
$('picker').onchange = () => {
  shelf.add($('picker').files);
  $('picker').value = '';
};
for (const name of ['dragover', 'dragleave', 'drop']) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    $('drop').classList.toggle('over', name === 'dragover');
    if (name === 'drop') shelf.add(event.dataTransfer.files);
  });
}
for (const id of ['question', 'fps', 'resolution', 'system', 'model']) $(id).addEventListener('input', scheduleCount);
$('copy').onclick = showCode;
$('code-close').onclick = () => $('code').close();
$('code-copy').onclick = () => navigator.clipboard.writeText($('code-text').textContent).then(() => say('copied'));
$('clear').onclick = newTalk;
$('theme').onclick = flipTheme;
$('viewer-close').onclick = viewer.close;
$('toggle-side').onclick = () => {
  const open = $('side').classList.toggle('open');
  $('toggle-side').ariaExpanded = open;
};
document.addEventListener('keydown', (event) => {
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  if (event.key === '/' && !typing) {
    event.preventDefault();
    $('question').focus();
  } else if (event.key === 'Escape' && !$('code').open) {
    if (running) running.abort();
    else viewer.close();
  } else if (event.altKey && event.code === 'KeyN') {
    newTalk();
  } else if (event.altKey && event.code === 'KeyC') {
    showCode();
  }
});
connect();
$('question').focus();
