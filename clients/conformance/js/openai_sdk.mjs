// OpenAI's JavaScript SDK, unmodified, through the cases that it has calls for. Run it where the package is installed:
//
//   npm install openai
//   LONGREACH_URL=http://127.0.0.1:8080 node .../openai_sdk.mjs [CASE ...]

import { createReadStream } from 'node:fs';
import * as report from './report.mjs';
import { FACT, MODEL, QUESTION, base64, check, media } from './report.mjs';

const { default: OpenAI } = await report.load('openai');
const connect = (apiKey) => new OpenAI({ apiKey, baseURL: report.URL_ + '/openai/v1', maxRetries: 0 });
const client = connect(report.KEY);

const user = (content) => ({ role: 'user', content });
const ask = (messages, more = {}) =>
  client.chat.completions.create({
    model: MODEL, messages: typeof messages === 'string' ? [user(messages)] : messages, temperature: 0, max_tokens: 8,
    ...more,
  });
const words = (answer) => answer.choices[0].message.content;

function checkAnswer(answer) {
  const { usage, choices } = answer;
  check(choices[0].message.content && ['stop', 'length'].includes(choices[0].finish_reason), answer);
  check(usage.total_tokens === usage.prompt_tokens + usage.completion_tokens, usage);
}

/** The prompt holds what was read: more tokens than the question alone. */
async function about(part, text) {
  const answer = await ask([user([part, { type: 'text', text }])], { max_tokens: 16 });
  checkAnswer(answer);
  check(answer.usage.prompt_tokens > (await ask(text, { max_tokens: 1 })).usage.prompt_tokens + 3, answer);
}

const parameters = {
  type: 'object', properties: { city: { type: 'string', maxLength: 30 } }, required: ['city'],
};
const tools = [
  { type: 'function', function: { name: 'get_weather', description: 'Tells the weather in a city.', parameters } },
];

await report.run('openai', {
  generate: async () => checkAnswer(await ask(FACT + QUESTION)),

  stream: async () => {
    const whole = await ask(FACT + QUESTION);
    let text = '';
    let pieces = 0;
    let usage;
    for await (const piece of await ask(FACT + QUESTION, { stream: true, stream_options: { include_usage: true } })) {
      text += piece.choices[0]?.delta.content ?? '';
      usage = piece.usage ?? usage;
      pieces++;
    }
    check(pieces > 2 && text === words(whole), text);
    check(usage.total_tokens === whole.usage.total_tokens, usage);
  },

  chat: async () => {
    const messages = [user('My name is Ada.')];
    const first = await ask(messages);
    messages.push(first.choices[0].message, user('What is my name?'));
    const second = await ask(messages);
    checkAnswer(second);
    check(second.usage.prompt_tokens > first.usage.prompt_tokens, second);
  },

  system_instruction: async () => {
    const told = await ask([{ role: 'system', content: 'Answer with one word. ' + FACT }, user(QUESTION)]);
    check(words(told) !== words(await ask(QUESTION)), told);
  },

  image: () =>
    about({ type: 'image_url', image_url: { url: 'data:image/png;base64,' + base64('sign.png') } }, 'Where to?'),
  audio: () => about({ type: 'input_audio', input_audio: { data: base64('speech.mp3'), format: 'mp3' } }, 'To whom?'),
  // Not of OpenAI's own; other servers have the part under this name, and the client sends it unchecked.
  video: () => about({ type: 'video_url', video_url: { url: 'data:video/mp4;base64,' + base64('clip.mp4') } }, 'Who?'),
  pdf: () => {
    const file = { filename: 'notice.pdf', file_data: 'data:application/pdf;base64,' + base64('notice.pdf') };
    return about({ type: 'file', file }, 'Who is the harbour master?');
  },

  function_calling: async () => {
    const messages = [user('What is the weather in Oslo?')];
    const asked = await ask(messages, { tools, tool_choice: 'required', max_tokens: 80 });
    const call = asked.choices[0].message.tool_calls[0];
    check(call.function.name === 'get_weather', asked);
    check(typeof JSON.parse(call.function.arguments).city === 'string', asked);
    messages.push(asked.choices[0].message, { role: 'tool', tool_call_id: call.id, content: '{"sky": "clear"}' });
    checkAnswer(await ask(messages, { tools, tool_choice: 'none' }));
  },

  json_schema: async () => {
    const schema = {
      type: 'object', properties: { name: { type: 'string', maxLength: 20 }, year: { type: 'integer' } },
      required: ['name', 'year'], additionalProperties: false,
    };
    const answer = await ask('The Aurora was built in 1904. Describe the ship as JSON.', {
      response_format: { type: 'json_schema', json_schema: { name: 'ship', strict: true, schema } }, max_tokens: 80,
    });
    const ship = JSON.parse(words(answer));
    check(Object.keys(ship).sort().join() === 'name,year' && Number.isInteger(ship.year), answer);
  },

  embeddings: async () => {
    const made = await client.embeddings.create({ model: report.EMBEDDER, input: report.SENTENCES });
    report.checkEmbeddings(made.data.map((each) => each.embedding));
  },

  transcription: async () => {
    const spoken = await client.audio.transcriptions.create({
      model: 'whisper-1', file: createReadStream(media('speech.mp3')), response_format: 'verbose_json',
    });
    check(/americans/i.test(spoken.text) && spoken.segments.length > 0, spoken);
  },

  error_bad_key: () => report.refused(() => connect('wrong').models.list(), 401),

  error_bad_model: async () => {
    const e = await report.refused(() => ask('Hello', { model: 'no-such-model' }), 404);
    check(e.message.includes('no-such-model'), e.message);
  },

  error_quota: () => {
    const limited = connect(report.LIMITED_KEY);
    const one = () => limited.chat.completions.create({ model: MODEL, max_tokens: 1, messages: [user('Hello')] });
    return report.refused(async () => {
      await one();
      await one();
    }, 429);
  },

  error_too_long: () => report.refused(() => ask(report.TOO_LONG), 400),
});
